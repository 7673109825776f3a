"""Looks for the shape of trees that does best on customers and periods that were held out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from training.choose import Fold, leveled, losses
from training.model import Matrix, Vector
from training.table import Table
from training.trees import (
    CHECKPOINTS,
    SHAPES,
    TreeShape,
    at_checkpoints,
    grow_and_stop,
)


class Trial(NamedTuple):
    """One shape that was tried: mean held-out log loss at each checkpoint, lower is better."""

    shape: TreeShape
    losses: tuple[float, ...]

    @property
    def best(self) -> tuple[int, float]:
        """How many trees did best, and the log loss they had."""
        place = int(np.argmin(self.losses))
        return CHECKPOINTS[place], self.losses[place]


class Search(NamedTuple):
    """Every trial (s), and the held-out log-odds (s · c, n) of each at each checkpoint."""

    trials: tuple[Trial, ...]
    log_odds: Matrix


def search_shapes(
    table: Table, folds: Sequence[Fold], *, trials: int, threads: int, seed: int
) -> Search:
    """Try the ready-made shapes, then those that a tree-structured Parzen estimator suggests.

    (Bergstra et al. 2011, as in Optuna.) Equal rows, folds and seed give equal trials.
    """
    found: list[Trial] = []
    kept: list[Matrix] = []

    def attempt(shape: TreeShape) -> float:
        scores = _held_out(table, folds, shape, threads)
        each = losses(scores, table.y) @ table.weight / table.weight.sum()
        found.append(Trial(shape, tuple(each.tolist())))
        kept.append(scores)
        return float(each.min())

    ready = [shape._replace(monotone=any(table.monotone)) for shape in SHAPES[: max(1, trials)]]
    told = [(shape, attempt(shape)) for shape in ready]
    if trials > len(ready):
        _suggest(told, trials - len(ready), attempt, seed, monotone=any(table.monotone))
    return Search(tuple(found), np.concatenate(kept))


def _held_out(table: Table, folds: Sequence[Fold], shape: TreeShape, threads: int) -> Matrix:
    scores = np.zeros((len(CHECKPOINTS), len(table.y)))
    for train, held_out in folds:
        valid = table.rows(held_out)
        late = valid.latest()
        booster = grow_and_stop(table.rows(train), late, shape, threads)
        scores[:, held_out] = at_checkpoints(booster, valid.values, threads)
    return leveled(scores, table.y, table.weight, table.period)


def _suggest(
    told: Sequence[tuple[TreeShape, float]],
    trials: int,
    attempt: Callable[[TreeShape], float],
    seed: int,
    *,
    monotone: bool,
) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = optuna.distributions
    space: dict[str, Any] = {
        "leaves": kinds.IntDistribution(2, 16),
        "learning_rate": kinds.FloatDistribution(0.01, 0.15, log=True),
        "feature_share": kinds.FloatDistribution(0.15, 0.9),
        "least_in_leaf": kinds.IntDistribution(10, 200, log=True),
        "shrinkage": kinds.FloatDistribution(0.1, 30.0, log=True),
        "random_splits": kinds.CategoricalDistribution([False, True]),
    }
    if monotone:
        space["monotone"] = kinds.CategoricalDistribution([True, False])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4))
    for shape, loss in told:
        plain = {name: value for name, value in shape._asdict().items() if name in space}
        study.add_trial(optuna.trial.create_trial(params=plain, distributions=space, value=loss))
    for _ in range(trials):
        trial = study.ask(space)
        study.tell(trial, attempt(TreeShape(**trial.params)))


def chosen(search: Search, place: int) -> tuple[TreeShape, int, Vector]:
    """Read the candidate at `place` of `Search.log_odds`: its shape, trees and scores (n,)."""
    trial, checkpoint = divmod(place, len(CHECKPOINTS))
    return search.trials[trial].shape, CHECKPOINTS[checkpoint], search.log_odds[place]
