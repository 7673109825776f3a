"""Grows the boosted trees of the blend, in a few small shapes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from training.model import Matrix
from training.table import Table

CHECKPOINTS = (25, 50, 100, 200)
"""How many trees may be kept of those grown."""


class TreeShape(NamedTuple):
    """How trees grow; `leaves` and the number of trees make their size."""

    leaves: int
    learning_rate: float
    feature_share: float
    least_in_leaf: int
    shrinkage: float
    random_splits: bool = False


SHAPES = (
    TreeShape(4, 0.03, 0.25, 60, 10.0),
    TreeShape(7, 0.02, 0.5, 20, 1.0, random_splits=True),
    TreeShape(7, 0.02, 0.5, 20, 1.0),
)


def shapes_for(trials: int, random: np.random.Generator) -> list[TreeShape]:
    """The first shapes are fixed; those beyond them are drawn."""
    shapes = list(SHAPES[: max(1, trials)])
    while len(shapes) < trials:
        shapes.append(
            TreeShape(
                leaves=int(random.integers(2, 16)),
                learning_rate=round(float(10 ** random.uniform(-2, -1)), 4),
                feature_share=round(float(random.uniform(0.15, 0.8)), 2),
                least_in_leaf=int(random.integers(10, 120)),
                shrinkage=round(float(10 ** random.uniform(-1, 1.5)), 2),
                random_splits=bool(random.random() < 0.3),
            )
        )
    return shapes


def fit_trees(
    table: Table, shapes: Sequence[TreeShape], trees: int, threads: int
) -> list[lightgbm.Booster]:
    """Boost `trees` trees of each shape from the levels of the periods; they score around 0.

    Byte-identical for equal rows, parameters and threads.
    """
    start = table.levels()[table.period]
    data = lightgbm.Dataset(
        table.values,
        table.y,
        weight=table.weight,
        init_score=start,
        params={"feature_pre_filter": False, "verbosity": -1, "num_threads": threads},
    )
    grown = []
    for shape in shapes:
        parameters: dict[str, Any] = {
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
        grown.append(lightgbm.train(parameters, data, trees))
    return grown


def at_checkpoints(booster: lightgbm.Booster, rows: Matrix, threads: int) -> Matrix:
    """Scores (c, n) of the first 25, 50, 100 and 200 trees; periods' levels not included."""
    out, total, done = [], np.zeros(len(rows)), 0
    for count in CHECKPOINTS:
        total = total + np.asarray(
            booster.predict(
                rows,
                raw_score=True,
                start_iteration=done,
                num_iteration=count - done,
                num_threads=threads,
            )
        )
        out.append(total)
        done = count
    return np.stack(out)
