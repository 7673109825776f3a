"""Fits the amount of an event given that it happens; the simplest rule that is not worse ships.

Tried on held-out customers: everyone's mean, a line in the person's own past, and small boosted
trees on what that line leaves. Nothing but the training rows is looked at.
"""

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData, InvalidInput
from training.choose import Fold, folds_of, out_of_fold, smallest
from training.forecasts.value import LEVELS, OwnRule, Residuals, ValueModel, expand, squash
from training.model import Matrix, Vector
from training.trees import CHECKPOINTS, TreeShape, at_checkpoints

FEWEST_PEOPLE = 20
SHAPES = (
    TreeShape(4, 0.05, 0.4, 40, 5.0),
    TreeShape(8, 0.04, 0.5, 20, 1.0),
)
LARGEST_TUNING_ROWS = 15_000
_PENALTY = 1.0
_ROWS_PER_BIN = 100
_MOST_BINS = 8
_FACTORS = (0.5, 2.0)
_YEAR_DAYS = 365


def own_columns(definitions: Sequence[FeatureDefinition], event_kind: str) -> tuple[int, ...]:
    """Places of what says how much and how often a person did this so far.

    Sum, mean and latest of the event's value, and the number of events, each over all windows the
    features have. Found by what a feature is, never by its name.
    """
    return tuple(
        place
        for place, found in enumerate(definitions)
        if found.kinds == (event_kind,)
        and not found.where
        and (
            found.aggregate == "count"
            or (found.aggregate in ("sum", "mean", "last") and found.column == "value")
        )
    )


def past_year_column(definitions: Sequence[FeatureDefinition], event_kind: str) -> int | None:
    """Place of the summed value over the window nearest to a year; None without one."""
    found = [
        (abs(definition.window_days - _YEAR_DAYS), place)
        for place, definition in enumerate(definitions)
        if definition.kinds == (event_kind,)
        and definition.aggregate == "sum"
        and definition.column == "value"
        and not definition.where
        and definition.window_days is not None
    ]
    return min(found)[1] if found else None


def fit_value(
    values: Matrix,
    amount: Vector,
    happened: NDArray[np.bool_],
    groups: NDArray[np.int64],
    *,
    own: Sequence[int] = (),
    categorical: Sequence[int] = (),
    seed: int = 0,
    threads: int = 1,
) -> ValueModel:
    """Fit on the rows where the event `happened` (n,); the same rows and seed give the same bytes.

    `values` (n, k); `amount` (n,) in the home's currency, below 0 where returns outweigh; `groups`
    (n,): rows of one customer are held out together. `own`: columns of `own_columns`. Raises
    `InsufficientData` when fewer than 20 customers have an amount.

    Amounts of earlier times are taken as they are: bringing them to the latest level made later
    ones no nearer where it was tried.
    """
    which = np.flatnonzero(happened)
    if np.isnan(amount[which]).any():
        raise InvalidInput("an amount is missing where the event happened; 0 is written as 0")
    people = np.unique(groups[which], return_inverse=True)[1].astype(np.int64)
    count = int(people.max()) + 1 if len(which) else 0
    if count < FEWEST_PEOPLE:
        raise InsufficientData(
            f"{count} customers with an amount to learn from, at least {FEWEST_PEOPLE} are needed",
            hint="a longer history or a longer horizon shows more of them",
        )
    with threadpool_limits(1, "blas"):  # sums in the same order on every machine
        return _fit(
            np.ascontiguousarray(values[which]), amount[which], people,
            own, categorical, seed, threads,
        )  # fmt: skip


def _fit(
    values: Matrix,
    amount: Vector,
    people: NDArray[np.int64],
    own: Sequence[int],
    categorical: Sequence[int],
    seed: int,
    threads: int,
) -> ValueModel:
    scale = _scale(amount)
    z = squash(amount, scale)
    tuned = _sample(people, LARGEST_TUNING_ROWS, seed)
    folds = folds_of(
        (z[tuned] > np.median(z[tuned])).astype(np.float64), people[tuned], seed=seed % 2**31
    )
    chosen, scores = _choose(
        values[tuned], z[tuned], people[tuned], folds, own, categorical, threads
    )
    rule = _rule(values, z, own if chosen > 0 else ())
    trees = None
    if chosen > 1:
        shape, rounds = divmod(chosen - 2, len(CHECKPOINTS))
        start = rule.score(values)
        [grown] = _grow(
            values, z, start, [SHAPES[shape]], CHECKPOINTS[rounds], categorical, threads
        )
        trees = lightgbm.Booster(model_str=grown.model_to_string())
    if not folds:
        scores = rule.score(values[tuned])
    return ValueModel(
        features=values.shape[1],
        scale=scale,
        rule=rule,
        trees=trees,
        limits=(float(scores.min()), float(scores.max())),
        residuals=_residuals(scores, z[tuned], scale),
    )


