"""Thresholds of their own for groups, so that a rate comes out alike: what parity would take.

Such thresholds need everyone's protected attribute at the moment of scoring, so they are worked out
and reported, and never served.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.model import Vector

Flags = NDArray[np.bool_]
_HALVINGS = 40


def group_thresholds(
    probability: Vector,
    y: Vector,
    labels: Sequence[str | None],
    *,
    constraint: str,
    share: float,
    min_group: int,
) -> Mapping[str, float]:
    """Give each group of at least `min_group` the threshold at which all come out alike.

    `probability`, `y` (n,) and `labels` (n,) of training people. Alike in the rate selected
    (`demographic_parity`), in the true positive rate (`true_positive_rate`), or in the mean of true
    and false positive rate (`equalized_odds`, of which one threshold per group can do no more),
    with `share` of these people selected in all. A group in which a rate does not exist is left
    out: it keeps the plain threshold.
    """
    groups = {}
    for group in sorted({label for label in labels if label is not None}):
        inside = np.array([label == group for label in labels], np.bool_)
        weight = _rate_weights(y[inside], constraint)
        if inside.sum() >= min_group and weight is not None:
            groups[group] = (probability[inside], weight)
    people = sum(len(scores) for scores, _ in groups.values())
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        at = {group: _threshold(*found, level) for group, found in groups.items()}
        selected = sum(int((found[0] >= at[group]).sum()) for group, found in groups.items())
        low, high = (level, high) if selected < share * people else (low, level)
    return {group: _threshold(*found, high) for group, found in groups.items()}


def selected_by_group(
    probability: Vector,
    labels: Sequence[str | None],
    thresholds: Mapping[str, float],
    otherwise: float,
) -> Flags:
    """Who is selected (n,), everyone by the threshold of their group; `otherwise` for the rest."""
    at = [otherwise if each is None else thresholds.get(each, otherwise) for each in labels]
    return np.asarray(probability >= np.array(at))


def _rate_weights(y: Vector, constraint: str) -> Vector | None:
    """How much selecting each person adds to the rate (n,); None where there is no such rate."""
    positives, negatives = float(y.sum()), float((1 - y).sum())
    if constraint == "demographic_parity":
        return np.full(len(y), 1 / len(y)) if len(y) else None
    if positives == 0 or (constraint == "equalized_odds" and negatives == 0):
        return None
    if constraint == "true_positive_rate":
        return np.asarray(y / positives)
    return np.asarray((y / positives + (1 - y) / negatives) / 2)


def _threshold(scores: Vector, weight: Vector, level: float) -> float:
    """The highest score from which on the rate reaches `level`."""
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(weight[order])
    place = min(int(np.searchsorted(reached, level - 1e-12)), len(order) - 1)
    return float(scores[order][place])
