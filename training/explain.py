"""Why a score is what it is: each feature's own share of the log-odds, largest first.

Shares come from `RiskModel.predict`: tree shares are exact Shapley values (Lundberg et al. 2020,
LightGBM's `pred_contrib`), curve shares are the curves themselves around their mean; both are
weighted as in the blend, so that base + shares = log-odds within 1e-9. On the whole they are told
by feature, by group of features that say one thing, and as curves over a feature's value.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from features.definitions import FeatureDefinition, meaning
from features.reason_groups import grouping
from governance.intervals import Interval
from governance.model.card import Dependence, DependencePoint, FeatureImportance, GroupImportance
from training.model import Matrix, RiskModel, Vector

DRAWN_FEATURES = 4
FEWEST_IN_POINT = 10
"""No point of a curve stands for fewer people than this."""

LARGEST_SAMPLE = 20_000
_MOST_POINTS = 12
_NORMAL_95 = 1.959963984540054


class Reason(NamedTuple):
    """One feature's part in one score; `contribution` in log-odds, above 0 raises the risk."""

    feature: str
    value: float | None
    contribution: float
    text: str


class Explained(NamedTuple):
    """What moves scores on the whole, of the rows looked at.

    `features` and `groups`: mean |contribution| in log-odds, largest first. `dependence`: curves of
    the features that move scores most.
    """

    features: tuple[FeatureImportance, ...]
    groups: tuple[GroupImportance, ...]
    dependence: tuple[Dependence, ...]


Sentence = Callable[[str, float | None], str]


def plain_sentence(feature: str, value: float | None) -> str:
    """Words for a feature that has no sentence of its own."""
    name = feature.replace("_", " ")
    return f"{name} is not known" if value is None else f"{name} is {value:g}"


def top_reasons(
    names: Sequence[str],
    values: Vector,
    contributions: Vector,
    k: int,
    sentence: Sentence = plain_sentence,
) -> tuple[Reason, ...]:
    """The k features of one row, `values` and `contributions` (k_features,), that moved it most.

    Ties keep the order of the columns; features that moved nothing are no reasons.
    """
    order = np.argsort(-np.abs(contributions), kind="stable")[: max(0, k)]
    reasons = []
    for j in order:
        if contributions[j] == 0.0:
            break
        value = None if np.isnan(values[j]) else float(values[j])
        text = sentence(names[j], value)
        reasons.append(Reason(names[j], value, float(contributions[j]), text))
    return tuple(reasons)


def explain(
    model: RiskModel, definitions: tuple[FeatureDefinition, ...], values: Matrix
) -> Explained:
    """Say what moves scores over `values` (n, k), whose columns are `definitions`, one row each.

    A group's importance is the mean |sum of its members' contributions|: members that pull against
    each other do not count twice. Of more than 20,000 rows evenly spaced ones are looked at.
    """
    values = sample_of(values)
    contributions = model.predict(values).contributions
    rows = max(1, len(values))
    own = np.abs(contributions).sum(axis=0) / rows
    most = np.argsort(-own, kind="stable")
    groups = grouping(definitions)
    summed = grouped(contributions, definitions)
    together = np.abs(summed).sum(axis=0) / rows
    return Explained(
        tuple(
            FeatureImportance(definitions[j].name, meaning(definitions[j]), float(own[j]))
            for j in most
        ),
        tuple(
            GroupImportance(
                groups.titles[g],
                float(together[g]),
                tuple(definitions[j].name for j in np.flatnonzero(groups.place == g)),
            )
            for g in np.argsort(-together, kind="stable")
        ),
        tuple(
            Dependence(
                definitions[j].name,
                meaning(definitions[j]),
                dependence_points(values[:, j], contributions[:, j], definitions[j].categories),
            )
            for j in most[:DRAWN_FEATURES]
            if own[j] > 0.0
        ),
    )


def sample_of(values: Matrix) -> Matrix:
    """Take at most 20,000 evenly spaced rows of `values` (n, k): the rows that are explained."""
    return values[:: max(1, -(-len(values) // LARGEST_SAMPLE))]


def grouped(contributions: Matrix, definitions: tuple[FeatureDefinition, ...]) -> Matrix:
    """Add up contributions (n, k) by group of features: (n, g), in the order of `grouping`."""
    groups = grouping(definitions)
    summed = np.zeros((len(contributions), len(groups.titles)))
    for j, group in enumerate(groups.place):
        summed[:, group] += contributions[:, j]
    return summed


def dependence_points(
    values: Vector, contributions: Vector, categories: Sequence[str] = ()
) -> tuple[DependencePoint, ...]:
    """Draw a feature's mean contribution over its value, from `values` and `contributions` (n,).

    At most 12 points of equally many people, at least 10 each, in ascending order of the value;
    who has the same value is in the same point. A missing value is a point of its own, the last,
    where at least 10 lack it. Each comes with the 95 % interval of the mean; what would stand for
    fewer people is left out. A point of one category alone bears its name.
    """
    known = ~np.isnan(values)
    x, y = values[known], contributions[known]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    size = max(FEWEST_IN_POINT, -(-len(x) // _MOST_POINTS))
    points, begin = [], 0
    while begin < len(x):
        end = min(begin + size, len(x))
        end = int(np.searchsorted(x, x[end - 1], side="right"))
        if len(x) - end < FEWEST_IN_POINT:
            end = len(x)
        if end - begin >= FEWEST_IN_POINT:
            point = _point(float(x[begin:end].mean()), y[begin:end])
            if categories:
                alone = x[begin] == x[end - 1] and 0 <= x[begin] < len(categories)
                name = categories[int(x[begin])] if alone else "several"
                point = replace(point, label=name)
            points.append(point)
        begin = end
    if np.count_nonzero(~known) >= FEWEST_IN_POINT:
        points.append(_point(None, contributions[~known]))
    return tuple(points)


def _point(value: float | None, contributions: Vector) -> DependencePoint:
    n, mean = len(contributions), float(contributions.mean())
    half = _NORMAL_95 * float(contributions.std(ddof=1)) / n**0.5
    return DependencePoint(n, value, Interval(mean, mean - half, mean + half))