def _choose(
    values: Matrix,
    z: Vector,
    people: NDArray[np.int64],
    folds: list[Fold],
    own: Sequence[int],
    categorical: Sequence[int],
    threads: int,
) -> tuple[int, Vector]:
    """Which candidate: 0 everyone's mean, 1 the own rule, then trees; with its held-out scores."""
    if not folds:
        return 0, np.zeros(0)

    def candidates(train: NDArray[np.int64]) -> Any:
        mean, rule = _rule(values[train], z[train], ()), _rule(values[train], z[train], own)
        start = rule.score(values[train])
        grown = _grow(values[train], z[train], start, SHAPES, CHECKPOINTS[-1], categorical, threads)

        def predict(held_out: NDArray[np.int64]) -> Matrix:
            rows = values[held_out]
            line = rule.score(rows)
            boosted = [line + at_checkpoints(each, rows, threads) for each in grown]
            return np.concatenate([mean.score(rows)[None], line[None], *boosted])

        return predict

    sizes = [0.0, 1.0]
    sizes += [float((shape.leaves - 1) * n) for shape in SHAPES for n in CHECKPOINTS]
    tried = out_of_fold(candidates, folds, (len(sizes), len(z)))
    chosen = smallest((tried - z) ** 2, np.ones(len(z)), people, sizes)
    return chosen, tried[chosen]


def _sample(people: NDArray[np.int64], largest: int, seed: int) -> NDArray[np.int64]:
    """Rows of whole customers at random, about `largest` of them."""
    if len(people) <= largest:
        return np.arange(len(people))
    random = np.random.default_rng(seed)
    kept = random.random(int(people.max()) + 1) < largest / len(people)
    return np.flatnonzero(kept[people])


def _rule(values: Matrix, z: Vector, own: Sequence[int]) -> OwnRule:
    """Ridge regression of the squashed amount on squashed columns, each of unit spread."""
    centre = float(np.mean(z))
    fill, scales, columns = [], [], []
    for place in own:
        x = values[:, place]
        seen = x[~np.isnan(x)]
        fill.append(float(np.median(seen)) if len(seen) else 0.0)
        scales.append(_scale(seen))
        columns.append(squash(np.nan_to_num(x, nan=fill[-1]), scales[-1]))
    if not columns:
        return OwnRule(centre)
    design = np.column_stack(columns)
    middle, spread = design.mean(axis=0), design.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = (design - middle) / spread
    gram = scaled.T @ scaled + _PENALTY * np.eye(len(columns))
    slopes = np.linalg.solve(gram, scaled.T @ (z - centre)) / spread
    return OwnRule(
        centre - float(np.sum(slopes * middle)),
        tuple(int(place) for place in own),
        tuple(fill),
        tuple(scales),
        tuple(slopes.tolist()),
    )


def _grow(
    values: Matrix,
    z: Vector,
    start: Vector,
    shapes: Sequence[TreeShape],
    rounds: int,
    categorical: Sequence[int],
    threads: int,
) -> list[lightgbm.Booster]:
    """Boost trees of each shape on what `start` leaves of `z`; they score around 0."""
    data = lightgbm.Dataset(
        values,
        z,
        init_score=start,
        categorical_feature=list(categorical),
        params={"feature_pre_filter": False, "verbosity": -1, "num_threads": threads},
    )
    grown = []
    for shape in shapes:
        parameters: dict[str, Any] = {
            "objective": "regression",
            "boost_from_average": False,
            "num_leaves": shape.leaves,
            "learning_rate": shape.learning_rate,
            "feature_fraction": shape.feature_share,
            "min_data_in_leaf": max(1, min(shape.least_in_leaf, len(z) // 20)),
            "lambda_l2": shape.shrinkage,
            "feature_pre_filter": False,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": threads,
            "seed": 1,
            "verbosity": -1,
        }
        grown.append(lightgbm.train(parameters, data, rounds))
    return grown


def _residuals(scores: Vector, z: Vector, scale: float) -> Residuals:
    """Measure what held-out rows leave, in up to 8 equally filled bins of their score."""
    order = np.argsort(scores, kind="stable")
    if np.ptp(scores) < 1e-9 * max(1.0, float(np.abs(scores).max())):
        parts = [order]
    else:
        parts = np.array_split(order, min(_MOST_BINS, max(1, len(order) // _ROWS_PER_BIN)))
    at = (np.arange(LEVELS) + 0.5) / LEVELS
    centres, levels, factors = [], [], []
    for part in parts:
        left = z[part] - scores[part]
        centres.append(float(np.mean(scores[part])))
        levels.append(np.quantile(left, at))
        given = expand(scores[part, None] + levels[-1], scale).mean(axis=1).sum()
        ratio = float(expand(z[part], scale).sum() / given) if given != 0 else 1.0
        factors.append(min(max(ratio, _FACTORS[0]), _FACTORS[1]))
    _, first = np.unique(np.asarray(centres), return_index=True)
    return Residuals(
        np.asarray(centres)[first], np.stack(levels)[first], np.asarray(factors)[first]
    )


def _scale(x: Vector) -> float:
    """Where squashing turns from linear to logarithmic: the median size of what is not 0."""
    sizes = np.abs(x[x != 0])
    return float(np.median(sizes)) if len(sizes) else 1.0
