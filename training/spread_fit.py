"""Measures how far this way of fitting lands from the truth, where the truth is known.

A fitted model is taken for the truth: outcomes are drawn from it, the blend is fitted to them anew,
and its scores are compared with the truth on customers it did not see (parametric bootstrap, Efron
& Tibshirani 1993, ch. 6). So an interval holds not only how refits differ, but how much a small,
smooth model misses. The truth is rougher than the model that ships: what smoothing took away from
the data it must be able to take away again.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from training.calibrator import sigmoid
from training.choose import leveled
from training.model import RiskModel, Vector
from training.spread import Spread
from training.table import FEWEST_PERIODS, Table

COVERED = 0.9
NORMAL_95 = 1.6448536269514722
TOGETHER = 0.5
"""Correlation of the drawn outcomes of one customer's rows, on the normal scale."""
_ROUNDS = 40
_LEAST = 1e-4
_PARAMETERS = {
    "objective": "gamma",
    "num_leaves": 6,
    "learning_rate": 0.1,
    "min_data_in_leaf": 60,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbosity": -1,
}

Refit = Callable[[Table], RiskModel]


def fit_spread(
    table: Table,
    truth: RiskModel,
    model: RiskModel,
    refit: Refit,
    *,
    refits: int,
    larger: float,
    threads: int,
    random: np.random.Generator,
) -> Spread:
    """Refit to drawn outcomes of resampled customers of `table` and learn the error's size.

    `truth` is drawn from; `model` is what ships, whose score the widths are looked up by. `larger`:
    how many times more customers the shipped model saw than `table` holds; the part of the error
    that chance makes shrinks with its root, what smoothing misses does not. Without two usable
    refits there is no own width.
    """
    shared = _level_spread(table, model)
    errors = _errors(table, truth, refit, refits, threads, random)
    if errors is None:
        return Spread(shared)
    rows, error = errors
    if larger > 1:
        error = _shrunk(rows, error, np.sqrt(larger))
    squared = error**2 + _LEAST
    columns = np.column_stack([table.values, model.log_odds(table.values)])
    data = lightgbm.Dataset(columns[rows], squared)
    trees = lightgbm.train(_PARAMETERS, data, _ROUNDS)
    trees = lightgbm.Booster(model_str=trees.model_to_string())
    told = np.exp(0.5 * np.asarray(trees.predict(columns, raw_score=True, num_threads=1)))
    scale = float(np.quantile(np.abs(error) / told[rows], COVERED))
    return Spread(shared, scale, trees)


def _errors(
    table: Table,
    truth: RiskModel,
    refit: Refit,
    refits: int,
    threads: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], Vector] | None:
    """Errors of refits at rows they did not see: the rows and the error (e,)."""
    true = truth.calibrator.apply(truth.log_odds(table.values))
    moved = _moved(table, truth)
    order = np.argsort(table.groups, kind="stable")
    people, begins, sizes = np.unique(table.groups[order], return_index=True, return_counts=True)

    def once(own: np.random.Generator) -> tuple[NDArray[np.int64], Vector] | None:
        y = _draw(sigmoid(true + moved), table.groups, people, own)
        picks = own.integers(0, len(people), len(people))
        inside = np.concatenate([order[begins[g] : begins[g] + sizes[g]] for g in picks])
        outside = np.setdiff1d(np.arange(len(y)), inside)
        if len(np.unique(y[inside])) < 2 or not len(outside):
            return None
        again = refit(table.outcome(y).rows(inside))
        found = again.calibrator.apply(again.log_odds(table.values[outside]))
        return outside, found - true[outside]

    with ThreadPoolExecutor(threads) as pool:  # each draws from its own generator
        found = [each for each in pool.map(once, random.spawn(refits)) if each is not None]
    if len(found) < 2:
        return None
    rows, errors = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(errors)


def _draw(
    probability: Vector,
    groups: NDArray[np.int64],
    people: NDArray[np.int64],
    random: np.random.Generator,
) -> Vector:
    """Outcomes (n,) with these probabilities, alike among the rows of one customer."""
    own = random.standard_normal(len(people))[np.searchsorted(people, groups)]
    drawn = np.sqrt(TOGETHER) * own + np.sqrt(1 - TOGETHER) * random.standard_normal(len(groups))
    return np.asarray(ndtr(drawn) < probability, dtype=np.float64)


def _shrunk(rows: NDArray[np.int64], error: Vector, root: float) -> Vector:
    """Errors with the part that differs between refits of one row made smaller by `root`."""
    count = np.maximum(np.bincount(rows), 1)
    middle = (np.bincount(rows, error) / count)[rows]
    return middle + (error - middle) / root


def _moved(table: Table, model: RiskModel) -> Vector:
    """How far the level of each row's period (n,) lies from the one the model predicts at."""
    scores = model.calibrator.apply(model.log_odds(table.values))
    fitted = leveled(scores[None], table.y, table.weight, table.period)[0]
    return np.asarray(fitted - scores)


def _level_spread(table: Table, model: RiskModel) -> float:
    """Half-width for the level of a period to come; 0 where fewer than three were seen."""
    _, first = np.unique(table.period, return_index=True)
    if len(first) < FEWEST_PERIODS:
        return 0.0
    return NORMAL_95 * float(np.sqrt(np.mean(_moved(table, model)[first] ** 2)))
