"""Grows the boosted trees of the blend."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from training.model import Matrix
from training.table import Table

CHECKPOINTS = (25, 50, 100, 200, 400)
"""How many trees may be kept of those grown."""

PATIENCE = 40
"""Trees without gain on the validation rows after which no more are grown."""


class TreeShape(NamedTuple):
    """How trees grow; `leaves` and the number of trees make their size.

    With `monotone` the directions that are known (`Table.monotone`) are kept to.
    """

    leaves: int
    learning_rate: float
    feature_share: float
    least_in_leaf: int
    shrinkage: float
    random_splits: bool = False
    monotone: bool = False


SHAPES = (
    TreeShape(4, 0.03, 0.25, 60, 10.0),
    TreeShape(7, 0.02, 0.5, 20, 1.0, random_splits=True),
    TreeShape(4, 0.05, 0.5, 60, 10.0),
    TreeShape(7, 0.04, 0.25, 60, 10.0),
)
"""What is tried first: small shapes that did well on many companies' data."""


def fit_trees(table: Table, shape: TreeShape, trees: int, threads: int) -> lightgbm.Booster:
    """Boost `trees` trees from the levels of the periods; they score around 0.

    Byte-identical for equal rows, parameters and threads.
    """
    return lightgbm.train(_parameters(table, shape, threads), _data(table, threads), trees)


def grow_and_stop(table: Table, valid: Table, shape: TreeShape, threads: int) -> lightgbm.Booster:
    """Boost until the loss of `valid` has not fallen for `PATIENCE` trees.

    `valid` holds other customers' rows of the latest periods, which the trees do not learn from.
    Their level is that of their own rows, so that trees stop for what sets customers apart.
    """
    data = _data(table, threads)
    held = lightgbm.Dataset(
        valid.values,
        valid.y,
        weight=valid.weight,
        init_score=valid.levels()[valid.period],
        reference=data,
    )
    return lightgbm.train(
        _parameters(table, shape, threads) | {"metric": "binary_logloss"},
        data,
        CHECKPOINTS[-1],
        valid_sets=[held],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def at_checkpoints(booster: lightgbm.Booster, rows: Matrix, threads: int) -> Matrix:
    """Scores (c, n) of the first trees at each checkpoint; periods' levels not included.

    Beyond the trees that were grown a score stays what it was.
    """
    grown = booster.num_trees()
    out, total, done = [], np.zeros(len(rows)), 0
    for count in (min(each, grown) for each in CHECKPOINTS):
        if count > done:
            total = total + np.asarray(
                booster.predict(
                    rows,
                    raw_score=True,
                    start_iteration=done,
                    num_iteration=count - done,
                    num_threads=threads,
                )
            )
            done = count
        out.append(total)
    return np.stack(out)


def _data(table: Table, threads: int) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        table.values,
        table.y,
        weight=table.weight,
        init_score=table.levels()[table.period],
        params={"feature_pre_filter": False, "verbosity": -1, "num_threads": threads},
    )


def _parameters(table: Table, shape: TreeShape, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": shape.leaves,
        "learning_rate": shape.learning_rate,
        "feature_fraction": shape.feature_share,
        "min_data_in_leaf": max(1, min(shape.least_in_leaf, len(table.y) // 20)),
        "lambda_l2": shape.shrinkage,
        "extra_trees": shape.random_splits,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads,
        "seed": 1,
        "verbosity": -1,
    }
    if shape.monotone and any(table.monotone):
        found |= {
            "monotone_constraints": list(table.monotone),
            "monotone_constraints_method": "intermediate",
        }
    return found


def sizes_of(shapes: Sequence[TreeShape]) -> NDArray[np.float64]:
    """How many splits each shape makes by each checkpoint (s · c,)."""
    return np.array([(s.leaves - 1.0) * count for s in shapes for count in CHECKPOINTS])
