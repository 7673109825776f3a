"""Customers drawn again with replacement, so that a figure can say how far chance moves it.

The bootstrap over customers (Efron 1979; Field & Welsh 2007 for clusters): all rows of a customer
are drawn together. One `Resamples` drawn for a test set serves every score and every difference on
it, which makes differences paired.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 400
FEWER_RESAMPLES = 200
MANY_ROWS = 30_000
_AT_ONCE = 300_000  # weights held in memory together


@dataclass(frozen=True, eq=False)
class Resamples:
    """`count` draws of the customers behind n rows, the same ones each time they are asked for.

    `groups` (n,): each row's customer as a number from 0. `alone`: whether nobody has two rows.
    """

    groups: Ints
    customers: int
    count: int
    seed: int

    @property
    def alone(self) -> bool:
        """Whether every customer has one row only."""
        return self.customers == len(self.groups)

    def weights(self) -> Iterator[Matrix]:
        """How often each row was drawn, in pieces of shape (b, n) that add up to `count` draws."""
        random = np.random.default_rng(self.seed)
        step = max(1, _AT_ONCE // max(len(self.groups), 1))
        for begin in range(0, self.count, step):
            draws = min(step, self.count - begin)
            picked = random.integers(0, self.customers, (draws, self.customers))
            picked += np.arange(draws)[:, None] * self.customers
            times = np.bincount(picked.ravel(), minlength=draws * self.customers)
            table = times.reshape(draws, self.customers).astype(np.float64)
            yield table if self.alone else table[:, self.groups]

    def of(self, statistic: Callable[[Matrix], Matrix]) -> Matrix:
        """Compute a statistic of every draw: from weights (b, n) to (b, s) figures, (count, s)."""
        return np.concatenate([np.asarray(statistic(drawn)) for drawn in self.weights()])


def resamples_of(groups: NDArray[np.int64] | int, *, seed: int, count: int = 0) -> Resamples:
    """Prepare the draws for rows with these customers (n,), or for n rows of one customer each.

    400 draws, 200 from 30,000 rows on, unless `count` says otherwise: with so many rows the
    bounds hardly depend on it.
    """
    if isinstance(groups, int):
        codes, customers = np.arange(groups, dtype=np.int64), groups
    else:
        known, places = np.unique(groups, return_inverse=True)
        codes, customers = places.astype(np.int64), len(known)
        if customers == len(codes):
            codes = np.arange(len(codes), dtype=np.int64)
    usual = FEWER_RESAMPLES if len(codes) > MANY_ROWS else RESAMPLES
    return Resamples(codes, customers, count or usual, seed)


def percentile(value: float, drawn: Vector) -> Interval:
    """Percentile interval, 95 %, of a figure whose resampled values are `drawn` (b,).

    Draws in which the figure does not exist are NaN and left out; the bounds are widened to hold
    the value itself.
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, value, value)
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def mean_with_interval(rows: Vector, groups: Ints) -> Interval:
    """Mean of `rows` (n,) with a normal 95 % interval that counts customers, not rows.

    Variance Σ_c (Σ_{i in c} (x_i − mean))² · K ÷ (K − 1) ÷ n² over K customers (Liang & Zeger).
    """
    mean = float(np.mean(rows))
    sums = np.bincount(groups, weights=rows - mean)
    sums = sums[np.bincount(groups) > 0]
    if len(sums) < 2:
        return Interval(mean, mean, mean)
    variance = float(sums @ sums) * len(sums) / (len(sums) - 1) / len(rows) ** 2
    half = 1.959963984540054 * variance**0.5
    return Interval(mean, mean - half, mean + half)
