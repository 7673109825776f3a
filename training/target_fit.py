"""Fits everything one target is asked for, on one set of rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from governance.instants import DAY_US
from training.baselines import monotone_directions, personal_columns
from training.calibrator import IDENTITY
from training.fit import RiskClassifier
from training.forecasts.category import CategoryModel
from training.forecasts.category_fit import fit_category, own_share_columns
from training.forecasts.value import ValueModel
from training.forecasts.value_fit import fit_value, own_columns
from training.model import RiskModel, Vector
from training.request import TrainRequest
from training.target_model import Step, TargetModel

FEWEST_PEOPLE = 20
STEP_REFITS = 6
MANY_ROWS = 100_000


class FittedTarget(NamedTuple):
    """The whole model, the classifier whose risk is its head, and how much was compared for it.

    `configurations` counts what the searches of the risk and of every step looked at.
    """

    model: TargetModel
    classifier: RiskClassifier
    configurations: int


def fit_risk(request: TrainRequest, rows: Dataset, weight: Vector | None = None) -> RiskClassifier:
    """Fit the risk at the main horizon alone; `weight` (n,) of the rows, all alike if not said."""
    classifier = _classifier(request, rows, request.trials)
    _fit(classifier, rows, rows.y, weight)
    return classifier


def fit_target(request: TrainRequest, rows: Dataset, weight: Vector | None = None) -> FittedTarget:
    """Fit risk, steps between horizons, and amount or category where the target has them.

    `weight` (n,) bears on the risk.
    """
    target = request.target
    classifier = fit_risk(request, rows, weight)
    steps: list[Step] = []
    configurations = classifier.tried_.configurations
    longer = rows.y
    for j in reversed(range(rows.nested.shape[1])):
        happens = longer == 1
        model, tried = _step(request, rows, happens, rows.nested[:, j])
        steps.append(Step(target.horizons[j], model))
        configurations += tried
        longer = rows.nested[:, j]
    whole = TargetModel(
        horizon_days=target.horizon_days,
        risk=classifier.model_,
        steps=tuple(reversed(steps)),
        value=_value(request, rows),
        category=_category(request, rows),
    )
    return FittedTarget(whole, classifier, configurations)


def coded_columns(rows: Dataset) -> list[int]:
    """Positions of columns whose numbers are codes of categories."""
    return [
        place
        for place, definition in enumerate(rows.definitions)
        if definition.aggregate == "category"
    ]


def _classifier(request: TrainRequest, rows: Dataset, trials: int) -> RiskClassifier:
    return RiskClassifier(
        trials=trials,
        calibration=request.calibration,
        categorical=coded_columns(rows),
        monotone=monotone_directions(rows.definitions, request.target).tolist(),
        personal=np.flatnonzero(personal_columns(rows.definitions, request.target)).tolist(),
        random_state=request.seed,
        n_threads=2 if len(rows) > MANY_ROWS else 1,
    )


def _fit(
    classifier: RiskClassifier, rows: Dataset, y: Vector, weight: Vector | None = None
) -> None:
    classifier.fit(
        rows.values,
        y,
        groups=rows.customer_index,
        sample_weight=weight,
        period_days=rows.as_of / DAY_US,
    )


def _step(
    request: TrainRequest, rows: Dataset, happens: NDArray[np.bool_], sooner: Vector
) -> tuple[RiskModel, int]:
    """P(sooner | it happens) and how much was compared; a plain share where few people differ."""
    asked, y = rows.take(happens), sooner[happens]
    people = [len(np.unique(asked.customer_index[y == outcome])) for outcome in (0.0, 1.0)]
    if min(people) < FEWEST_PEOPLE:
        share = (float(y.sum()) + 0.5) / (len(y) + 1.0)
        shared = RiskModel(
            features=rows.values.shape[1],
            intercept=float(np.log(share / (1 - share))),
            trees=None, tree_weight=0.0, additive=None, additive_weight=0.0,
            calibrator=IDENTITY,
        )  # fmt: skip
        return shared, 0
    classifier = _classifier(request, rows, 1)
    classifier.refits = STEP_REFITS
    _fit(classifier, asked, y)
    return classifier.model_, classifier.tried_.configurations


def _value(request: TrainRequest, rows: Dataset) -> ValueModel | None:
    if rows.value is None:
        return None
    return fit_value(
        rows.values,
        rows.value,
        rows.y == 1,
        rows.customer_index,
        own=own_columns(rows.definitions, request.target.event_kind),
        categorical=coded_columns(rows),
        seed=request.seed,
        threads=1,
    )


def _category(request: TrainRequest, rows: Dataset) -> CategoryModel | None:
    target = request.target
    if rows.category is None:
        return None
    return fit_category(
        rows.values,
        _where_it_happens(rows),
        rows.customer_index,
        own=own_share_columns(rows.definitions, target.event_kind, target.category),
        categorical=coded_columns(rows),
        seed=request.seed,
        threads=1,
    )


def _where_it_happens(rows: Dataset) -> NDArray[np.object_]:
    found = np.full(len(rows), None, np.object_)
    happens = rows.y == 1
    if rows.category is not None:
        found[happens] = rows.category[happens]
    return found
