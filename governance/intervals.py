"""Every rate has an interval: Wilson, Newcombe, Welch and the percentile bootstrap.

Nothing here warns or collapses on thin evidence: what cannot be estimated is None.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from governance.errors import InvalidInput


class Interval(NamedTuple):
    """An estimate with its lower and upper bound at confidence `level`."""

    value: float
    low: float
    high: float
    level: float = 0.95

    def to_json(self) -> dict[str, float]:
        """Give the shape of the interface: value, low, high."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside: the estimate can be told from nothing."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def wilson(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Give a share with its Wilson score interval, in [0, 1]; None when `n` is 0.

    E. B. Wilson (1927), JASA 22. It stays honest for few people and for shares of 0 and 1.
    """
    if not 0 <= successes <= n:
        raise InvalidInput(f"successes == {successes} of n == {n}, must be between 0 and n")
    if n == 0:
        return None
    z = _z(level)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Interval(share, low, high, level)


def newcombe(s1: int, n1: int, s2: int, n2: int, level: float = 0.95) -> Interval | None:
    """Give the difference of two independent shares, s1/n1 − s2/n2, in [−1, 1].

    R. G. Newcombe (1998), Statistics in Medicine 17, method 10 (from two Wilson intervals). None
    when either group is empty.
    """
    first, second = wilson(s1, n1, level), wilson(s2, n2, level)
    if first is None or second is None:
        return None
    difference = first.value - second.value
    low = difference - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    high = difference + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Interval(difference, low, high, level)


def newcombe_p(s1: int, n1: int, s2: int, n2: int) -> float:
    """Give the two-sided p-value that goes with `newcombe`: 1 − the level whose bound touches zero.

    1 when the shares are equal. Raises `InvalidInput` when either group is empty.
    """
    if min(n1, n2) == 0:
        raise InvalidInput(f"groups of {n1} and {n2}, both need somebody")
    if s1 * n2 == s2 * n1:
        return 1.0
    surest, least = 1 - 1e-15, 0.0
    for _ in range(60):  # the interval grows with its level, so halving finds the touching one
        level = (surest + least) / 2
        found = newcombe(s1, n1, s2, n2, level) if level > 0 else None
        if found is None or found.excludes_zero:
            least = level
        else:
            surest = level
    return 1 - surest


def share_ratio(s1: int, n1: int, s2: int, n2: int, level: float = 0.95) -> Interval | None:
    """Give the ratio of two independent shares, (s1/n1) ÷ (s2/n2), with its log (Katz) interval.

    None when it cannot be estimated: an empty group, or no successes in either.
    """
    if min(n1, n2) == 0 or min(s1, s2) == 0:
        return None
    ratio = (s1 / n1) / (s2 / n2)
    error = sqrt(max(0.0, 1 / s1 - 1 / n1 + 1 / s2 - 1 / n2))
    spread = float(np.exp(_z(level) * error))
    return Interval(ratio, ratio / spread, ratio * spread, level)


def mean_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval | None:
    """Give mean(a) − mean(b) with Welch's interval (unequal variances).

    None when either side has fewer than two values. Without any spread the interval is a point.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.size < 2 or y.size < 2:
        return None
    difference = float(x.mean() - y.mean())
    vx, vy = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    if vx + vy == 0.0:
        return Interval(difference, difference, difference, level)
    share = vx / (vx + vy)  # squares of tiny variances would vanish
    freedom = 1 / (share**2 / (x.size - 1) + (1 - share) ** 2 / (y.size - 1))
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * sqrt(vx + vy)
    return Interval(difference, difference - half, difference + half, level)


def mean_interval(a: ArrayLike, level: float = 0.95) -> Interval | None:
    """Give the mean with Student's interval; None for fewer than two values."""
    x = np.asarray(a, dtype=np.float64)
    if x.size < 2:
        return None
    mean, half = float(x.mean()), float(special.stdtrit(x.size - 1, (1 + level) / 2))
    half *= float(x.std(ddof=1)) / sqrt(x.size)
    return Interval(mean, mean - half, mean + half, level)


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise InvalidInput(f"level == {level}, must lie between 0 and 1")
    return float(special.ndtri((1 + level) / 2))


def as_json(interval: Interval | None) -> dict[str, float] | None:
    """Give the shape of the interface, or None for what cannot be estimated."""
    return None if interval is None else interval.to_json()


def from_json(found: Sequence[float] | dict[str, float] | None) -> Interval | None:
    """Read what `as_json` wrote."""
    if found is None:
        return None
    if isinstance(found, dict):
        return Interval(found["value"], found["low"], found["high"])
    return Interval(*found)
