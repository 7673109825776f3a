"""From what each person contributes to a figure with its 95 % interval.

A person may contribute several events, so persons are the sampling units everywhere: shares of
events and ratios of sums get the linearised variance of a ratio over persons.
"""

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from scipy import special

from governance.intervals import Interval, newcombe, wilson
from outcomes.measures.definition import Method

LEVEL = 0.95
Z = float(special.ndtri((1 + LEVEL) / 2))


class Tally(NamedTuple):
    """Sums over `people` persons of what each adds to the numerator (x) and denominator (y)."""

    people: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float
    plain: bool = False
    """Whether every x is 0 or 1 and every y is 1: one yes or no per person."""


def estimate(
    tally: Tally,
    method: Method,
    *,
    quarters: float = 1.0,
    low: float | None = None,
    high: float | None = None,
) -> Interval | None:
    """Give the figure a method stands for; None where it cannot be estimated.

    - share: Σx ÷ Σy in [0, 1]; Wilson, on the effective number of observations where persons
      contribute several (Korn & Graubard 1998).
    - mean: Σx ÷ Σy; Student's interval of the linearised ratio, cut to [`low`, `high`].
    - total: Σx; exact Poisson, stretched to weighted sums (Garwood 1936; Fay & Feuer 1997).
    - per_quarter: the total per quarter of the period.
    - nps: 100 · Σx ÷ n for x in −1, 0, 1; variance (p + d − (p − d)²) ÷ n.
    - difference: share of x among those with y = 1, less that among those with y = 0; Newcombe.
    """
    if tally.people == 0:
        return None
    if method == "share":
        return share(tally)
    if method == "mean":
        return _mean(tally, low, high)
    if method == "nps":
        return _nps(tally)
    if method == "difference":
        s, n = round(tally.xy), round(tally.y)
        return newcombe(s, n, round(tally.x) - s, tally.people - n)
    return total(tally.x, tally.xx, 1.0 if method == "total" else quarters)


def share(tally: Tally) -> Interval | None:
    """Give Σx ÷ Σy with Wilson's interval, where 0 <= x <= y for each person."""
    if tally.y <= 0:
        return None
    if tally.plain:
        return wilson(round(tally.x), tally.people)
    p = min(max(tally.x / tally.y, 0.0), 1.0)
    n = tally.y**2 / tally.yy  # equal weight of evidence per person (Kish)
    spread = _ratio_variance(tally, p)
    if spread > 0 and 0 < p < 1:
        n = min(p * (1 - p) / spread, max(tally.y, float(tally.people)))
    return _wilson(p, n)


def total(x: float, xx: float, per: float = 1.0) -> Interval:
    """Give Σx ÷ `per` with the interval of a Poisson sum; for nothing at all the upper end is 3.69.

    Each x counts as one independent event of its size, so large single ones widen the interval.
    """
    size = xx / x if x > 0 else 1.0
    count = x / size
    low = 0.0 if x <= 0 else size * float(special.chdtri(2 * count, (1 + LEVEL) / 2)) / 2
    high = size * float(special.chdtri(2 * (count + 1), (1 - LEVEL) / 2)) / 2
    return Interval(x / per, low / per, high / per, LEVEL)


def kaplan_meier(
    durations: np.ndarray[tuple[int], np.dtype[np.float64]],
    ended: np.ndarray[tuple[int], np.dtype[np.bool_]],
    at: float,
) -> tuple[Interval, int, int] | None:
    """Give the share still there after `at`, how many ended by then and how many were followed on.

    Kaplan–Meier over `durations` (n,), where `ended` (n,) says who was seen to leave and the others
    are followed no longer; Greenwood's variance on the log-log scale. Without any end the lower
    bound is Wilson's over those followed to `at`. None when nobody was followed that long.
    """
    followed = int((durations >= at).sum())
    times = np.unique(durations[ended & (durations <= at)])
    survival, green = 1.0, 0.0
    for t in times:
        here, gone = int((durations >= t).sum()), int((ended & (durations == t)).sum())
        survival *= 1 - gone / here
        green += gone / (here * (here - gone)) if here > gone else np.inf
    left = int((ended & (durations <= at)).sum())
    if len(durations) == 0 or (followed == 0 and survival > 0):
        return None
    if survival in (0.0, 1.0):
        bound = wilson(round(survival * max(followed, left)), max(followed, left))
        return (Interval(survival, bound.low, bound.high), left, followed) if bound else None
    error = sqrt(green) / abs(log(survival))
    low, high = (survival ** float(np.exp(sign * Z * error)) for sign in (1, -1))
    return Interval(survival, low, high, LEVEL), left, followed


def weighted(parts: dict[str, tuple[float, Interval]], scale: float = 100.0) -> Interval:
    """Give Σ wᵢ · partᵢ · `scale` of independent parts, weights made to add up to 1.

    The interval is put together from the parts' own (MOVER; Zou & Donner 2008).
    """
    whole = sum(w for w, _ in parts.values())
    value = sum(w / whole * part.value for w, part in parts.values())
    down = sqrt(sum((w / whole * (part.value - part.low)) ** 2 for w, part in parts.values()))
    up = sqrt(sum((w / whole * (part.high - part.value)) ** 2 for w, part in parts.values()))
    low, high = max(value - down, 0.0), min(value + up, 1.0)
    return Interval(scale * value, scale * low, scale * high, LEVEL)


def _ratio_variance(tally: Tally, r: float) -> float:
    n = tally.people
    squares = max(tally.xx - 2 * r * tally.xy + r * r * tally.yy, 0.0)
    if n < 2 or squares <= 1e-12 * max(tally.xx, tally.yy):
        return 0.0
    return n / (n - 1) * squares / tally.y**2


def _mean(tally: Tally, low: float | None, high: float | None) -> Interval | None:
    if tally.people < 2 or tally.y <= 0:
        return None
    value = tally.x / tally.y
    half = float(special.stdtrit(tally.people - 1, (1 + LEVEL) / 2))
    half *= sqrt(_ratio_variance(tally, value))
    bottom = value - half if low is None else max(value - half, low)
    top = value + half if high is None else min(value + half, high)
    return Interval(value, min(bottom, value), max(top, value), LEVEL)


def _nps(tally: Tally) -> Interval:
    n = tally.people
    value = tally.x / n
    half = Z * sqrt(max(tally.xx / n - value**2, 0.0) / n)
    low, high = max(value - half, -1.0), min(value + half, 1.0)
    return Interval(100 * value, 100 * low, 100 * high, LEVEL)


def _wilson(p: float, n: float) -> Interval:
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low = 0.0 if p == 0 else max(0.0, middle - half)
    high = 1.0 if p == 1 else min(1.0, middle + half)
    return Interval(p, low, high, LEVEL)
