"""Which stage stands out: claimed only where it can be told from every other one.

The stage with the worst mean is compared with each of the others; it is claimed if every difference
excludes zero at 1 − 2α ÷ (lenses · K), for K stages. Whichever stage is no worse than some other is
claimed with a chance of at most α ÷ (lenses · K), that of beating this other one; over all stages
and lenses, anything is claimed falsely with a chance of at most α, whatever the truth is (a union
bound over intersection-union tests, Berger 1982).
"""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from governance.intervals import Interval
from outcomes.journey.samples import Sample

LEVEL = 0.95
MIN_PEOPLE = 10
"""A stage that fewer people tell of is not compared."""


class Lens(NamedTuple):
    """One way to look at a stage: its scale, and which end of it is the bad one."""

    name: str
    low: float
    high: float
    high_is_bad: bool
    says: str


LENSES = (
    Lens("sentiment", -1.0, 1.0, False, "how texts written there sound, −1 to 1"),
    Lens("satisfaction", 0.0, 100.0, False, "CSAT answered there, 0 to 100"),
    Lens("effort", 0.0, 100.0, True, "CES answered there, 0 (none) to 100 (all)"),
    Lens(
        "drop_off",
        0.0,
        1.0,
        True,
        "neither went on nor came back within 30 days of their first time there",
    ),
)


class Difference(NamedTuple):
    """By how much the worst stage differs from another; as wide as many comparisons ask for."""

    stage: str
    difference: Interval


class Worst(NamedTuple):
    """What may be said of one lens: the worst `stage`, or None and `why` none is claimed."""

    lens: str
    stage: str | None
    why: str
    compared: tuple[str, ...]
    differences: tuple[Difference, ...]


def worst_stage(lens: Lens, samples: Mapping[str, Sample], *, lenses: int = len(LENSES)) -> Worst:
    """Say which stage is worst through one lens, if one can be told from every other.

    `samples` are what people add to each stage's mean, who may be the same people; `lenses` is how
    many such questions are asked of the same journey.
    """
    fit = {stage: each for stage, each in samples.items() if len(each.who) >= MIN_PEOPLE}
    compared = tuple(fit)
    if len(fit) < 2:
        why = f"fewer than two stages have figures from at least {MIN_PEOPLE} people"
        return Worst(lens.name, None, why, compared, ())
    sign = 1.0 if lens.high_is_bad else -1.0
    worst = max(fit, key=lambda stage: (sign * float(fit[stage].x.mean()), stage))
    others = [stage for stage in fit if stage != worst]
    level = 1 - 2 * (1 - LEVEL) / (lenses * len(fit))
    found = tuple(
        Difference(stage, difference(fit[worst], fit[stage], lens, level=level)) for stage in others
    )
    close = [each.stage for each in found if not each.difference.excludes_zero]
    if close:
        why = f"{worst} cannot be told from {', '.join(close)}"
        return Worst(lens.name, None, why, compared, found)
    why = f"{worst} is worse than each of the {len(others)} others"
    return Worst(lens.name, worst, why, compared, found)


def difference(a: Sample, b: Sample, lens: Lens, *, level: float) -> Interval:
    """Give mean(a) − mean(b), where the same person may be in both, with a cautious interval.

    Each side is widened by one imagined answer at either end of the scale (Agresti & Caffo 2000),
    so that a few equal answers never make an interval of no width. Persons in both sides count
    with their covariance; Student's t on the smaller side's degrees of freedom.
    """
    first, second = _spread(a.x, lens), _spread(b.x, lens)
    both, i, j = np.intersect1d(a.who, b.who, assume_unique=True, return_indices=True)
    together = 0.0
    if len(both) > 1:
        joint = float(((a.x[i] - first.middle) * (b.x[j] - second.middle)).sum())
        together = joint / (first.n * second.n)
    variance = max(first.variance + second.variance - 2 * together, 0.0)
    freedom = min(len(a.x), len(b.x)) - 1
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * sqrt(variance)
    value = float(a.x.mean() - b.x.mean())
    middle = first.middle - second.middle
    return Interval(value, min(middle - half, value), max(middle + half, value), level)


class _Spread(NamedTuple):
    n: int
    middle: float
    variance: float


def _spread(x: NDArray[np.float64], lens: Lens) -> _Spread:
    widened = np.concatenate([x, [lens.low, lens.high]])
    return _Spread(len(widened), float(widened.mean()), float(widened.var(ddof=1)) / len(widened))
