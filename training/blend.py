"""Fits the blend: boosted trees and curves, added in log-odds, calibrated, with interval widths.

Everything that is chosen is chosen by inner validation on the training rows alone: customers held
out, and of several periods the latest third.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from training.calibrate import CALIBRATIONS, choose_calibration
from training.calibrator import IDENTITY, Calibrator
from training.choose import (
    Fold,
    best,
    forward_folds,
    leveled,
    losses,
    out_of_fold,
    smallest_within_one_se,
)
from training.curves import CurvesFit, fit_curves
from training.model import Matrix, RiskModel, Vector
from training.search import Trial, chosen, search_shapes
from training.spread_fit import fit_spread
from training.table import Table
from training.trees import CHECKPOINTS, SHAPES, TreeShape, fit_trees, sizes_of

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
TREE_WEIGHTS = (0.5, 0.25, 0.75, 1.0, 0.0)
"""The trees' share in the blend; the nearer to a half, the plainer."""

LARGEST_TUNING_ROWS = 15_000
LARGEST_REFIT_ROWS = 5_000
LARGEST_CURVE_ROWS = 20_000


class Plan(NamedTuple):
    """What inner validation chose; with `personal` the curves see a person's own past alone."""

    shape: TreeShape
    trees: int
    penalty: float
    tree_weight: float
    personal: bool = False
    calibration: str = "none"

    @property
    def splits(self) -> int:
        """How many splits the trees make: what a smaller model has fewer of."""
        return (self.shape.leaves - 1) * self.trees if self.tree_weight > 0 else 0


class Tried(NamedTuple):
    """Everything inner validation looked at: log losses on held-out customers, lower is better."""

    trials: tuple[Trial, ...] = ()
    penalties: Mapping[float, float] = {}
    blends: Mapping[str, float] = {}
    calibrations: Mapping[str, float] = {}

    @property
    def configurations(self) -> int:
        """How many configurations were compared in all."""
        trees = sum(len(each.losses) for each in self.trials)
        return trees + len(self.penalties) + len(self.blends) + len(self.calibrations)


class Fitted(NamedTuple):
    """A fitted model, what inner validation chose for it, and what it was chosen from."""

    model: RiskModel
    plan: Plan
    tried: Tried


def fit_blend(
    table: Table, *, trials: int, calibration: str, refits: int, threads: int, seed: int
) -> Fitted:
    """Choose, fit, calibrate and measure the spread; the same inputs give the same bytes.

    `calibration` "auto" takes what does best on periods that were held out. With too few customers
    in a class for folds, the first shape is fitted small and uncalibrated.
    """
    with threadpool_limits(1, "blas"):  # sums in the same order on every machine
        return _fit_blend(table, trials, calibration, refits, threads, seed)


def _fit_blend(
    table: Table, trials: int, calibration: str, refits: int, threads: int, seed: int
) -> Fitted:
    random = np.random.default_rng(seed)
    tuning = _sample_groups(table, LARGEST_TUNING_ROWS, random)
    folds = forward_folds(tuning, seed=seed % 2**31)
    plan, tried, calibrator = _choose(tuning, folds, trials, calibration, seed % 2**31)
    model = _fit(table, plan, calibrator, threads, random)
    if refits > 1 and folds:
        sample = _sample_groups(table, LARGEST_REFIT_ROWS, random)
        rough = _fit(sample, _rougher(plan), calibrator, 1, random)
        spread = fit_spread(
            sample,
            rough,
            model,
            lambda part: _fit(part, plan, calibrator, 1, random),
            refits=refits,
            larger=len(table.y) / len(sample.y),
            threads=threads,
            random=random,
        )
        model = replace(model, spread=spread)
    return Fitted(model, plan, tried)


