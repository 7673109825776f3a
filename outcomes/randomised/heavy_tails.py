"""Differences of means where a few people make most of the sum: spend, margin, minutes.

With arms of unequal size and a long tail Welch's interval misses mostly on one side. Which of the
people in the tail landed in the small arm is what the draw decided, so the interval asks the draw:
the people are dealt to the arms again, many times, and the spread of the studentised difference is
taken from there. When the arms differ in nothing its error rate is exact for any tail (Janssen
1997, Statistics and Probability Letters 36; Chung and Romano 2013, Annals of Statistics 41).
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval

Floats = NDArray[np.float64]
HEAVY = 0.05
"""From which skewness of the difference on Welch's tails count as unequal (see `is_heavy`)."""
DEALS = 1_999
MIN_UNITS_FOR_SKEWNESS = 20


def is_heavy(a: Floats, b: Floats) -> bool:
    """Whether Welch's interval for mean(a) − mean(b) would miss on one side clearly more often.

    The skewness κ of the difference's own distribution moves about 0.085 κ from one 2.5 % tail to
    the other (Edgeworth's first term at 1.96); it counts from `HEAVY` on. Equal arms cancel it. Of
    fewer than 20 in an arm it cannot be estimated.
    """
    if min(len(a), len(b)) < MIN_UNITS_FOR_SKEWNESS:
        return False
    spread, third = 0.0, 0.0
    for x, sign in ((a, 1), (b, -1)):
        off = x - x.mean()
        spread += float((off**2).mean()) / len(x)
        third += sign * float((off**3).mean()) / len(x) ** 2
    return spread > 0 and abs(third) > HEAVY * spread**1.5


def permuted_difference(
    a: Floats, b: Floats, *, level: float = 0.95, seed: int = 0
) -> tuple[Interval, float]:
    """Give mean(a) − mean(b) with its studentised permutation interval, and the p-value.

    Both come from the same `DEALS` deals (those of `seed`: the same data give the same answer), so
    p ≤ 1 − level exactly where the interval excludes zero. Two-sided with equal tails.
    """
    everyone = np.sort(np.concatenate([a, b]))  # the same deals whichever arm is named first
    few = min(len(a), len(b))
    rng = np.random.default_rng(seed)
    small = np.empty((2, DEALS))
    everyone = everyone - np.median(everyone)
    moving = everyone[everyone != 0]  # where most spend nothing, only who spends is dealt
    counts = rng.hypergeometric(len(moving), len(everyone) - len(moving), few, size=DEALS)
    for deal, count in enumerate(counts):
        drawn = moving[rng.choice(len(moving), count, replace=False, shuffle=False)]
        small[:, deal] = drawn.sum(), drawn @ drawn
    large = np.array([[everyone.sum()], [everyone @ everyone]]) - small
    one, other = (small, large) if len(a) <= len(b) else (large, small)
    apart = one[0] / len(a) - other[0] / len(b)
    error = np.sqrt(_variance(one, len(a)) + _variance(other, len(b)))
    dealt = np.divide(apart, error, out=np.zeros(DEALS), where=error > 0)
    if len(a) == len(b):  # each deal's mirror is as likely
        dealt = np.concatenate([dealt[: DEALS // 2], [0.0], -dealt[: DEALS // 2]])
    dealt.sort()
    value = float(a.mean() - b.mean())
    own = sqrt(float(a.var(ddof=1)) / len(a) + float(b.var(ddof=1)) / len(b))
    seen = value / own
    tail = max(1, int((1 - level) / 2 * (DEALS + 1)))
    low, high = value - dealt[DEALS - tail] * own, value - dealt[tail - 1] * own
    rank = 1 + min(int((dealt >= seen).sum()), int((dealt <= seen).sum()))
    return Interval(value, float(low), float(high), level), min(1.0, 2 * rank / (DEALS + 1))


def _variance(sums: Floats, n: int) -> Floats:
    """Variance of a mean from its sum and sum of squares."""
    spread: Floats = np.maximum(0.0, sums[1] - sums[0] ** 2 / n) / (n - 1) / n
    return spread
