"""Inside segments: where an effect may be larger. Leads to be tested, never results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from governance.errors import InvalidInput
from outcomes.experiment.arms import Arms
from outcomes.experiment.table import MAX_LEVELS, Floats
from outcomes.randomised.lift import Difference
from outcomes.randomised.multiplicity import benjamini_hochberg, holm

MIN_SEGMENT = 5
MIN_TESTED = 20
CLEAR = 0.05


@dataclass(frozen=True)
class SegmentComparison:
    """A comparison inside one segment; never shown below `MIN_SEGMENT` units in an arm.

    `p_adjusted` knows how many segments were looked at (Benjamini–Hochberg).
    """

    column: str
    segment: str
    outcome: str
    arm: str
    plain: Difference
    p_adjusted: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it can be told from nothing; not whether it differs from the other segments."""
        return self.p_adjusted is not None and self.p_adjusted < CLEAR


@dataclass(frozen=True)
class Interaction:
    """Whether a difference is the same in all shown segments of a column.

    Cochran's Q against chi-squared; `p_holm` knows how many columns, outcomes and arms were tested.
    """

    column: str
    outcome: str
    arm: str
    segments: int
    p_value: float
    p_holm: float

    @property
    def differs(self) -> bool:
        """Whether the segments can be told apart."""
        return self.p_holm < CLEAR


@dataclass(frozen=True)
class Segments:
    """Everything seen inside segments; `hidden` of each column hold too few people to be shown."""

    comparisons: tuple[SegmentComparison, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    hidden: tuple[tuple[str, int], ...] = ()


def compare_within(
    column: str, values: NDArray[np.str_], outcome: str, y: Floats, arms: Arms, name: str
) -> tuple[list[SegmentComparison], int]:
    """Compare arm `name` with the control inside each value of `column`; and how many are hidden.

    More than `MAX_LEVELS` values raise `InvalidInput`.
    """
    two = arms.pair(name) & np.isfinite(y)
    found = np.unique(values[two])
    if len(found) > MAX_LEVELS:
        raise InvalidInput(
            f"{column!r} has {len(found):,} different values, at most {MAX_LEVELS} can be segments",
            hint="group the values first",
        )
    rows, hidden = [], 0
    for value in found:
        inside = two & (values == value)
        if min(arms.units_of(inside, name), arms.units_of(inside, arms.control)) < MIN_SEGMENT:
            hidden += 1
            continue
        plain = arms.compare(y, inside, name)
        rows.append(SegmentComparison(column, str(value) or "(none)", outcome, name, plain))
    return rows, hidden


def judge_segments(
    rows: Sequence[SegmentComparison], hidden: Iterable[tuple[str, int]]
) -> Segments:
    """Adjust all p-values for how many were looked at, and test each column as a whole.

    Only segments with `MIN_TESTED` units in both arms take part in that test.
    """
    raw = {str(k): r.plain.p_value for k, r in enumerate(rows) if r.plain.p_value is not None}
    adjusted = benjamini_hochberg(raw)
    judged = [replace(r, p_adjusted=adjusted.get(str(k))) for k, r in enumerate(rows)]
    tested = {}
    for key, group in groupby(rows, key=lambda r: (r.column, r.outcome, r.arm)):
        usable = [r.plain for r in group if r.plain.error and _units(r.plain) >= MIN_TESTED]
        if len(usable) > 1:
            tested[key] = len(usable), _cochran_p(usable)
    overall = holm({"\0".join(key): p for key, (_, p) in tested.items()})
    return Segments(
        comparisons=tuple(judged),
        interactions=tuple(
            Interaction(*key, n, p, overall["\0".join(key)]) for key, (n, p) in tested.items()
        ),
        hidden=tuple((column, n) for column, n in dict(sorted(hidden)).items() if n),
    )


def _units(found: Difference) -> int:
    return min(found.treated_units, found.control_units)


def _cochran_p(found: list[Difference]) -> float:
    value = np.array([each.difference for each in found], np.float64)
    weight = np.array([each.error for each in found], np.float64) ** -2
    middle = (weight * value).sum() / weight.sum()
    return float(chdtrc(len(found) - 1, (weight * (value - middle) ** 2).sum()))
