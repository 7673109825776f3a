"""What a score says beside its probability: other horizons, the day, an amount, likely categories.

Plain values out of a target's model, one record per customer; a target without these parts has an
empty one, and costs nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from features.labels import Target
from training.forecasts.category import Likely
from training.forecasts.value import combine
from training.model import Matrix, Scores
from training.target_model import HorizonScores, TargetModel

LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95


class Horizon(NamedTuple):
    """How likely it is within so many days, with the 90 % interval."""

    horizon_days: int
    probability: float
    low: float
    high: float


class Days(NamedTuple):
    """In how many days it comes: `median` in half of all cases, between `low` and `high` in 90 %.

    None: later than the last horizon, about which nothing is said.
    """

    median: float | None
    low: float | None
    high: float | None


class Amount(NamedTuple):
    """What to expect within the horizon, and where the amount itself will lie in 90 % of cases.

    The expected amount is a mean: where hardly anyone buys, it can lie above both ends, which are 0
    then.
    """

    expected: float
    low: float
    high: float
    horizon_days: int


class Outlook(NamedTuple):
    """Everything beside the main probability; `categories` are given that the event happens."""

    horizons: tuple[Horizon, ...] = ()
    days: Days | None = None
    value: Amount | None = None
    categories: tuple[Likely, ...] = ()

    def to_json(self, currency: str | None) -> dict[str, Any]:
        """Plain JSON of the parts that are there, the same in answers, files and decisions."""
        found: dict[str, Any] = {}
        if self.horizons:
            found["horizons"] = [each._asdict() for each in self.horizons]
        if self.days is not None:
            found["days"] = self.days._asdict()
        if self.value is not None:
            found["value"] = {**self.value._asdict(), "currency": currency}
        if self.categories:
            found["categories"] = [each._asdict() for each in self.categories]
        return found


NOTHING = Outlook()


def outlooks(
    model: TargetModel, target: Target, values: Matrix, scores: Scores
) -> Sequence[Outlook]:
    """Give the outlook of each row (n, k); `scores` are the main ones of the same rows."""
    n = len(values)
    if not model.steps and model.value is None and model.category is None:
        return [NOTHING] * n
    horizons = model.horizons(values, scores) if model.steps else ()
    spans = _spans(horizons, n)
    days = _days(target, scores, horizons, n)
    amounts = _amounts(model, values, scores)
    categories = _categories(model, values)
    return [Outlook(spans[i], days[i], amounts[i], categories[i]) for i in range(n)]


def day_by(share: float, days: Sequence[float], chances: Sequence[float]) -> float | None:
    """The day by which a share of cases has happened, one decimal; None when it is never reached.

    `chances` is how likely it is by each of `days`, both ascending; straight lines between them,
    from 0 at day 0.
    """
    earlier, reached = 0.0, 0.0
    for day, chance in zip(days, chances, strict=True):
        if chance >= share:
            return round(earlier + (day - earlier) * (share - reached) / (chance - reached), 1)
        earlier, reached = day, chance
    return None


def _spans(horizons: Sequence[HorizonScores], n: int) -> list[tuple[Horizon, ...]]:
    columns = [
        (each.horizon_days, each.probability.tolist(), each.low.tolist(), each.high.tolist())
        for each in horizons
    ]
    return [tuple(Horizon(days, p[i], low[i], high[i]) for days, p, low, high in columns)
            for i in range(n)]  # fmt: skip


def _days(
    target: Target, scores: Scores, horizons: Sequence[HorizonScores], n: int
) -> list[Days | None]:
    if target.kind != "next_need":
        return [None] * n
    at = [float(each.horizon_days) for each in horizons] or [float(target.horizon_days)]
    told = [each.probability for each in horizons] or [scores.probability]
    chances = np.stack(told, axis=1).tolist()
    return [Days(*(day_by(share, at, row) for share in (MIDDLE, LOW, HIGH))) for row in chances]


def _amounts(model: TargetModel, values: Matrix, scores: Scores) -> list[Amount | None]:
    if model.value is None:
        return [None] * len(values)
    found = combine(scores.probability, model.value, values)
    return [
        Amount(*told, model.horizon_days)
        for told in zip(found.expected.tolist(), found.low.tolist(), found.high.tolist(),
                        strict=True)
    ]  # fmt: skip


def _categories(model: TargetModel, values: Matrix) -> list[tuple[Likely, ...]]:
    if model.category is None:
        return [()] * len(values)
    return [model.category.likeliest(row) for row in model.category.predict(values)]
