"""What may be expected of a person from what that person said before: own mean and recent days.

Everything here works on a long table of reports, one row per report, and looks at a person's own
past alone: the expectation at row i uses row i and the rows of the same person before it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from governance.errors import InsufficientData, InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_PEOPLE = 2
HALF_LIVES_DAYS = (1.5, 3.0, 7.0, 28.0)
_PULL = 2.0  # reports that a recent mean is weighed against before it may speak
_LOG_STRENGTHS = (-4.0, 9.0)


@dataclass(frozen=True, eq=False)
class Reports:
    """Values that people reported, sorted by person, then day: `person`, `day`, `value` (n,).

    `person` are codes from 0, `day` is in days and may have fractions. Make one with `of`.
    """

    person: Ints
    day: Vector
    value: Vector

    @classmethod
    def of(cls, person: ArrayLike, day: ArrayLike, value: ArrayLike) -> tuple[Self, Ints]:
        """Sort reports (n,) in any order; gives them and the order that sorts further columns.

        Equal days of a person keep the order given. Raises `InvalidInput` unless the three are
        equally long and every day and value is a finite number.
        """
        codes = np.unique(np.asarray(person), return_inverse=True)[1].astype(np.int64)
        days = np.asarray(day, dtype=np.float64)
        values = np.asarray(value, dtype=np.float64)
        if not codes.shape == days.shape == values.shape:
            raise InvalidInput(f"{codes.size} people, {days.size} days and {values.size} values")
        bad = int((~np.isfinite(days) | ~np.isfinite(values)).sum())
        if bad:
            raise InvalidInput(
                f"{bad} reports without a day or a value", hint="leave out what was not reported"
            )
        order = np.lexsort((np.arange(len(codes)), days, codes))
        return cls(codes[order], days[order], values[order]), order

    def __len__(self) -> int:
        return len(self.value)

    def take(self, keep: NDArray[np.bool_]) -> "Reports":
        """Only the reports where `keep` (n,) is true; people keep their codes."""
        return Reports(self.person[keep], self.day[keep], self.value[keep])

    @property
    def begins(self) -> Ints:
        """Where each person's reports begin, (p,)."""
        return np.flatnonzero(np.diff(self.person, prepend=-1)).astype(np.int64)

    @property
    def first(self) -> Ints:
        """The first row of each row's person, (n,)."""
        begins = self.begins
        return np.repeat(begins, np.diff(np.append(begins, len(self))))

    def count(self) -> Vector:
        """How many reports each person has made so far, this one included, (n,); at least 1."""
        return np.asarray(np.arange(len(self)) - self.first + 1.0)

    def total(self) -> Vector:
        """Sum of each person's values so far, this one included, (n,)."""
        running = np.cumsum(self.value)
        return np.asarray(running - (running - self.value)[self.first])

    def trailing(self, days: float) -> "Trailing":
        """Count, mean and standard deviation of the own reports in (day − `days`, day]."""
        count, mean, spread = np.empty((3, len(self)))
        begins = np.append(self.begins, len(self))
        for begin, end in pairwise(begins):
            day, value = self.day[begin:end], self.value[begin:end]
            starts = np.searchsorted(day, day - days, side="right")
            for place, start in enumerate(starts):
                window = value[start : place + 1]
                row = begin + place
                count[row], mean[row] = len(window), window.mean()
                spread[row] = window.std(ddof=1) if len(window) > 1 else np.nan
        return Trailing(count, mean, spread)


class Trailing(NamedTuple):
    """Of a person's recent reports: how many, mean, own standard deviation (NaN for one), (n,)."""

    reports: Vector
    mean: Vector
    spread: Vector


class Ahead(NamedTuple):
    """What followed each report, all (n,).

    `value`, NaN where it is not known; of how many `reports` it is made; `known_day`, the day on
    which it had become known.
    """

    value: Vector
    reports: Vector
    known_day: Vector


def next_report(reports: Reports) -> Ahead:
    """The same person's next value, whenever it came; NaN after the last one."""
    follows = np.append(np.diff(reports.person) == 0, False)
    later = np.minimum(np.arange(len(reports)) + 1, max(len(reports) - 1, 0))
    return Ahead(
        np.where(follows, reports.value[later], np.nan),
        follows.astype(np.float64),
        np.where(follows, reports.day[later], np.inf),
    )


def mean_ahead(reports: Reports, *, days: float, fewest: int) -> Ahead:
    """Mean of the same person's values in (day, day + `days`]; NaN with fewer than `fewest`."""
    mean, count = np.full(len(reports), np.nan), np.zeros(len(reports))
    begins = np.append(reports.begins, len(reports))
    for begin, end in pairwise(begins):
        day, value = reports.day[begin:end], reports.value[begin:end]
        starts = np.searchsorted(day, day, side="right")
        ends = np.searchsorted(day, day + days, side="right")
        count[begin:end] = ends - starts
        for place in np.flatnonzero(ends - starts >= fewest):
            mean[begin + place] = value[starts[place] : ends[place]].mean()
    return Ahead(mean, count, reports.day + days)


