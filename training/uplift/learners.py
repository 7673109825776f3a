"""S-, T- and X-learners: expected effect of a treatment on each person, from a randomised test.

With μ₁ and μ₀ the expected outcome when treated and when not, the effect is τ = μ₁ − μ₀.

- S-learner: one model of the outcome in which the arm is one more column; τ is what changing that
  column changes.
- T-learner: one model per arm; once in boosted trees, once in logistic (for a number: linear)
  regression.
- X-learner (Künzel et al. 2019): μ₁ and μ₀ as above, then one model of y − μ₀ among the treated and
  one of μ₁ − y among the others, weighted by the share of the treated e: e · τ₀ + (1 − e) · τ₁.

Each learner has a fixed menu of sizes. Which size, and which learner, is chosen by twofold
validation inside the rows given, by the R-loss of Nie & Wager (2021): the mean of
(y − m − (t − e) · τ)², where m is the response model's expected outcome whatever the arm, all of it
out of fold. The response model itself is chosen by its squared error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge

from training.uplift.covariates import Covariates
from training.uplift.folds import deal
from training.uplift.qini import Codes, Trial, Vector
from training.uplift.table import read_trial

Matrix = NDArray[np.float64]
Effect = Callable[[Matrix], Matrix]
"""From rows (m, k) to one expected effect per option, (options, m)."""

INNER_FOLDS = 2
LEARNING_RATE = 0.1
RESPONSE = "response"


class TreeSize(NamedTuple):
    """How large boosted trees may get."""

    leaves: int
    trees: int


class Penalty(NamedTuple):
    """How strongly a regression is held back: its inverse strength C."""

    inverse: float


Option = TreeSize | Penalty

TREES: tuple[Option, ...] = tuple(TreeSize(k, n) for k in (3, 7) for n in (10, 25, 50))
PENALTIES: tuple[Option, ...] = (Penalty(0.001), Penalty(0.01), Penalty(0.1))
FIRST_STAGE = TreeSize(4, 25)


class Sample(NamedTuple):
    """Rows to learn from: `values` (n, k), `y` (n,), `treated` (n,) 1 or 0."""

    values: Matrix
    y: Vector
    treated: Vector
    binary: bool

    def rows(self, which: Codes | NDArray[np.bool_]) -> "Sample":
        """Only these rows."""
        return Sample(self.values[which], self.y[which], self.treated[which], self.binary)

    @property
    def sides(self) -> "tuple[Sample, Sample]":
        """The untreated, the treated."""
        return self.rows(self.treated == 0), self.rows(self.treated == 1)


class Learner(NamedTuple):
    """How to fit effects for several sizes of the menu at once."""

    menu: tuple[Option, ...]
    fit: Callable[[Sample, Sequence[Option]], Effect]


def _s_learner(sample: Sample, options: Sequence[Option]) -> Effect:
    with_arm = np.column_stack([sample.values, sample.treated])
    outcome = _grow(with_arm, sample.y, options, binary=sample.binary)

    def effect(rows: Matrix) -> Matrix:
        ones = np.ones(len(rows))
        return outcome(np.column_stack([rows, ones])) - outcome(np.column_stack([rows, 0 * ones]))

    return effect


def _t_learner(sample: Sample, options: Sequence[Option]) -> Effect:
    control, treated = (
        _grow(side.values, side.y, options, binary=side.binary) for side in sample.sides
    )
    return lambda rows: treated(rows) - control(rows)


def _x_learner(sample: Sample, options: Sequence[Option]) -> Effect:
    control, treated = sample.sides
    of_control, of_treated = (
        _grow(side.values, side.y, [FIRST_STAGE], binary=side.binary) for side in (control, treated)
    )
    gained = treated.y - of_control(treated.values)[0]
    forgone = of_treated(control.values)[0] - control.y
    by_treated = _grow(treated.values, gained, options, binary=False)
    by_control = _grow(control.values, forgone, options, binary=False)
    share = float(sample.treated.mean())
    return lambda rows: share * by_control(rows) + (1 - share) * by_treated(rows)


def _t_regression(sample: Sample, options: Sequence[Option]) -> Effect:
    scale = _Scale.learn(sample.values)
    control, treated = (
        _regress(scale.apply(side.values), side.y, options, binary=side.binary)
        for side in sample.sides
    )

    def effect(rows: Matrix) -> Matrix:
        scaled = scale.apply(rows)
        return treated(scaled) - control(scaled)

    return effect


LEARNERS: Mapping[str, Learner] = {
    "s_learner": Learner(TREES, _s_learner),
    "t_learner": Learner(TREES, _t_learner),
    "x_learner": Learner(TREES, _x_learner),
    "t_regression": Learner(PENALTIES, _t_regression),
}


class Choice(NamedTuple):
    """What inner validation chose: a size for each learner and the response model, and a learner.

    `losses` are the R-losses of the learners at their best size.
    """

    options: Mapping[str, Option]
    learner: str
    losses: Mapping[str, float]


def choose(sample: Sample, units: Codes, *, seed: int) -> Choice:
    """Choose sizes and a learner by twofold validation; units stay together."""
    trial = Trial(sample.y, sample.treated, units)
    fold = deal(trial, INNER_FOLDS, seed=seed)
    sizes = {name: len(learner.menu) for name, learner in LEARNERS.items()}
    effects = {name: np.zeros((size, len(sample.y))) for name, size in sizes.items()}
    response = np.zeros((len(TREES), len(sample.y)))
    for k in range(INNER_FOLDS):
        inside, held_out = sample.rows(fold != k), fold == k
        for name, learner in LEARNERS.items():
            effects[name][:, held_out] = learner.fit(inside, learner.menu)(sample.values[held_out])
        expected = _grow(inside.values, inside.y, TREES, binary=inside.binary)
        response[:, held_out] = expected(sample.values[held_out])
    misses = np.mean((sample.y - response) ** 2, axis=1)
    expectation = response[int(np.argmin(misses))]
    options: dict[str, Option] = {RESPONSE: TREES[int(np.argmin(misses))]}
    losses = {}
    moved = sample.treated - sample.treated.mean()
    for name, learner in LEARNERS.items():
        found = np.mean((sample.y - expectation - moved * effects[name]) ** 2, axis=1)
        options[name] = learner.menu[int(np.argmin(found))]
        losses[name] = float(found.min())
    return Choice(options, min(losses, key=lambda name: losses[name]), losses)


def fit_learner(name: str, sample: Sample, option: Option) -> Callable[[Matrix], Vector]:
    """Fit one learner, or the response model, at one size; the value scores rows (m, k)."""
    if name == RESPONSE:
        expected = _grow(sample.values, sample.y, [option], binary=sample.binary)
        return lambda rows: np.asarray(expected(rows)[0])
    effect = LEARNERS[name].fit(sample, [option])
    return lambda rows: np.asarray(effect(rows)[0])


@dataclass(frozen=True)
class UpliftModel:
    """A learner fitted to a whole experiment; `score` tells the expected effect on new people."""

    learner: str
    option: Option
    covariates: Covariates
    _effect: Callable[[Matrix], Vector]

    def score(self, frame: pd.DataFrame) -> Vector:
        """Expected effect (n,) in the outcome's unit: 0.05 is five points more of a share."""
        return self._effect(self.covariates.matrix(frame))


