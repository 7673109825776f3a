"""RiskClassifier keeps scikit-learn's manners and the benchmark it was chosen for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils.estimator_checks import check_estimator

from tests.training.examples import outcome, rows
from training.fit import EXPECTED_FAILED_CHECKS, RiskClassifier
from training.table import Table
from training.trees import SHAPES, fit_trees


def model_table(X: np.ndarray, y: np.ndarray, monotone: tuple[int, ...]) -> Table:
    n = len(X)
    period, days = np.zeros(n, np.int64), np.zeros(1)
    return Table(X, y, np.ones(n), np.arange(n), period, days, monotone=monotone)


def small() -> RiskClassifier:
    return RiskClassifier(trials=1, refits=3, random_state=0, n_threads=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_checks_pass_but_for_the_named_ones() -> None:
    check_estimator(
        RiskClassifier(trials=1, refits=2, random_state=0, n_threads=1),
        on_skip=None,
        expected_failed_checks=EXPECTED_FAILED_CHECKS,
    )


def test_telco_reaches_the_published_benchmark(data_dir: Callable[[str], Path]) -> None:
    d = pd.read_csv(data_dir("ibm_telco") / "Telco-Customer-Churn.csv")
    y = (d["Churn"] == "Yes").to_numpy().astype(int)
    d["TotalCharges"] = pd.to_numeric(d["TotalCharges"], errors="coerce")
    X = d.drop(columns=["customerID", "Churn"])
    for column in X.select_dtypes(exclude="number"):
        X[column] = X[column].astype("category").cat.codes
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.25, random_state=1337)
    train, test = next(iter(split.split(X, y)))
    model = RiskClassifier(trials=1, refits=2, random_state=0).fit(X.iloc[train], y[train])
    p = model.predict_proba(X.iloc[test])[:, 1]
    assert 0.845 < roc_auc_score(y[test], p) < 0.862
    assert log_loss(y[test], p) < 0.418
    assert brier_score_loss(y[test], p) < 0.137


def test_the_same_seed_gives_the_same_bytes() -> None:
    X = rows(600)
    y = outcome(X)
    first, second = (small().fit(X, y).predict_proba(X) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_text_and_category_columns_are_coded_and_an_unseen_category_is_missing() -> None:
    X = pd.DataFrame(rows(800), columns=list("abcdef"))
    y = outcome(X.to_numpy())
    X["plan"] = pd.Categorical(np.where(y > 0, "monthly", "yearly"))
    X["note"] = ["x" if i % 2 else None for i in range(800)]
    model = small().fit(X, y)
    asked = X.head(2).assign(plan="weekly")
    assert np.isfinite(model.predict_proba(asked)).all()
    assert model.columns_.codes[6] == ("monthly", "yearly")


def test_reordered_columns_are_refused() -> None:
    X = pd.DataFrame(rows(300), columns=list("abcdef"))
    model = small().fit(X, outcome(X.to_numpy()))
    with pytest.raises(ValueError, match="order"):
        model.predict_proba(X[list("fedcba")])


def test_reasons_name_the_features_that_made_the_score() -> None:
    X = pd.DataFrame(rows(1200), columns=list("abcdef"))
    model = small().fit(X, outcome(X.to_numpy()))
    row = pd.DataFrame([[3.0, 0.0, 0.0, 0.0, 0.0, 0.0]], columns=list("abcdef"))
    (reasons,) = model.reasons(row, k=2)
    assert reasons[0].feature == "a"
    assert reasons[0].contribution > 0
    assert reasons[0].text == "a is 3"


def test_the_interval_is_narrower_with_more_customers() -> None:
    few, many = rows(300), rows(4800)
    means = [
        np.diff(small().fit(X, outcome(X)).predict_interval(few), axis=1).mean()
        for X in (few, many)
    ]
    assert 0 < means[1] < means[0] / 2


def test_probabilities_are_calibrated_on_new_customers() -> None:
    X, new = rows(3000), rows(6000, seed=9)
    p = small().fit(X, outcome(X)).predict_proba(new)[:, 1]
    y = outcome(new, seed=9)
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (p >= low) & (p < low + 0.25)
        assert p[inside].mean() == pytest.approx(y[inside].mean(), abs=0.04)


def test_a_customers_rows_stay_in_one_fold() -> None:
    X = np.repeat(rows(200), 4, axis=0)
    y = np.repeat(outcome(rows(200)), 4)
    together, apart = (small().set_params(calibration="platt") for _ in range(2))
    together.fit(X, y, groups=np.repeat(np.arange(200), 4))
    apart.fit(X, y)
    assert np.abs(together.model_.calibrator.slope) < np.abs(apart.model_.calibrator.slope)


def test_a_bad_season_is_not_blamed_on_what_changed_with_it() -> None:
    X = rows(4000)
    period = np.arange(4000) % 2 * 90.0
    X[:, 5] = period + rows(4000, seed=2)[:, 5]  # grows with time, says nothing about a person
    lift = np.random.default_rng(4).random(4000) < 0.5 * (period > 0)
    y = np.maximum(outcome(X), lift.astype(np.float64))
    blamed, free = (
        small().fit(X, y, period_days=days).scores(X).contributions[:, 5].std()
        for days in (None, period)
    )
    assert free < blamed / 5


def test_the_newest_season_sets_the_level_most() -> None:
    X = rows(4000)
    y = outcome(X)
    y[:2000] = np.maximum(y[:2000], np.random.default_rng(4).random(2000) < 0.5)
    worse_before, worse_now = (
        small().fit(X, y, period_days=np.repeat(days, 2000)).predict_proba(X)[:, 1].mean()
        for days in ([0.0, 360.0], [360.0, 0.0])
    )
    assert worse_before == pytest.approx(y[2000:].mean(), abs=0.03)
    assert worse_now == pytest.approx(y[:2000].mean(), abs=0.03)


def test_handfuls_of_customers_still_give_a_sober_model() -> None:
    X = rows(12)
    p = small().fit(X, np.array([1.0] + [0.0] * 11)).predict_proba(X)[:, 1]
    assert np.all((p > 0) & (p < 0.9))


def test_three_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="binary"):
        small().fit(rows(30), np.arange(30) % 3)


def test_it_can_be_cloned() -> None:
    assert clone(small()).get_params() == small().get_params()


def test_trees_keep_to_a_direction_that_is_known() -> None:
    X = rows(900)
    y = outcome(-X)  # falls with the first feature, as if the direction had been misjudged
    step = np.zeros((2, 6))
    step[1, 0] = 3.0
    bent = fit_trees(
        model_table(X, y, (1, 0, 0, 0, 0, 0)), SHAPES[0]._replace(monotone=True), 50, 1
    )
    free = fit_trees(model_table(X, y, ()), SHAPES[0], 50, 1)
    assert np.diff(bent.predict(step, raw_score=True)).item() >= 0
    assert np.diff(free.predict(step, raw_score=True)).item() < 0


def test_directions_for_other_columns_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="6 columns"):
        small().set_params(monotone=[1]).fit(rows(100), outcome(rows(100)))


def test_more_trials_are_suggested_and_counted() -> None:
    X = rows(400)
    model = RiskClassifier(trials=6, refits=0, random_state=0).fit(X, outcome(X))
    again = RiskClassifier(trials=6, refits=0, random_state=0).fit(X, outcome(X))
    assert len({trial.shape for trial in model.tried_.trials}) == 6
    assert model.tried_ == again.tried_
    assert model.tried_.configurations > 6 * 5
