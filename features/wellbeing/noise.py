"""How much of a reading is the person and how much is noise, learned from the whole company.

The model, per dimension, in points: state(t) = mean + own + wander(t), where `own` differs between
people (variance `own_var`) and `wander` comes and goes (variance `wander_var`, keeping
`weekly_keep` of itself from week to week); a reading of signal k is
intercept + loading · state + bias of this person in this signal + noise. The first signal with
enough repeated readings sets the scale: its intercept is 0, its loading 1 and it has no bias.

The variances and `weekly_keep` of the signal that sets the scale are those of the greatest
likelihood (Kalman filter, Nelder–Mead), with a mild prior on how fast states change, and started
from moments: two readings of one person so many weeks apart share the state and not the noise, so
the mean product of their deviations is own_var + wander_var · weekly_keep^weeks. The other
signals' loadings come from such products with the first.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.wellbeing.likelihood import fit_moments, lagged_products, most_likely
from features.wellbeing.scheme import Scheme
from features.wellbeing.signals import (
    LOOKBACK_WEEKS,
    Readings,
    Signals,
    presence,
    read_signals,
    see,
    visible,
)
from governance.proof import Permit

Floats = NDArray[np.float64]

MIN_PEOPLE = 30
"""Fewest people with readings in two different weeks from whom anything is learned."""
MIN_LOADING_Z = 3.0
"""A signal counts when its loading lies this many standard errors above 0."""
_LEAST_VAR = 1e-6


class SignalNoise(NamedTuple):
    """What a reading of one signal says: points = intercept + loading · state + bias + noise.

    `used` is false for a signal without a clear relation to the one that sets the scale; `why`
    says so in words. `share` is its part (0–1) of everything that was learned about people.
    """

    name: str
    readings: int
    people: int
    used: bool
    why: str
    intercept: float = 0.0
    loading: float = 1.0
    bias_var: float = 0.0
    noise_var: float = 0.0
    weight: float = 1.0
    share: float = 0.0


@dataclass(frozen=True)
class DimensionNoise:
    """One dimension: mean and variances in points; `measurable` is false without enough data."""

    name: str
    measurable: bool
    why: str
    mean: float = 0.0
    own_var: float = 0.0
    wander_var: float = 0.0
    weekly_keep: float = 1.0
    signals: tuple[SignalNoise, ...] = ()

    @property
    def state_var(self) -> float:
        """How far states differ between people at one time."""
        return self.own_var + self.wander_var

    def signal(self, name: str) -> SignalNoise | None:
        """Look one signal up; None if it is unknown or not used."""
        return next((each for each in self.signals if each.name == name and each.used), None)


@dataclass(frozen=True)
class Noise:
    """What a company's readings are worth; `correlation` (d, d) is of states between dimensions."""

    dimensions: tuple[DimensionNoise, ...]
    correlation: tuple[tuple[float, ...], ...]
    people: int

    def of(self, name: str) -> DimensionNoise:
        """Give one dimension's noise."""
        return next(each for each in self.dimensions if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """Give everything as plain values; `noise_from_json` reads it back."""
        return {
            "people": self.people,
            "correlation": [list(row) for row in self.correlation],
            "dimensions": [
                asdict(each) | {"signals": [signal._asdict() for signal in each.signals]}
                for each in self.dimensions
            ],
        }


def noise_from_json(found: Mapping[str, Any]) -> Noise:
    """Read what `Noise.to_json` gave."""
    return Noise(
        tuple(
            DimensionNoise(**{**each, "signals": tuple(SignalNoise(**s) for s in each["signals"])})
            for each in found["dimensions"]
        ),
        tuple(tuple(row) for row in found["correlation"]),
        found["people"],
    )


def estimate_noise(histories: Histories, scheme: Scheme, as_of: int, *, permit: Permit) -> Noise:
    """Learn from the customers `permit` covers (`wellbeing_inference`) what was known at `as_of`.

    A few thousand people are plenty; fewer than `MIN_PEOPLE` with repeated readings make a
    dimension not measurable, and it says why.
    """
    signals = read_signals(histories, scheme, permit)
    seen = visible(signals, as_of)
    there = presence(signals, as_of, seen)
    found, references = [], []
    for dimension in scheme.dimensions:
        weekly = [
            _weekly(signals, readings, as_of, seen, there)
            for readings in signals.readings[dimension.name]
        ]
        noise, reference = _dimension(dimension.name, weekly)
        found.append(noise)
        references.append(reference)
    correlation = _correlation(found, references)
    return Noise(tuple(found), correlation, int(signals.permitted.sum()))


class _Weekly(NamedTuple):
    """Mean reading per person and week (m, weeks), NaN where there is none, and how many."""

    readings: Readings
    mean: Floats
    number: Floats

    @property
    def repeated(self) -> int:
        """How many people have readings in two different weeks."""
        if not len(self.readings.row):
            return 0
        return int((np.isfinite(self.mean).sum(axis=1) >= 2).sum())


def _weekly(
    signals: Signals,
    readings: Readings,
    as_of: int,
    seen: NDArray[np.bool_],
    there: NDArray[np.int64],
) -> _Weekly:
    found = see(signals, readings, as_of, seen, there)
    shape = (len(signals.histories), LOOKBACK_WEEKS)
    cell = found.customer.astype(np.int64) * LOOKBACK_WEEKS + found.week
    size = shape[0] * shape[1]
    count = np.bincount(cell, minlength=size).astype(np.float64)
    total = np.bincount(cell, weights=found.points, minlength=size)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return _Weekly(readings, mean.reshape(shape), count.reshape(shape))


def _dimension(name: str, weekly: list[_Weekly]) -> tuple[DimensionNoise, Floats | None]:
    place = next((k for k, each in enumerate(weekly) if each.repeated >= MIN_PEOPLE), None)
    if place is None:
        most = max((each.repeated for each in weekly), default=0)
        why = f"{most} people have repeated readings, {MIN_PEOPLE} are needed"
        unused = tuple(_left_out(each, "nothing sets the scale") for each in weekly)
        return DimensionNoise(name, False, why, signals=unused), None
    scale = weekly[place]
    y = scale.mean
    mean = float(np.nanmean(y))
    d = y - mean
    lags, products, pairs = lagged_products(d)
    start = fit_moments(lags, products, pairs)
    keep, own_var, wander_var, noise_var = most_likely(d, scale.number, start)
    state_var = own_var + wander_var
    if state_var <= _LEAST_VAR:
        why = f"people do not differ measurably in {scale.readings.name}"
        unused = tuple(_left_out(each, "nothing to relate it to") for each in weekly)
        return DimensionNoise(name, False, why, mean=mean, signals=unused), None
    shape: Floats = own_var + wander_var * np.power(keep, np.arange(LOOKBACK_WEEKS))
    signals = [
        _first(each, noise_var)
        if k == place
        else _left_out(each, f"stands before {scale.readings.name}, with too few readings")
        if k < place
        else _other(each, d, mean, shape)
        for k, each in enumerate(weekly)
    ]
    signals = _shares(signals, weekly)
    found = DimensionNoise(name, True, "", mean, own_var, wander_var, keep, tuple(signals))
    return found, d


def _first(weekly: _Weekly, noise_var: float) -> SignalNoise:
    return SignalNoise(
        *_counts(weekly),
        used=True,
        why="sets the scale",
        noise_var=max(noise_var, _LEAST_VAR),
        weight=weekly.readings.weight,
    )


def _other(weekly: _Weekly, reference: Floats, mean: float, shape: Floats) -> SignalNoise:
    """Relate a signal to the one that sets the scale, over people who have both."""
    if not len(weekly.readings.row):
        return _left_out(weekly, "never heard")
    here, known = np.isfinite(weekly.mean), np.isfinite(reference)
    both = here.any(axis=1) & known.any(axis=1)
    if both.sum() < MIN_PEOPLE:
        return _left_out(weekly, f"{int(both.sum())} people have both, {MIN_PEOPLE} are needed")
    y, d = weekly.mean[both], reference[both]
    level, base = float(np.nanmean(y)), float(np.nanmean(d))
    e, d = y - level, d - base
    loading, error = _loading(e, d, shape)
    if loading <= MIN_LOADING_Z * error:
        return _left_out(weekly, "no clear relation to the signal that sets the scale")
    lags, products, pairs = lagged_products(e)
    bias = 0.0
    if len(lags):
        over = products - loading**2 * shape[lags]
        bias = max(0.0, float(np.average(over, weights=pairs)))
    inside = np.isfinite(e)
    spread = float(np.mean(e[inside] ** 2)) - loading**2 * float(shape[0]) - bias
    noise = spread / float(np.mean(1 / weekly.number[both][inside]))
    return SignalNoise(
        *_counts(weekly),
        used=True,
        why="read against the signal that sets the scale",
        intercept=level - loading * (mean + base),
        loading=loading,
        bias_var=bias,
        noise_var=max(noise, _LEAST_VAR),
        weight=weekly.readings.weight,
    )


def _loading(e: Floats, d: Floats, shape: Floats) -> tuple[float, float]:
    """Least squares of products of deviations on what one unit of loading would make of them.

    The standard error takes people, not pairs, as independent.
    """
    filled_e, filled_d = np.nan_to_num(e), np.nan_to_num(d)
    has_e, has_d = np.isfinite(e).astype(np.float64), np.isfinite(d).astype(np.float64)
    apart = np.abs(np.subtract.outer(np.arange(e.shape[1]), np.arange(e.shape[1])))
    kernel = shape[apart]
    product = ((filled_e @ kernel) * filled_d).sum(axis=1)
    weight = ((has_e @ kernel**2) * has_d).sum(axis=1)
    whole = float(weight.sum())
    if whole <= 0:
        return 0.0, np.inf
    loading = float(product.sum()) / whole
    error = float(np.sqrt(((product - loading * weight) ** 2).sum())) / whole
    return loading, error


def _shares(signals: list[SignalNoise], weekly: list[_Weekly]) -> list[SignalNoise]:
    told = []
    for signal, each in zip(signals, weekly, strict=True):
        own = each.number.sum(axis=1)
        own = own[own > 0]
        spread = signal.noise_var + own * signal.bias_var
        worth = (signal.weight * signal.loading**2 * own / np.maximum(spread, _LEAST_VAR)).sum()
        told.append(float(worth) if signal.used else 0.0)
    whole = sum(told) or 1.0
    return [s._replace(share=part / whole) for s, part in zip(signals, told, strict=True)]


def _left_out(weekly: _Weekly, why: str) -> SignalNoise:
    return SignalNoise(*_counts(weekly), used=False, why=why)


def _counts(weekly: _Weekly) -> tuple[str, int, int]:
    if not len(weekly.readings.row):
        return weekly.readings.name, 0, 0
    people = int((weekly.number.sum(axis=1) > 0).sum())
    return weekly.readings.name, int(weekly.number.sum()), people


def _correlation(
    found: list[DimensionNoise], references: list[Floats | None]
) -> tuple[tuple[float, ...], ...]:
    """Correlation of states between dimensions, from each person's mean deviations."""
    size = len(found)
    rows = np.eye(size)
    means: list[Floats | None] = [
        None
        if d is None
        else np.nansum(d, axis=1)
        / np.where(np.isfinite(d).any(axis=1), np.isfinite(d).sum(1), np.nan)
        for d in references
    ]
    for i in range(size):
        for j in range(i):
            a, b = means[i], means[j]
            if a is None or b is None:
                continue
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() < MIN_PEOPLE:
                continue
            covariance = float(np.mean((a[both] - a[both].mean()) * (b[both] - b[both].mean())))
            scale = float(np.sqrt(found[i].state_var * found[j].state_var))
            rows[i, j] = rows[j, i] = float(np.clip(covariance / scale, -0.95, 0.95))
    return tuple(tuple(float(x) for x in row) for row in rows)
