"""How each customer is faring at an instant, with an interval, or "not enough signal".

A person's state in a dimension is estimated from all their readings by a Kalman filter whose
variances the whole company taught (`wellbeing_noise`): few or noisy readings pull the value
towards the company's mean and widen the interval. An estimate is about a situation, not a trait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from features.history import Histories
from features.wellbeing.noise import DimensionNoise, Noise
from features.wellbeing.scheme import Scheme
from features.wellbeing.signals import (
    LOOKBACK_WEEKS,
    Signals,
    presence,
    read_signals,
    see,
    visible,
)
from governance.errors import InvalidInput
from governance.proof import Permit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL = 0.9
"""Confidence of a person's interval."""


@dataclass(frozen=True, eq=False)
class WellbeingTable:
    """Estimates of m permitted customers at t instants in d dimensions.

    `value`, `low`, `high` (m, t, d) are points from 0 to 100 with a 90 % interval, NaN where there
    is not enough signal. `coverage` (m, t, d) is the share (0–1, by weight) of the dimension's
    signals with a reading; `evidence` (m, t, d) the part (0–1) of the differences between people
    that this person's readings settle. `index`, `index_low`, `index_high` (m, t) are the weighted
    mean over the dimensions that have a value; what is missing has its weight shared out.
    """

    scheme: Scheme
    customers: NDArray[np.object_]
    as_ofs: Ints
    value: Floats
    low: Floats
    high: Floats
    coverage: Floats
    evidence: Floats
    index: Floats
    index_low: Floats
    index_high: Floats

    def missing(self, customer: int, at: int) -> tuple[str, ...]:
        """Name the dimensions without enough signal for one customer at one instant."""
        gone = np.isnan(self.value[customer, at])
        return tuple(name for name, lost in zip(self.scheme.names, gone, strict=True) if lost)


def wellbeing_at(
    histories: Histories,
    scheme: Scheme,
    noise: Noise,
    as_ofs: Sequence[int],
    *,
    permit: Permit,
) -> WellbeingTable:
    """Estimate well-being at each of `as_ofs` (µs) of the customers that `permit` covers.

    Works on any block of customers; a customer's figures do not depend on who else is in it. What
    may be used at an as_of is exactly what had occurred and was known before it. Raises
    `PermissionRefused` unless `permit` is for `wellbeing_inference`.
    """
    if not len(as_ofs):
        raise InvalidInput("no as_of was given", hint="state at least one instant")
    signals = read_signals(histories, scheme, permit)
    kept = np.flatnonzero(signals.permitted)
    shape = (len(kept), len(as_ofs), len(scheme.dimensions))
    value, spread, coverage, evidence = (np.full(shape, np.nan) for _ in range(4))
    for t, as_of in enumerate(as_ofs):
        seen = visible(signals, as_of)
        there = presence(signals, as_of, seen)
        for d, dimension in enumerate(scheme.dimensions):
            told = noise.of(dimension.name)
            if not told.measurable:
                coverage[:, t, d] = evidence[:, t, d] = 0.0
                continue
            gathered = _gather(signals, told, as_of, seen, there)
            level, variance = _filter(told, gathered)
            known = 1.0 - variance / told.state_var
            enough = (gathered.coverage > 0) & (known >= scheme.min_evidence)
            value[:, t, d] = np.where(enough, level, np.nan)[kept]
            spread[:, t, d] = np.where(enough, np.sqrt(variance), np.nan)[kept]
            coverage[:, t, d] = gathered.coverage[kept]
            evidence[:, t, d] = np.maximum(known, 0.0)[kept]
    half = float(special.ndtri((1 + LEVEL) / 2))
    index, index_spread = _index(scheme, noise, value, spread)
    return WellbeingTable(
        scheme=scheme,
        customers=histories.customers[kept],
        as_ofs=np.array(as_ofs, np.int64),
        value=np.clip(value, 0, 100),
        low=np.clip(value - half * spread, 0, 100),
        high=np.clip(value + half * spread, 0, 100),
        coverage=coverage,
        evidence=evidence,
        index=np.clip(index, 0, 100),
        index_low=np.clip(index - half * index_spread, 0, 100),
        index_high=np.clip(index + half * index_spread, 0, 100),
    )


class _Gathered(NamedTuple):
    """Readings per person and week back (m, weeks): their `precision` and precision-weighted sum
    of deviations from the mean; `coverage` (m,)."""

    precision: Floats
    weighted: Floats
    coverage: Floats


