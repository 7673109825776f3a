"""What any model must beat: simple rules fitted on the same training rows.

`recency`: the time since the last order alone. `rfm_logistic`: recency, frequency and money by
logistic regression. `prevalence`: everyone gets the share of the training rows, where there are no
orders to look at. Recency and frequency come from the definitions, never from a column's name.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.definitions import FeatureDefinition
from training.calibrate import fit_platt, sigmoid
from training.model import Matrix, Vector

Baseline = Callable[[Matrix], Vector]
"""From feature rows (n, k) to probabilities (n,)."""


def fit_baselines(
    values: Matrix, y: Vector, definitions: Sequence[FeatureDefinition], event_kind: str
) -> Mapping[str, Baseline]:
    """Fit every baseline that applies to training rows `values` (n, k), `y` (n,)."""
    recency = _find(definitions, event_kind, "days_since_last")
    frequency = _find(definitions, event_kind, "count")
    money = _find(definitions, event_kind, "sum", column="value")
    if recency is None:
        return {"prevalence": _prevalence(y)}
    columns = [place for place in (recency, frequency, money) if place is not None]
    return {
        "recency": _recency(values, y, recency),
        "rfm_logistic": _logistic(values, y, columns),
    }


def _find(
    definitions: Sequence[FeatureDefinition], kind: str, aggregate: str, *, column: str = ""
) -> int | None:
    """Place of the feature over the longest window that says this of one kind of event."""
    found = [
        (np.inf if definition.window_days is None else definition.window_days, -place)
        for place, definition in enumerate(definitions)
        if definition.kinds == (kind,)
        and definition.aggregate == aggregate
        and not definition.where
        and (not column or definition.column == column)
    ]
    return -int(max(found)[1]) if found else None


def _prevalence(y: Vector) -> Baseline:
    share = float(np.mean(y))
    return lambda values: np.full(len(values), share)


def _recency(values: Matrix, y: Vector, place: int) -> Baseline:
    usual = float(np.nanmedian(values[:, place])) if len(values) else 0.0

    def days(rows: Matrix) -> Vector:
        return np.nan_to_num(rows[:, place], nan=usual)

    fitted = fit_platt(days(values), y)
    return lambda rows: sigmoid(fitted.apply(days(rows)))


def _logistic(values: Matrix, y: Vector, places: list[int]) -> Baseline:
    def scaled(rows: Matrix) -> Matrix:
        found = np.nan_to_num(rows[:, places])
        return np.asarray(np.sign(found) * np.log1p(np.abs(found)))

    training = scaled(values)
    centre, spread = training.mean(axis=0), training.std(axis=0)
    spread[spread == 0] = 1.0
    regression = LogisticRegression(C=1.0, max_iter=1000).fit((training - centre) / spread, y)

    def probability(rows: Matrix) -> Vector:
        return np.asarray(regression.predict_proba((scaled(rows) - centre) / spread)[:, 1])

    return probability
