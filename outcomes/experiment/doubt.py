"""Was a covariate really known before? What adjusting did to a difference can speak against it.

Covariates from before a draw by lot narrow an interval and hardly move its middle: plain and
adjusted differ by no more than chance put into the covariates, whose size is known. What the
treatment moved, or what follows from the outcome, carries the effect away instead.
"""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

from scipy.special import ndtr

from outcomes.randomised.cuped import Adjusted
from outcomes.randomised.lift import Difference

MOST_EXPLAINED = 0.8
"""Above this part of the variance, a covariate is nearly the outcome itself."""
ALARM = 0.01
"""Below this p-value, over all comparisons, the move is told: as a question, not a verdict."""
_ASK = "was every covariate really known before anybody was assigned?"


class Pair(NamedTuple):
    """One comparison, plain and adjusted."""

    outcome: str
    arm: str
    plain: Difference
    adjusted: Adjusted | None


def doubts(pairs: Iterable[Pair], covariates: Sequence[str]) -> list[str]:
    """Give a warning for each comparison that its covariates explain too well or move too far."""
    looked_at = [each for each in pairs if each.adjusted is not None]
    found = []
    for each in looked_at:
        assert each.adjusted is not None
        reduction, moved = each.adjusted.variance_reduction, chance_of_move(each)
        if reduction > MOST_EXPLAINED:
            found.append(
                f"{', '.join(covariates)} explains {reduction:.0%} of {each.outcome} ({each.arm}), "
                f"more than what comes before usually does: {_ASK}"
            )
        if moved is not None and moved * len(looked_at) < ALARM:
            found.append(
                f"{', '.join(covariates)} moves the difference in {each.outcome} ({each.arm}) "
                f"further than the draw by lot would (p = {moved:.1g}); what the treatment changed "
                f"explains its effect away: {_ASK} Believe the plain difference"
            )
    return found


def chance_of_move(pair: Pair) -> float | None:
    """Give the two-sided p-value of plain − adjusted, None where there is nothing to compare.

    The adjusted difference is the efficient one of the two, so the variance of what lies between
    them is the difference of their variances (Hausman 1978, Econometrica 46).
    """
    plain, adjusted = pair.plain, pair.adjusted
    if adjusted is None or plain.difference is None or adjusted.found.difference is None:
        return None
    gone = (plain.error or 0.0) ** 2 - (adjusted.found.error or 0.0) ** 2
    if gone <= 0:
        return None
    return float(2 * ndtr(-abs(plain.difference - adjusted.found.difference) / sqrt(gone)))