def _gather(
    signals: Signals, told: DimensionNoise, as_of: int, seen: Bools, there: Ints
) -> _Gathered:
    size = len(signals.histories)
    precision = np.zeros(size * LOOKBACK_WEEKS)
    weighted = np.zeros(size * LOOKBACK_WEEKS)
    covered = np.zeros(size)
    for readings in signals.readings[told.name]:
        signal = told.signal(readings.name)
        if signal is None:
            continue
        found = see(signals, readings, as_of, seen, there)
        own = np.bincount(found.customer, minlength=size)
        spread = signal.noise_var + own * signal.bias_var  # n readings share one bias
        each = (signal.weight * signal.loading**2 / spread)[found.customer]
        deviation = (found.points - signal.intercept) / signal.loading - told.mean
        cell = found.customer.astype(np.int64) * LOOKBACK_WEEKS + found.week
        precision += np.bincount(cell, weights=each, minlength=len(precision))
        weighted += np.bincount(cell, weights=each * deviation, minlength=len(precision))
        covered += signal.weight * (own > 0)
    shape = (size, LOOKBACK_WEEKS)
    whole = sum(signal.weight for signal in told.signals if signal.used)
    return _Gathered(precision.reshape(shape), weighted.reshape(shape), covered / whole)


def _filter(told: DimensionNoise, gathered: _Gathered) -> tuple[Floats, Floats]:
    """Kalman filter over weeks, oldest first: level and variance (m,) of each state at the as_of.

    The state is (own, wander); only elementary operations per person, so that one customer alone
    and a million together give the same bits.
    """
    size = len(gathered.precision)
    keep, fresh = told.weekly_keep, told.wander_var * (1 - told.weekly_keep**2)
    own, wander = np.zeros(size), np.zeros(size)
    own_var, cross = np.full(size, told.own_var), np.zeros(size)
    wander_var = np.full(size, told.wander_var)
    for week in range(LOOKBACK_WEEKS - 1, -1, -1):
        wander *= keep
        cross *= keep
        wander_var = keep * keep * wander_var + fresh
        p = gathered.precision[:, week]
        if not p.any():
            continue
        toward_own, toward_wander = own_var + cross, cross + wander_var
        shrink = 1 + p * (toward_own + toward_wander)
        step = (gathered.weighted[:, week] - p * (own + wander)) / shrink
        own += toward_own * step
        wander += toward_wander * step
        certain = p / shrink
        own_var = own_var - toward_own * toward_own * certain
        wander_var = wander_var - toward_wander * toward_wander * certain
        cross = cross - toward_own * toward_wander * certain
    half = keep**0.5  # readings of the last week lie half a week back on average
    wander *= half
    cross = cross * half
    wander_var = keep * wander_var + told.wander_var * (1 - keep)
    variance = np.maximum(own_var + 2 * cross + wander_var, 0.0)
    return told.mean + own + wander, variance


def _index(scheme: Scheme, noise: Noise, value: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Weighted mean over the dimensions with a value (m, t), and its standard deviation.

    Errors of two dimensions go together as far as both are shrunk towards the mean:
    cov = correlation · (V₁ ÷ P₁)(V₂ ÷ P₂) √(P₁ P₂), with V the remaining and P the whole variance.
    """
    shares = np.array(list(scheme.shares.values()))
    there = np.isfinite(value)
    weight = np.where(there, shares, 0.0)
    whole = weight.sum(axis=2)
    some = whole > 0
    scaled = weight / np.where(some, whole, 1.0)[:, :, None]
    index = (scaled * np.where(there, value, 0.0)).sum(axis=2)
    prior = np.sqrt([max(each.state_var, 1e-9) for each in noise.dimensions])
    left = np.where(there, spread, 0.0) ** 2 / prior  # V ÷ √P
    variance = (scaled**2 * np.where(there, spread, 0.0) ** 2).sum(axis=2)
    for i in range(len(shares)):
        for j in range(i):
            together = noise.correlation[i][j] * left[:, :, i] * left[:, :, j]
            variance += 2 * scaled[:, :, i] * scaled[:, :, j] * together
    nothing = np.where(some, 0.0, np.nan)
    return index + nothing, np.sqrt(np.maximum(variance, 0.0)) + nothing
