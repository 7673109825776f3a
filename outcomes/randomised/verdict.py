"""Did it help? One word per comparison, and the reason for it."""

from math import isfinite
from typing import Literal, NamedTuple

from outcomes.randomised.lift import Difference

Word = Literal["helped", "harmed", "cannot say", "withheld"]
Direction = Literal["higher", "lower"]
NOT_RANDOMISED = (
    "nobody was drawn by lot: this is an association, and whoever was chosen may have differed "
    "from the others before anything was done"
)


class Judged(NamedTuple):
    """The verdict on one comparison.

    `worthwhile` is whether the effect is at least the smallest worthwhile one that was stated:
    "yes" when the whole interval is, "no" when none of it is, None when nothing was stated or
    nothing can be said.
    """

    word: Word
    reason: str
    worthwhile: Literal["yes", "no", "cannot say"] | None = None


def judge(
    found: Difference,
    *,
    good_is: Direction = "higher",
    p_adjusted: float | None = None,
    smallest_worthwhile: float | None = None,
    randomised: bool = True,
    withheld: str = "",
) -> Judged:
    """Say whether the treated fared better, from the interval and the direction that is good.

    "helped" and "harmed" need an interval wholly on one side of zero and, where several comparisons
    were made, `p_adjusted` (Holm) within 1 − level. `smallest_worthwhile` is a size in the unit of
    the outcome, above 0. `withheld` says why nothing may be read from these arms (a broken draw);
    without a random draw (`randomised`) an interval never becomes an effect. Bounds or a difference
    that are no finite numbers say nothing.
    """
    if withheld:
        return Judged("withheld", withheld)
    if found.low is None or found.high is None:
        return Judged("cannot say", "too few people to say")
    if not all(isfinite(each) for each in (found.low, found.high, found.difference or 0.0)):
        return Judged("cannot say", "the values are too large to be counted with")
    if not randomised:
        return Judged("cannot say", NOT_RANDOMISED)
    low, high = (
        (found.low, found.high) if good_is == "higher" else (-found.high, -found.low)
    )  # above 0 is good
    worthwhile = _worthwhile(low, high, smallest_worthwhile)
    if low <= 0 <= high:
        return Judged("cannot say", "zero lies within the interval", worthwhile)
    if p_adjusted is not None and not p_adjusted <= 1 - found.level:
        reason = (
            f"clear alone, but of as many comparisons as were made one does so by chance "
            f"(p = {p_adjusted:.2g} over all)"
        )
        return Judged("cannot say", reason, worthwhile)
    word: Word = "helped" if low > 0 else "harmed"
    reason = f"the whole interval is {'better' if low > 0 else 'worse'} than no effect"
    if worthwhile == "no" and low > 0:
        reason += ", and smaller than what was called worthwhile"
    return Judged(word, reason, worthwhile)


def _worthwhile(
    low: float, high: float, least: float | None
) -> Literal["yes", "no", "cannot say"] | None:
    if least is None:
        return None
    if low >= least:
        return "yes"
    return "no" if high < least else "cannot say"
