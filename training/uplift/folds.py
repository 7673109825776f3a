"""Deals people to folds so that each holds its part of both arms and of every outcome."""

import numpy as np
from numpy.typing import NDArray

from training.uplift.qini import Trial

_LEVELS = 5


def deal(trial: Trial, folds: int, *, seed: int) -> NDArray[np.int64]:
    """Give the fold (n,), 0 … folds − 1, of each row; rows of one unit share theirs.

    Units are dealt out in the order of arm and outcome (a number, or a unit's mean, in fifths),
    equal ones at random.
    """
    arms = trial.unit_arms()
    sizes = np.bincount(trial.units, minlength=len(arms))
    mean = np.bincount(trial.units, trial.y, len(arms)) / np.maximum(sizes, 1)
    cuts = np.unique(np.quantile(mean, np.arange(1, _LEVELS) / _LEVELS))
    level = mean if len(np.unique(mean)) == 2 else np.searchsorted(cuts, mean, "right") * 1.0
    random = np.random.default_rng(seed).random(len(arms))
    dealt = np.empty(len(arms), dtype=np.int64)
    dealt[np.lexsort((random, level, arms))] = np.arange(len(arms)) % folds
    return dealt[trial.units]