def fit_uplift(
    frame: pd.DataFrame,
    *,
    arm: str,
    control: str,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    unit: str | None = None,
    seed: int = 0,
) -> UpliftModel:
    """Fit the learner that inner validation prefers to everybody in the two arms of `frame`.

    It is not judged here: `report.uplift_report` says whether its ranking can be used. Raises what
    `table.read_trial` raises.
    """
    rows = read_trial(
        frame,
        arm=arm,
        control=control,
        treatment=treatment,
        outcome=outcome,
        covariates=covariates,
        unit=unit,
    )
    sample = Sample(rows.values, rows.trial.y, rows.trial.treated, rows.trial.is_binary)
    chosen = choose(sample, rows.trial.units, seed=seed)
    option = chosen.options[chosen.learner]
    effect = fit_learner(chosen.learner, sample, option)
    return UpliftModel(chosen.learner, option, rows.covariates, effect)


def _grow(values: Matrix, y: Vector, options: Sequence[Option], *, binary: bool) -> Effect:
    """Expected outcome by boosted trees, one per option; trees of one shape are grown once."""
    sizes = [option for option in options if isinstance(option, TreeSize)]
    if len(sizes) != len(options):
        raise TypeError("boosted trees take sizes in leaves and trees")
    data = lightgbm.Dataset(
        values, y, params={"feature_pre_filter": False, "verbosity": -1, "num_threads": 1}
    )
    grown = {
        leaves: lightgbm.train(
            _parameters(leaves, len(y), binary=binary),
            data,
            max(size.trees for size in sizes if size.leaves == leaves),
        )
        for leaves in dict.fromkeys(size.leaves for size in sizes)
    }

    def expected(rows: Matrix) -> Matrix:
        found = np.zeros((len(sizes), len(rows)))
        for leaves, booster in grown.items():
            total, done = np.zeros(len(rows)), 0
            for place in sorted(range(len(sizes)), key=lambda place: sizes[place].trees):
                if sizes[place].leaves == leaves:
                    total = total + _added(booster, rows, done, sizes[place].trees)
                    done = sizes[place].trees
                    found[place] = expit(total) if binary else total
        return found

    return expected


