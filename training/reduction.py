"""fairlearn's reductions over small boosted trees: learning under constraints on groups.

No protected attribute is needed once it is learnt.

Agarwal, Beygelzimer, Dudík, Langford & Wallach (2018): a game between a learner and the groups'
constraints gives a mixture of classifiers. A mixture decides by lot between its members and gives
no calibrated probability, so it is reported and not served.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.model import Matrix, Vector

LARGEST_SAMPLE = 4_000
ROUNDS = 12
_SLACK = 0.02
_TREES = {
    "n_estimators": 40,
    "num_leaves": 7,
    "learning_rate": 0.1,
    "colsample_bytree": 0.5,
    "min_child_samples": 20,
    "n_jobs": 1,
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
}


def reduced(
    values: Matrix,
    y: Vector,
    labels: Sequence[str | None],
    test: Matrix,
    *,
    constraint: str,
    threshold: float,
    min_group: int,
    seed: int,
) -> NDArray[np.bool_] | None:
    """Who of `test` (m, k) a constrained mixture selects, (m,), by lot of `seed`.

    Learnt on at most 4,000 of the rows `values` (n, k), `y` (n,), `labels` (n,) whose group is
    known; None unless two groups have `min_group` of these rows and some of either outcome.

    A wrong selection costs `threshold`, a missed one 1 − `threshold`: without any constraint that
    selects those with a probability of `threshold` or more, as the plain model does.
    """
    import lightgbm
    from fairlearn.reductions import (
        DemographicParity,
        EqualizedOdds,
        ErrorRate,
        ExponentiatedGradient,
        TruePositiveRateParity,
    )

    moments = {
        "demographic_parity": DemographicParity,
        "equalized_odds": EqualizedOdds,
        "true_positive_rate": TruePositiveRateParity,
    }
    stated = np.array(["" if each is None else each for each in labels], np.object_)
    rows = np.flatnonzero(stated != "")
    if len(rows) > LARGEST_SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(rows, LARGEST_SAMPLE, replace=False))
    rows = rows[np.isin(stated[rows], _usable(stated[rows], y[rows], min_group))]
    if len(set(stated[rows])) < 2:
        return None
    costs = {"fp": threshold, "fn": 1 - threshold}
    learner = ExponentiatedGradient(
        lightgbm.LGBMClassifier(**_TREES, random_state=seed),
        moments[constraint](difference_bound=_SLACK),
        objective=ErrorRate(costs=costs),
        max_iter=ROUNDS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fairlearn's own, about pandas and feature names
        learner.fit(values[rows], y[rows].astype(int), sensitive_features=stated[rows])
        return np.asarray(learner.predict(test, random_state=seed)) > 0


def _usable(stated: NDArray[np.object_], y: Vector, min_group: int) -> list[str]:
    """Groups with enough rows and some of either outcome."""
    found = []
    for group in sorted(set(stated)):
        came = y[stated == group]
        if len(came) >= min_group and 0 < came.sum() < len(came):
            found.append(group)
    return found
