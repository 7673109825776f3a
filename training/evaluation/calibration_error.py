"""How far probabilities are off, with an interval that knows chance alone makes some error."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval
from governance.model.card import ECE_BINS

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

_SIMULATIONS = 1000
_STEPS = 48


class _Bins(NamedTuple):
    """Equally filled bins: share of the rows, gap (observed − predicted), its standard error."""

    share: Vector
    gap: Vector
    error: Vector


def calibration_error(
    y: Vector, probability: Vector, groups: Ints, *, seed: int, bins: int = ECE_BINS
) -> Interval:
    """Mean |observed − predicted| over equally filled bins, weighted by size (ECE), with 95 %.

    The value is the usual plug-in figure and is biased upwards: even exact probabilities miss by
    chance in every bin, and a bootstrap would add that chance once more. The interval is found by
    asking which true errors would show a figure like this one. True gaps are taken to be the
    observed pattern times t, t = 0 being exact probabilities; chance errors as large as measured
    (summed over each customer's rows) are added. `low` is t · value at the least t at which 2.5 %
    of such tests reach the value, `high` at the largest t at which 2.5 % stay below it. So `low`
    is 0 whenever chance alone explains the value. `high` is never below the value, which can only
    widen the interval.
    """
    found = _bins(y, probability, groups, bins)
    value = float(found.share @ np.abs(found.gap))
    if value == 0.0:
        return Interval(0.0, 0.0, 0.0)
    noise = np.random.default_rng(seed).normal(size=(_SIMULATIONS, len(found.gap))) * found.error
    scales = np.linspace(0.0, 1.0 + 3.0 * float(found.share @ found.error) / value, _STEPS)
    reached = np.array(
        [np.mean(np.abs(scale * found.gap + noise) @ found.share >= value) for scale in scales]
    )
    rising = np.maximum.accumulate(reached)
    low, high = (float(np.interp(level, rising, scales)) for level in (0.025, 0.975))
    if rising[0] >= 0.025:
        low = 0.0
    return Interval(value, min(low, 1.0) * value, max(high, 1.0) * value)


def equal_bins(probability: Vector, bins: int) -> list[Ints]:
    """Row numbers of up to `bins` equally filled bins, from low to high probability."""
    order = np.argsort(probability, kind="stable")
    return [part for part in np.array_split(order, min(bins, len(order))) if len(part)]


def _bins(y: Vector, probability: Vector, groups: Ints, bins: int) -> _Bins:
    rows = []
    for part in equal_bins(probability, bins):
        p, off = probability[part], y[part] - probability[part]
        gap = float(np.mean(off))
        _, whose = np.unique(groups[part], return_inverse=True)
        sums = np.bincount(whose, weights=off - gap)
        expected = float(np.sum(p * (1 - p)))
        error = float(np.sqrt(max(float(sums @ sums), expected))) / len(part)
        rows.append((len(part) / len(y), gap, error))
    return _Bins(*np.asarray(rows).T)
