"""Fits the blend: boosted trees and curves, added in log-odds, calibrated, with interval widths.

Everything that is chosen is chosen by grouped inner validation on the training rows alone.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from training.calibrate import (
    IDENTITY,
    Calibrator,
    IntervalWidths,
    fit_isotonic,
    fit_platt,
    fit_widths,
)
from training.choose import Fold, best, folds_of, out_of_fold, smallest_within_one_se
from training.curves import CurvesFit, fit_curves
from training.model import Matrix, RiskModel, Vector
from training.table import Table
from training.trees import CHECKPOINTS, TreeShape, at_checkpoints, fit_trees, shapes_for

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
TREE_WEIGHTS = (0.5, 0.25, 0.75)
LARGEST_TUNING_ROWS = 15_000
LARGEST_REFIT_ROWS = 6_000


class Plan(NamedTuple):
    """What inner validation chose."""

    shape: TreeShape
    trees: int
    penalty: float
    tree_weight: float


class Fitted(NamedTuple):
    """A fitted model, and what inner validation chose for it."""

    model: RiskModel
    plan: Plan


def fit_blend(
    table: Table, *, trials: int, calibration: str, refits: int, threads: int, seed: int
) -> Fitted:
    """Choose, fit, calibrate and measure the spread; the same inputs give the same bytes.

    With too few customers in a class for folds, the first shape is fitted small and uncalibrated.
    """
    with threadpool_limits(1, "blas"):  # sums in the same order on every machine
        return _fit_blend(table, trials, calibration, refits, threads, seed)


def _fit_blend(
    table: Table, trials: int, calibration: str, refits: int, threads: int, seed: int
) -> Fitted:
    random = np.random.default_rng(seed)
    tuning = _sample_groups(table, LARGEST_TUNING_ROWS, random)
    folds = folds_of(tuning.y, tuning.groups, seed=seed % 2**31)
    plan, log_odds = _choose(tuning, folds, shapes_for(trials, random), threads)
    calibrator = _calibrate(calibration, log_odds, tuning) if folds else IDENTITY
    model = _fit(table, plan, calibrator, threads)
    widths = _widths(table, plan, model, refits, threads, random)
    return Fitted(replace(model, widths=widths), plan)


def _choose(
    table: Table, folds: list[Fold], shapes: list[TreeShape], threads: int
) -> tuple[Plan, Vector]:
    if not folds:
        return Plan(shapes[0], CHECKPOINTS[1], PENALTIES[2], TREE_WEIGHTS[0]), np.zeros(0)
    grid = [(shape, count) for shape in shapes for count in CHECKPOINTS]

    def curves(train: NDArray[np.int64]) -> Any:
        fits = _curves(table.rows(train), PENALTIES)
        return lambda held_out: np.stack(
            [
                found.member.log_odds(table.values[held_out]) + found.levels[table.period[held_out]]
                for found in fits
            ]
        )

    def trees(train: NDArray[np.int64]) -> Any:
        part = table.rows(train)
        levels = part.levels()
        grown = fit_trees(part, shapes, CHECKPOINTS[-1], threads)
        return lambda held_out: (
            levels[table.period[held_out]]
            + np.concatenate(
                [at_checkpoints(booster, table.values[held_out], threads) for booster in grown]
            )
        )

    def pick(candidates: Matrix, sizes: list[float]) -> tuple[int, Vector]:
        return smallest_within_one_se(candidates, table.y, table.weight, table.groups, sizes)

    n = len(table.y)
    tried = out_of_fold(curves, folds, (len(PENALTIES), n))
    penalty, curve_scores = best(tried, table.y, table.weight)  # a looser curve is no larger
    tree, tree_scores = pick(
        out_of_fold(trees, folds, (len(grid), n)),
        [float((shape.leaves - 1) * count) for shape, count in grid],
    )
    blends = np.stack([w * tree_scores + (1 - w) * curve_scores for w in TREE_WEIGHTS])
    share, scores = pick(blends, [abs(w - TREE_WEIGHTS[0]) for w in TREE_WEIGHTS])
    return Plan(*grid[tree], PENALTIES[penalty], TREE_WEIGHTS[share]), scores


def _curves(table: Table, penalties: tuple[float, ...]) -> list[CurvesFit]:
    return fit_curves(
        table.values,
        table.y,
        penalties=penalties,
        weight=table.weight,
        period=table.period,
        categorical=table.categorical,
    )


def _fit(table: Table, plan: Plan, calibrator: Calibrator, threads: int) -> RiskModel:
    curves = _curves(table, (plan.penalty,))[0]
    booster = fit_trees(table, (plan.shape,), plan.trees, threads)[0]
    curve_level, tree_level = table.level(curves.levels), table.level(table.levels())
    return RiskModel(
        features=table.values.shape[1],
        intercept=plan.tree_weight * tree_level + (1.0 - plan.tree_weight) * curve_level,
        trees=lightgbm.Booster(model_str=booster.model_to_string()),
        tree_weight=plan.tree_weight,
        additive=curves.member,
        additive_weight=1.0 - plan.tree_weight,
        calibrator=calibrator,
        widths=IntervalWidths((0.0,), (0.0,)),
    )


def _calibrate(kind: str, log_odds: Vector, table: Table) -> Calibrator:
    fit = fit_isotonic if kind == "isotonic" else fit_platt
    return fit(log_odds, table.y, table.weight)


def _widths(
    table: Table,
    plan: Plan,
    model: RiskModel,
    refits: int,
    threads: int,
    random: np.random.Generator,
) -> IntervalWidths:
    """Resample groups, fewer than there are when that is enough, and scale the spread back."""
    shown = _sample_groups(table, LARGEST_REFIT_ROWS, random)
    order = np.argsort(table.groups, kind="stable")
    _, begins, sizes = np.unique(table.groups[order], return_index=True, return_counts=True)
    drawn = max(1, min(len(begins), round(LARGEST_REFIT_ROWS / float(np.mean(sizes)))))
    scores = []
    for _ in range(refits):
        picks = random.integers(0, len(begins), drawn)
        which = np.concatenate([order[begins[g] : begins[g] + sizes[g]] for g in picks])
        part = table.rows(which)
        if len(np.unique(part.y)) == 2:
            refit = _fit(part, plan, model.calibrator, threads)
            scores.append(refit.calibrator.apply(refit.log_odds(shown.values)))
    if len(scores) < 2:
        return IntervalWidths((0.0,), (0.0,))
    spread = np.stack(scores) * float(np.sqrt(drawn / len(begins)))
    return fit_widths(model.log_odds(shown.values), spread)


def _sample_groups(table: Table, largest: int, random: np.random.Generator) -> Table:
    """Whole groups at random, about `largest` rows of them; the table itself when it is small."""
    if len(table.y) <= largest:
        return table
    count = int(table.groups.max()) + 1
    kept = random.random(count) < largest / len(table.y)
    return table.rows(np.flatnonzero(kept[table.groups]))