def _choose(
    table: Table, folds: list[Fold], trials: int, calibration: str, seed: int
) -> tuple[Plan, Tried, Calibrator]:
    if not folds:
        plan = Plan(SHAPES[0], CHECKPOINTS[1], PENALTIES[2], TREE_WEIGHTS[0])
        return plan, Tried(), IDENTITY
    weight = table.weight / table.weight.sum()

    def mean(log_odds: Matrix) -> Vector:
        return np.asarray(losses(log_odds, table.y) @ weight)

    def pick(candidates: Matrix, sizes: list[float]) -> tuple[int, Vector]:
        return smallest_within_one_se(candidates, table.y, table.weight, table.groups, sizes)

    search = search_shapes(table, folds, trials=trials, threads=1, seed=seed)
    place, _ = pick(search.log_odds, sizes_of([each.shape for each in search.trials]).tolist())
    shape, trees, tree_scores = chosen(search, place)
    members = {False: _curve_scores(table, folds)}
    if table.personal:
        members[True] = _curve_scores(_personal(table), folds)
    found = {personal: best(each, table.y, table.weight) for personal, each in members.items()}
    options = [(w, personal) for personal in found for w in TREE_WEIGHTS]
    blends = leveled(
        np.stack([w * tree_scores + (1 - w) * found[personal].log_odds for w, personal in options]),
        table.y, table.weight, table.period,
    )  # fmt: skip
    share, scores = pick(blends, [abs(w - TREE_WEIGHTS[0]) + 0.1 * p for w, p in options])
    tree_weight, personal = options[share]
    way = calibration
    told: Mapping[str, float] = {}
    if calibration == "auto":
        way, told = choose_calibration(scores, table.y, table.weight, table.groups, table.period)
    calibrator = IDENTITY
    if way != "none":
        calibrator = CALIBRATIONS[way](scores, table.y, table.weight)
    plan = Plan(shape, trees, PENALTIES[found[personal].candidate], tree_weight, personal, way)
    tried = Tried(
        search.trials,
        dict(zip(PENALTIES, mean(members[personal]).tolist(), strict=True)),
        {
            f"trees {w:g}, {'own past' if p else 'curves'} {1 - w:g}": loss
            for (w, p), loss in zip(options, mean(blends).tolist(), strict=True)
        },
        told,
    )
    return plan, tried, calibrator


def _curve_scores(table: Table, folds: list[Fold]) -> Matrix:
    def curves(train: NDArray[np.int64]) -> Any:
        fits = _curves(table.rows(train), PENALTIES)
        return lambda held_out: np.stack(
            [each.member.log_odds(table.values[held_out]) for each in fits]
        )

    scores = out_of_fold(curves, folds, (len(PENALTIES), len(table.y)))
    return leveled(scores, table.y, table.weight, table.period)


def _personal(table: Table) -> Table:
    """The same rows with nothing known but how a person stands to their own past."""
    others = np.setdiff1d(np.arange(table.values.shape[1]), table.personal)
    values = table.values.copy()
    values[:, others] = np.nan
    return replace(table, values=values)


def _curves(table: Table, penalties: tuple[float, ...]) -> list[CurvesFit]:
    return fit_curves(
        table.values,
        table.y,
        penalties=penalties,
        weight=table.weight,
        period=table.period,
        categorical=table.categorical,
    )


def _fit(
    table: Table, plan: Plan, calibrator: Calibrator, threads: int, random: np.random.Generator
) -> RiskModel:
    trees, curves = None, None
    intercept = 0.0
    if plan.tree_weight > 0:
        booster = fit_trees(table, plan.shape, plan.trees, threads)
        trees = lightgbm.Booster(model_str=booster.model_to_string())
        intercept += plan.tree_weight * table.level(table.levels())
    if plan.tree_weight < 1:
        some = _sample_groups(table, LARGEST_CURVE_ROWS, random)
        curves = _curves(_personal(some) if plan.personal else some, (plan.penalty,))[0]
        intercept += (1.0 - plan.tree_weight) * some.level(curves.levels)
    return RiskModel(
        features=table.values.shape[1],
        intercept=intercept,
        trees=trees,
        tree_weight=plan.tree_weight,
        additive=None if curves is None else curves.member,
        additive_weight=1.0 - plan.tree_weight,
        calibrator=calibrator,
    )


def _rougher(plan: Plan) -> Plan:
    """A plan that follows the data more closely than the one chosen."""
    return plan._replace(trees=2 * plan.trees, penalty=3 * plan.penalty)


def _sample_groups(table: Table, largest: int, random: np.random.Generator) -> Table:
    """Whole groups at random, about `largest` rows of them; the table itself when it is small."""
    if len(table.y) <= largest:
        return table
    count = int(table.groups.max()) + 1
    kept = random.random(count) < largest / len(table.y)
    return table.rows(np.flatnonzero(kept[table.groups]))
