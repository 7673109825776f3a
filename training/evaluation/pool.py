"""Brings one figure of several tests together, saying how far the tests differ among themselves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from governance.intervals import Interval

_NORMAL_975 = 1.959963984540054


class Pooled(NamedTuple):
    """The mean of a figure over `parts` tests, its 95 % interval, and how far tests differ.

    `spread` is the standard deviation between tests beyond chance: 0 where chance explains all.
    """

    value: float
    low: float
    high: float
    spread: float
    parts: int

    @property
    def interval(self) -> Interval:
        """The value with its bounds."""
        return Interval(self.value, self.low, self.high)


def over_origins(found: Sequence[Interval]) -> Pooled:
    """Random-effects mean of tests at several instants, each with its own interval.

    Variance between tests after DerSimonian & Laird (1986); interval by Hartung & Knapp (2001) with
    Student's t, never narrower than without it. With one test it is that test's own interval. The
    same customers may be in several tests; their later answers are counted as new ones.
    """
    value = np.array([each.value for each in found])
    if len(found) == 1:
        only = found[0]
        return Pooled(only.value, only.low, only.high, 0.0, 1)
    error = np.array([(each.high - each.low) / (2 * _NORMAL_975) for each in found])
    error = np.maximum(error, max(float(error.max()), 1e-9) * 1e-3)
    weight = error**-2
    mean = float(weight @ value / weight.sum())
    excess = float(weight @ (value - mean) ** 2) - (len(found) - 1)
    between = max(0.0, excess / float(weight.sum() - weight @ weight / weight.sum()))
    weight = 1 / (error**2 + between)
    mean = float(weight @ value / weight.sum())
    stretch = max(1.0, float(weight @ (value - mean) ** 2) / (len(found) - 1))
    half = float(special.stdtrit(len(found) - 1, 0.975)) * np.sqrt(stretch / weight.sum())
    return Pooled(mean, mean - float(half), mean + float(half), float(np.sqrt(between)), len(found))


def over_folds(found: Sequence[Interval], *, test_share: float) -> Pooled:
    """Mean over folds that share training rows, with the corrected interval of Nadeau & Bengio.

    Variance (1 ÷ J + test rows ÷ training rows) · s² over J folds (2003); `test_share` is the part
    of the rows that a fold tests. `spread` is the plain standard deviation s.
    """
    value = np.array([each.value for each in found])
    mean, folds = float(value.mean()), len(value)
    if folds == 1:
        return Pooled(mean, found[0].low, found[0].high, 0.0, 1)
    spread = float(value.std(ddof=1))
    ratio = 1 / folds + test_share / (1 - test_share)
    half = float(special.stdtrit(folds - 1, 0.975)) * spread * float(np.sqrt(ratio))
    return Pooled(mean, mean - half, mean + half, spread, folds)
