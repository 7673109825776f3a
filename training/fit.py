"""`RiskClassifier`: a small, calibrated, explained classifier with the manners of scikit-learn."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from training.blend import fit_blend
from training.columns import Columns
from training.explain import Reason, top_reasons
from training.model import Matrix, RiskModel, Scores, Vector
from training.table import Table

EXPECTED_FAILED_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "folds and resamples are drawn over rows, so weight 2 is not the same as the row twice"
    ),
}


class RiskClassifier(ClassifierMixin, BaseEstimator):
    """Calibrated probability of a binary outcome, with an interval and reasons.

    Two members are fitted and added in log-odds, half and half unless inner validation is clear
    that one deserves more: boosted trees (LightGBM) and one curve per feature. The fewest splits
    within one paired standard error of the best are kept. Held-out scores calibrate the blend;
    refits to outcomes drawn from a model that is known give the 90 % interval.

    Parameters: `trials`, how many tree shapes are tried; `calibration`, "platt", "venn_abers",
    "isotonic", "none", or "auto" for what does best on periods that were held out; `refits`, how
    many refits give the interval (0: no width); `categorical`, names or positions of number columns
    that are codes (text, category and boolean columns of a DataFrame are found); `monotone`, (k,)
    of 1 where the risk can only rise with a column, -1 only fall, 0 unknown, kept to by the trees;
    `personal`, positions of columns that hold a person against their own past, on which curves of
    their own are tried; `random_state`; `n_threads` of LightGBM, where one is quickest unless
    cores are idle.

    X is (n, k), an array or a DataFrame, NaN for missing. The second of the two sorted classes is
    the outcome whose probability is told. After fit: `model_` (the plain `RiskModel`), `classes_`,
    `plan_` (what inner validation chose), `tried_` (what it chose from), `columns_` (how columns
    became numbers).
    """

    def __init__(
        self,
        *,
        trials: int = 3,
        calibration: str = "auto",
        refits: int = 8,
        categorical: Sequence[str] | Sequence[int] | None = None,
        monotone: Sequence[int] | None = None,
        personal: Sequence[int] | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_threads: int = 1,
    ) -> None:
        self.trials = trials
        self.calibration = calibration
        self.refits = refits
        self.categorical = categorical
        self.monotone = monotone
        self.personal = personal
        self.random_state = random_state
        self.n_threads = n_threads

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        period_days: ArrayLike | None = None,
    ) -> Self:
        """Choose, fit and calibrate on (n, k) rows with two classes in `y` (n,).

        `groups` (n,): rows with one value (a customer's rows) are kept together in every fold and
        resample. `sample_weight` (n,). `period_days` (n,): when each row was looked at, in days,
        later is larger; every period then has a level of its own. Raises `ValueError` for anything
        but two classes.
        """
        learnt = Columns.learn(X, self.categorical) if isinstance(X, pd.DataFrame) else None
        values, outcome = validate_data(
            self,
            X if learnt is None else learnt.encode(X),
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
        )
        columns = learnt or Columns.learn(values, self.categorical)
        self.columns_ = columns
        self.classes_, target = _two_classes(outcome)
        days, period = _periods(period_days, len(values))
        table = Table(
            values=np.ascontiguousarray(values),
            y=target,
            weight=np.asarray(_check_sample_weight(sample_weight, values, dtype=np.float64)),
            groups=_group_codes(groups, len(values)),
            period=period,
            period_days=days,
            categorical=columns.categorical,
            monotone=_one_each(self.monotone, values.shape[1]),
            personal=() if self.personal is None else tuple(int(j) for j in self.personal),
        )
        fitted = fit_blend(
            table,
            trials=self.trials,
            calibration=self.calibration,
            refits=self.refits,
            threads=self.n_threads,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        self.model_: RiskModel = fitted.model
        self.plan_ = fitted.plan
        self.tried_ = fitted.tried
        return self

    def predict_proba(self, X: Any) -> Matrix:
        """Probabilities of both classes, shape (n, 2)."""
        values = self._encode(X)
        risk = self.model_.probability(values)
        return np.column_stack([1.0 - risk, risk])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class of each row, shape (n,)."""
        likelier = (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)
        chosen: NDArray[Any] = self.classes_[likelier]
        return chosen

    def predict_interval(self, X: Any) -> Matrix:
        """Both ends of the 90 % interval of the outcome's probability, shape (n, 2)."""
        scores = self.scores(X)
        return np.column_stack([scores.low, scores.high])

    def reasons(self, X: Any, k: int = 3) -> list[tuple[Reason, ...]]:
        """For each row the k features that moved its score most, largest first, in log-odds."""
        values = self._encode(X)
        contributions = self.model_.predict(values).contributions
        names = self.columns_.names
        return [top_reasons(names, values[i], contributions[i], k) for i in range(len(values))]

    def scores(self, X: Any) -> Scores:
        """Everything the model says of each row at once."""
        values = self._encode(X)
        return self.model_.predict(values)

    def _encode(self, X: Any) -> Matrix:
        check_is_fitted(self)
        values: Matrix = validate_data(
            self,
            self.columns_.encode(X),
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            reset=False,
        )
        return np.ascontiguousarray(values)


def _two_classes(outcome: NDArray[Any]) -> tuple[NDArray[Any], Vector]:
    check_classification_targets(outcome)
    classes, codes = np.unique(outcome, return_inverse=True)
    if len(classes) != 2:
        kind = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
        raise ValueError(f"Only binary classification is supported: y holds {kind}, needs two.")
    return classes, codes.astype(np.float64)


def _group_codes(groups: ArrayLike | None, rows: int) -> NDArray[np.int64]:
    if groups is None:
        return np.arange(rows, dtype=np.int64)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
    if len(codes) != rows:
        raise ValueError(f"groups has {len(codes)} values, X has {rows} rows")
    return codes


def _periods(days: ArrayLike | None, rows: int) -> tuple[Vector, NDArray[np.int64]]:
    if days is None:
        return np.zeros(1), np.zeros(rows, dtype=np.int64)
    found, codes = np.unique(np.asarray(days, dtype=np.float64), return_inverse=True)
    if len(codes) != rows:
        raise ValueError(f"period_days has {len(codes)} values, X has {rows} rows")
    return found, codes.astype(np.int64)


def _one_each(monotone: Sequence[int] | None, columns: int) -> tuple[int, ...]:
    found = () if monotone is None else tuple(int(each) for each in monotone)
    if found and (len(found) != columns or not set(found) <= {-1, 0, 1}):
        raise ValueError(f"monotone must hold -1, 0 or 1 for each of {columns} columns")
    return found