@dataclass(frozen=True)
class PersonalMean:
    """A person's own mean, shrunken towards the mean of all: (Σ own values + k·μ) ÷ (n + k).

    `population` is μ, `strength` is k = σ² ÷ τ² in reports: how many reports of one's own weigh as
    much as knowing nothing but the others. `noise` is σ, the spread of one person's reports, and
    `between` τ, that of people's means. With no reports the expectation is μ, with many the own
    mean. Empirical Bayes: Efron & Morris (1973, 1975); estimated by maximum marginal likelihood of
    y = μ + aᵢ + e, aᵢ ~ N(0, τ²), e ~ N(0, σ²).
    """

    population: float
    strength: float
    noise: float
    between: float

    @classmethod
    def fit(cls, reports: Reports) -> Self:
        """Estimate from everyone's reports; raises `InsufficientData` for fewer than 2 people."""
        begins = reports.begins
        if len(begins) < FEWEST_PEOPLE:
            raise InsufficientData(
                f"{len(begins)} people with reports, at least {FEWEST_PEOPLE} are needed to tell "
                "what people have in common"
            )
        n = np.diff(np.append(begins, len(reports))).astype(np.float64)
        mean = np.add.reduceat(reports.value, begins) / n
        within = float(np.sum((reports.value - np.repeat(mean, n.astype(np.int64))) ** 2))

        def profile(log_strength: float) -> tuple[float, float, float]:
            """Minus twice the log likelihood, with the best μ and σ² for this k."""
            k = float(np.exp(log_strength))
            weight = n * k / (n + k)
            centre = float(weight @ mean / weight.sum())
            variance = (within + float(weight @ (mean - centre) ** 2)) / n.sum()
            variance = max(variance, 1e-12)
            return float(n.sum() * np.log(variance) + np.log1p(n / k).sum()), centre, variance

        found = minimize_scalar(lambda at: profile(at)[0], bounds=_LOG_STRENGTHS, method="bounded")
        strength = float(np.exp(found.x))
        _, centre, variance = profile(float(found.x))
        return cls(centre, strength, float(np.sqrt(variance)), float(np.sqrt(variance / strength)))

    def expect(self, reports: Reports) -> Vector:
        """What to expect of each person after each report, (n,)."""
        weight = reports.count() + self.strength
        return np.asarray((reports.total() + self.strength * self.population) / weight)


@dataclass(frozen=True)
class Ewm:
    """Exponentially weighted mean of a person's reports: one step back weighs (1 − `weight`).

    Expectation Σ (1 − α)ʲ y₋ⱼ ÷ Σ (1 − α)ʲ. It is the steady state of a level that walks at random
    under noise (Muth 1960; Harvey 1989): with q = var(step) ÷ var(noise) the best α is
    (√(q² + 4q) − q) ÷ 2. So it forgets who the person is, and follows every mood.
    """

    weight: float = 0.3

    def expect(self, reports: Reports) -> Vector:
        """What to expect of each person after each report, (n,)."""
        if not 0 < self.weight <= 1:
            raise InvalidInput(f"weight == {self.weight:g}, must be above 0 and at most 1")
        return _decayed(reports, np.ones(len(reports)), 1.0 - self.weight)[0]


def departures(
    reports: Reports, expected: Vector, half_lives: tuple[float, ...] = HALF_LIVES_DAYS
) -> Matrix:
    """How recent days differ from what is `expected` (n,) of the person, (n, h + 1).

    Per half-life: W ÷ (W + 2) · (decayed mean − expected), W being the decayed number of reports,
    so that few recent reports say little. Last column: the latest value − expected.
    """
    gap = np.diff(reports.day, prepend=0.0)
    columns = []
    for days in half_lives:
        mean, weight = _decayed(reports, gap, 0.5 ** (1.0 / days))
        columns.append(weight / (weight + _PULL) * (mean - expected))
    return np.column_stack([*columns, reports.value - expected])


def _decayed(reports: Reports, gap: Vector, base: float) -> tuple[Vector, Vector]:
    """Weighted mean and sum of weights so far; a value loses by base ** gap at each next row."""
    starts = np.zeros(len(reports), np.bool_)
    starts[reports.begins] = True
    keep = np.where(starts, 0.0, base**gap).tolist()
    mean, weight = [], []
    total = mass = 0.0
    for value, kept in zip(reports.value.tolist(), keep, strict=True):
        total, mass = value + kept * total, 1.0 + kept * mass
        mean.append(total / mass)
        weight.append(mass)
    return np.asarray(mean), np.asarray(weight)
