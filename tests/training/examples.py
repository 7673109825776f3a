"""A made-up table with known truth, and a model fitted to it once."""

from functools import cache

import numpy as np

from training.blend import fit_blend
from training.calibrator import sigmoid
from training.model import Matrix, RiskModel, Vector
from training.table import Table

FIELDS = ("probability", "low", "high", "log_odds", "contributions")


def rows(n: int, seed: int = 0) -> Matrix:
    """Six features: two that matter, a level, one often missing, two of noise."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n, 6))
    table[:, 2] = rng.integers(0, 4, n)
    table[rng.random(n) < 0.3, 3] = np.nan
    return table


def outcome(table: Matrix, seed: int = 0) -> Vector:
    """Who left: more often with a high first, a low second feature, or level 3."""
    log_odds = 1.2 * table[:, 0] - 0.8 * table[:, 1] + 0.9 * (table[:, 2] == 3) - 0.5
    drawn = np.random.default_rng(seed + 1).random(len(table))
    return (drawn < sigmoid(log_odds)).astype(np.float64)


def crossed(table: Matrix) -> Vector:
    """Who left, where two features also matter together: worth both kinds of members."""
    together = 1.2 * table[:, 0] + 0.6 * np.sign(table[:, 0] * table[:, 1])
    log_odds = together + 0.9 * (table[:, 2] == 3) + 0.5 * np.abs(table[:, 4]) - 0.5
    return (np.random.default_rng(1).random(len(table)) < sigmoid(log_odds)).astype(np.float64)


@cache
def fitted(n: int = 1200) -> RiskModel:
    """A blend of both members fitted to `rows(n)`."""
    table = rows(n)
    return fit_blend(
        Table(table, crossed(table), np.ones(n), np.arange(n), np.zeros(n, np.int64), np.zeros(1)),
        trials=1,
        calibration="platt",
        refits=4,
        threads=1,
        seed=0,
    ).model
