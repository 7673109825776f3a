"""Do the arms look as if they had been drawn at random? What was known before must not tell them.

A small classifier predicts the arm from the covariates, out of fold: its AUC is 0.5 when the draw
was random. Beside it each number of each covariate is compared alone (Welch's test, p-values times
the number of tests), which also finds a column that was not known before the draw after all: what
the treatment changes differs between the arms.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from governance.intervals import Interval
from training.evaluation.evaluate import auc
from training.uplift.folds import deal
from training.uplift.qini import Trial, Vector

Matrix = NDArray[np.float64]

ALARM = 0.001
"""Chance of a false alarm of each of the two tests, as for the sizes of the arms."""
SUSPICIOUS = 0.05
_TREES = 50
_NORMAL_975 = 1.959963984540054


class Balance(NamedTuple):
    """Whether covariates tell the arms apart.

    `auc` of the arm's classifier with its 95 % interval, `p_value` one-sided against 0.5;
    `differing`: covariates whose adjusted p-value is below 0.05, with it. "mismatch" when the
    classifier's or any covariate's p-value is below 0.001.
    """

    outcome: Literal["as expected", "mismatch"]
    auc: Interval
    p_value: float
    differing: Mapping[str, float]


def check_balance(
    trial: Trial, values: Matrix, origin: tuple[str, ...], *, folds: int, seed: int
) -> Balance:
    """Test covariates `values` (n, k), each from the covariate named in `origin` (k,).

    Units count once, with the means of their rows.
    """
    arms = trial.unit_arms()
    means = np.column_stack([_unit_means(trial, column) for column in values.T])
    of_units = Trial(arms, arms, np.arange(len(arms), dtype=np.int64))
    fold = deal(of_units, folds, seed=seed)
    told = np.zeros(len(arms))
    for k in range(folds):
        told[fold == k] = _tell(means[fold != k], arms[fold != k], means[fold == k])
    found = auc(arms, told)
    p_value = _above_half(found)
    alone = _one_by_one(means, arms, origin)
    alarmed = p_value < ALARM or min(alone.values()) < ALARM
    return Balance(
        outcome="mismatch" if alarmed else "as expected",
        auc=found,
        p_value=p_value,
        differing={name: p for name, p in alone.items() if p < SUSPICIOUS},
    )


def _unit_means(trial: Trial, column: Vector) -> Vector:
    """Mean over each unit's rows (u,), NaN where all are missing."""
    known = ~np.isnan(column)
    count = int(trial.units.max()) + 1
    total = np.bincount(trial.units[known], column[known], count)
    rows = np.bincount(trial.units[known], minlength=count)
    return np.where(rows > 0, total / np.maximum(rows, 1), np.nan)


def _tell(values: Matrix, arms: Vector, others: Matrix) -> Vector:
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": 4,
        "learning_rate": 0.05,
        "min_data_in_leaf": max(10, len(arms) // 50),
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "seed": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(values, arms, params={"verbosity": -1, "num_threads": 1})
    booster = lightgbm.train(parameters, data, _TREES)
    return np.asarray(booster.predict(others, num_threads=1))


def _above_half(found: Interval) -> float:
    """One-sided p-value of AUC > 0.5, from the interval laid on its log-odds."""
    if not 0 < found.low < found.high < 1:
        return 0.0 if found.value == 1 else 1.0
    low, value, high = (np.log(x / (1 - x)) for x in (found.low, found.value, found.high))
    return float(stats.norm.sf(value / ((high - low) / (2 * _NORMAL_975))))


def _one_by_one(means: Matrix, arms: Vector, origin: tuple[str, ...]) -> dict[str, float]:
    """The smallest p-value of each covariate's columns, times how many were looked at in all."""
    found: dict[str, list[float]] = {name: [] for name in origin}
    for name, column in zip(origin, means.T, strict=True):
        known = ~np.isnan(column)
        if not known.all():
            found[name].append(_differs(known.astype(np.float64), arms))
        found[name].append(_differs(column[known], arms[known]))
    tests = sum(len(p) for p in found.values())
    return {name: min(1.0, min(p) * tests) for name, p in found.items()}


def _differs(values: Vector, arms: Vector) -> float:
    treated, control = values[arms == 1], values[arms == 0]
    if min(len(treated), len(control)) < 2:
        return 1.0
    gap = float(treated.mean() - control.mean())
    error = float(np.sqrt(treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control)))
    if error == 0:
        return 1.0 if gap == 0 else 0.0
    return float(2 * stats.norm.sf(abs(gap) / error))