def _parameters(leaves: int, rows: int, *, binary: bool) -> dict[str, Any]:
    return {
        "objective": "binary" if binary else "regression",
        "num_leaves": leaves,
        "learning_rate": LEARNING_RATE,
        "min_data_in_leaf": max(10, rows // 100),
        "lambda_l2": 1.0,
        "deterministic": True,
        "force_col_wise": True,
        "feature_pre_filter": False,
        "num_threads": 1,
        "seed": 1,
        "verbosity": -1,
    }


def _added(booster: lightgbm.Booster, rows: Matrix, first: int, end: int) -> Vector:
    """What trees `first` … `end` − 1 add to the score of each row."""
    if first == end:
        return np.zeros(len(rows))
    return np.asarray(
        booster.predict(
            rows,
            raw_score=True,
            start_iteration=first,
            num_iteration=end - first,
            num_threads=1,
        )
    )


@dataclass(frozen=True)
class _Scale:
    """Makes columns comparable for a regression: logarithms of long tails, gaps at the mean."""

    centre: Vector
    spread: Vector
    gaps: NDArray[np.bool_]

    @classmethod
    def learn(cls, values: Matrix) -> "_Scale":
        drawn_in = _draw_in(values)
        gaps = np.asarray(np.isnan(values).any(axis=0))
        known = ~np.isnan(values)
        counts = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, drawn_in, 0.0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, drawn_in - centre, 0.0) ** 2).sum(axis=0) / counts)
        return cls(centre, np.where(spread > 0, spread, 1.0), gaps)

    def apply(self, values: Matrix) -> Matrix:
        scaled = np.nan_to_num((_draw_in(values) - self.centre) / self.spread)
        return np.column_stack([scaled, np.isnan(values[:, self.gaps])])


def _draw_in(values: Matrix) -> Matrix:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _regress(values: Matrix, y: Vector, options: Sequence[Option], *, binary: bool) -> Effect:
    fitted = [_regression(values, y, option, binary=binary) for option in options]
    return lambda rows: np.stack([expected(rows) for expected in fitted])


def _regression(
    values: Matrix, y: Vector, option: Option, *, binary: bool
) -> Callable[[Matrix], Vector]:
    if not isinstance(option, Penalty):
        raise TypeError("a regression takes a penalty")
    if binary:
        logistic = LogisticRegression(C=option.inverse, solver="newton-cholesky").fit(values, y)
        return lambda rows: np.asarray(logistic.predict_proba(rows)[:, 1])
    linear = Ridge(alpha=1.0 / option.inverse).fit(values, y)
    return lambda rows: np.asarray(linear.predict(rows))
