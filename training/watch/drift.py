"""What has changed since a model was trained: its features, its scores, the season.

Differences are judged by size and by chance together. With many people everything differs
"significantly", so the size decides: a population stability index (PSI) of 0.1 is `moving`, of 0.2
`shifted`. With few people large differences come about by chance, so the two-sample test must agree
at a family-wise 5 % over all features and the scores (Holm 1979): when nothing changed, the chance
that anything at all is named is at most 5 %. Under 100 people the answer is "cannot say".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from governance.intervals import Interval, newcombe
from training.watch.reference import Distribution, Matrix, MonthFit, Reference, Vector

FEWEST_PEOPLE = 100
LEVEL = 0.05
SHIFTED_PSI = 0.2
MISSING_JUMP = 0.1
_NORMAL_975 = 1.959963984540054
_ALL = 0.99
_VARIED = 0.9
_YEAR_DAYS = 366

Outcome = Literal["steady", "moving", "shifted", "gone", "cannot_say"]


class FeatureDrift(NamedTuple):
    """One feature now against training.

    `weight`: its share of what moves scores (0 to 1, all add up to 1). `psi`: over those with a
    value. `missing`: change of the share without one. `unseen`: share of people whose category
    training did not know. `p_value` is corrected for the number of features. `outcome` `gone`:
    it says the same of everyone now, or nothing, and did not in training.
    """

    feature: str
    weight: float
    outcome: Outcome
    psi: Interval | None
    missing: Interval | None
    unseen: float | None
    p_value: float | None


class ScoreDrift(NamedTuple):
    """The scores now against those of the latest training instant; `mean_shift` is now − then."""

    outcome: Outcome
    psi: Interval | None
    mean_shift: Interval | None
    p_value: float | None


class Season(NamedTuple):
    """Whether training has seen this part of the year.

    `outcome`: `seen`, `unseen`, `does_not_apply` (a snapshot). `unseen_share`: days of the horizon
    whose place in the calendar lies in no training horizon, 0 to 1. `years`: how many different
    years the seen days come from. `usual`: what training saw at this time of year, where enough.
    """

    outcome: Literal["seen", "unseen", "does_not_apply"]
    unseen_share: float | None
    years: int
    usual: MonthFit | None


@dataclass(frozen=True)
class Drift:
    """Everything compared, over `people` with a score now.

    `weighted_psi`: Σ weight × PSI over the features that are not steady: how far the scores rest on
    what has changed. A feature that has shifted and moves no score adds nothing.
    """

    people: int
    features: tuple[FeatureDrift, ...]
    scores: ScoreDrift
    season: Season
    weighted_psi: float | None

    def named(self, *outcomes: Outcome) -> tuple[FeatureDrift, ...]:
        """Features with one of these outcomes, those that weigh most first."""
        chosen = [each for each in self.features if each.outcome in outcomes]
        return tuple(sorted(chosen, key=lambda each: -each.weight))


def compare(
    reference: Reference,
    values: Matrix,
    probability: Vector,
    *,
    as_of: datetime,
    weights: Mapping[str, float] | None = None,
    unseen: Mapping[str, float] | None = None,
    shifted_psi: float = SHIFTED_PSI,
    shifted_score_psi: float = SHIFTED_PSI,
) -> Drift:
    """Lay the present beside what a model was trained on.

    `values` (n, k): the model's features now, one row per person, columns in its order, NaN where
    missing. `probability` (n,): its scores now. `weights`: mean |contribution| by feature, in any
    unit; without them all weigh the same. `unseen`: share of people with an unknown category, by
    feature. Half of `shifted_psi` is where moving begins.
    """
    people = len(probability)
    shares = _weights(reference.names, weights)
    season = season_of(reference, as_of)
    told = unseen or {}
    if people < FEWEST_PEOPLE:
        unknown = tuple(
            FeatureDrift(name, share, "cannot_say", None, None, None, None)
            for name, share in zip(reference.names, shares, strict=True)
        )
        return Drift(people, unknown, ScoreDrift("cannot_say", None, None, None), season, None)
    pairs = [(each, values[:, j]) for j, each in enumerate(reference.features)]
    p_values = holm([_p_value(then, x) for then, x in [*pairs, (reference.scores, probability)]])
    features = tuple(
        _feature(name, share, then, x, p, told.get(name), shifted_psi)
        for name, share, (then, x), p in zip(
            reference.names, shares, pairs, p_values[:-1], strict=True
        )
    )
    weighted = sum(
        each.weight * each.psi.value
        for each in features
        if each.psi is not None and each.outcome != "steady"
    )
    scores = _scores(reference.scores, probability, p_values[-1], shifted_score_psi)
    return Drift(people, features, scores, season, float(weighted))


def psi(then: Distribution, x: Vector) -> Interval | None:
    """Population stability index of `x` (n,) against `then`: Σ (p − q) ln(p ÷ q) over bins.

    0 means the same shares p now as q then. Half a person is added to every bin on both sides, so
    that an empty one gives no infinity. The 95 % interval is by the delta method for two
    multinomial samples, laid on the index's square root; by chance alone the index is about
    (b − 1)(1 ÷ n + 1 ÷ N). None where nobody has a value on a side.
    """
    now, n, big_n = then.counts(x), int(np.sum(~np.isnan(x))), _present(then)
    if not n or big_n < 1:
        return None
    b = len(then.shares)
    p = (now + 0.5) / (n + 0.5 * b)
    q = (np.asarray(then.shares) * big_n + 0.5) / (big_n + 0.5 * b)
    value = float(np.sum((p - q) * np.log(p / q)))
    slope_p = np.log(p / q) + 1 - q / p
    slope_q = -np.log(p / q) + 1 - p / q
    variance = _variance(slope_p, p) / n + _variance(slope_q, q) / big_n
    root = float(np.sqrt(value))
    half = _NORMAL_975 * float(np.sqrt(variance)) / (2 * root) if root else 0.0
    return Interval(value, max(0.0, root - half) ** 2, (root + half) ** 2)


def season_of(reference: Reference, as_of: datetime) -> Season:
    """Say whether the horizon after `as_of` falls into a part of the year that training saw.

    Days are compared by their place in the year. More than half of them new is `unseen`: a model
    that never saw a December cannot know what December does.
    """
    if not reference.seasonal:
        return Season("does_not_apply", None, 0, None)
    seen: dict[int, set[int]] = {}
    for cutoff in reference.cutoffs:
        for day in _days(datetime.fromisoformat(cutoff.as_of), reference.horizon_days):
            seen.setdefault(_place(day), set()).add(day.year)
    asked = [_place(day) for day in _days(as_of, reference.horizon_days)]
    new = sum(place not in seen for place in asked) / len(asked)
    years = {year for place in asked for year in seen.get(place, ())}
    month = as_of.astimezone(UTC).month
    usual = next((each for each in reference.months if each.month == month), None)
    return Season("unseen" if new > 0.5 else "seen", new, len(years), usual)


def holm(p_values: list[float]) -> list[float]:
    """Correct p-values so that the chance of any false alarm among them is what each states.

    S. Holm (1979), Scandinavian Journal of Statistics 6; holds however they depend on each other.
    """
    p = np.asarray(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1.0)
    return [float(each) for each in corrected]


def _weights(names: tuple[str, ...], weights: Mapping[str, float] | None) -> list[float]:
    found = [1.0 if weights is None else weights.get(name, 0.0) for name in names]
    total = sum(found)
    return [each / total if total else 1 / len(found) for each in found]


def _p_value(then: Distribution, x: Vector) -> float:
    """Chi-squared test that two samples share one distribution over the bins and missing."""
    present = _present(then)
    missing = int(np.sum(np.isnan(x)))
    table = np.array(
        [
            [*(share * present for share in then.shares or (0.0,)), then.people - present],
            [*then.counts(x), missing],
        ]
    )
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    return float(special.chdtrc(table.shape[1] - 1, statistic))


def _feature(
    name: str,
    weight: float,
    then: Distribution,
    x: Vector,
    p_value: float,
    unseen: float | None,
    shifted_psi: float,
) -> FeatureDrift:
    index = psi(then, x)
    absent = int(np.sum(np.isnan(x)))
    missing = newcombe(absent, len(x), round(then.missing * then.people), then.people)
    jumped = missing is not None and missing.excludes_zero and abs(missing.value) >= MISSING_JUMP
    outcome = _judged(index, p_value, shifted_psi)
    if jumped and p_value < LEVEL:
        outcome = "shifted"
    if _says_nothing(x) and then.missing < _VARIED and then.commonest < _VARIED:
        outcome = "gone"
    return FeatureDrift(name, weight, outcome, index, missing, unseen, p_value)


def _says_nothing(x: Vector) -> bool:
    seen = x[~np.isnan(x)]
    if len(seen) <= (1 - _ALL) * len(x):
        return True
    return bool(np.unique(seen, return_counts=True)[1].max() >= _ALL * len(x))


def _scores(
    then: Distribution, probability: Vector, p_value: float, shifted_psi: float
) -> ScoreDrift:
    index = psi(then, probability)
    shift = _mean_shift(then, probability)
    return ScoreDrift(_judged(index, p_value, shifted_psi), index, shift, p_value)


def _judged(index: Interval | None, p_value: float, shifted_psi: float) -> Outcome:
    if index is None or p_value >= LEVEL or index.value < shifted_psi / 2:
        return "steady"
    return "shifted" if index.value >= shifted_psi else "moving"


def _mean_shift(then: Distribution, x: Vector) -> Interval | None:
    """Mean now − mean then, with Welch's 95 % interval from the kept moments."""
    n, big_n = len(x), then.people
    if n < 2 or big_n < 2:
        return None
    now, before = float(x.var(ddof=1)) / n, then.spread**2 / big_n
    difference = float(x.mean()) - then.mean
    if now + before == 0:
        return Interval(difference, difference, difference)
    freedom = (now + before) ** 2 / (now**2 / (n - 1) + before**2 / (big_n - 1))
    half = float(special.stdtrit(freedom, 0.975)) * float(np.sqrt(now + before))
    return Interval(difference, difference - half, difference + half)


def _present(then: Distribution) -> float:
    return then.people * (1 - then.missing) if then.shares else 0.0


def _variance(slope: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    return float(np.sum(share * slope**2) - np.sum(share * slope) ** 2)


def _days(as_of: datetime, horizon_days: int) -> list[datetime]:
    return [as_of + timedelta(days=each) for each in range(1, min(horizon_days, _YEAR_DAYS) + 1)]


def _place(day: datetime) -> int:
    """Place in the year, 29 February counting as the 28th."""
    return day.month * 100 + min(day.day, 28 if day.month == 2 else 31)
