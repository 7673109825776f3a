"""Leaves features out that trees hardly use, before anything is chosen or fitted with care.

A catalogue suggests many near-copies of one thing. Fewer features are explained better, scored
faster online and fitted many times faster; what little the rest would add is not worth that.
"""

import lightgbm
import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from features.derived import needed

MOST_FEATURES = 60
_LARGEST_ROWS = 20_000
_ROUNDS = 150
_PARAMETERS = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.05,
    "feature_fraction": 0.3,
    "min_data_in_leaf": 20,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def worth_keeping(train: Dataset, *, seed: int, most: int = MOST_FEATURES) -> NDArray[np.bool_]:
    """Say which columns (k,) of the training rows to go on with: about `most` at the most.

    Those by which boosted trees lower their loss most, together with what they are made of and
    what completes their sentences. Reads training rows alone; equal rows and seed give an equal
    answer.
    """
    count = len(train.names)
    if count <= most:
        return np.ones(count, np.bool_)
    rows = np.arange(len(train))
    if len(rows) > _LARGEST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _LARGEST_ROWS, replace=False))
    data = lightgbm.Dataset(train.values[rows], train.y[rows])
    booster = lightgbm.train(_PARAMETERS | {"seed": seed}, data, _ROUNDS)
    gain = np.asarray(booster.feature_importance("gain"))
    keep = np.zeros(count, np.bool_)
    keep[np.argsort(-gain, kind="stable")[:most]] = True
    kept = [train.definitions[k] for k in np.flatnonzero(keep)]
    wanted = needed(
        train.definitions,
        [name for each in kept for name in (each.name, each.usual) if name in train.names],
    )
    return np.array([name in wanted for name in train.names], np.bool_)
