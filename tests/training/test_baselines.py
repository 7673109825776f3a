"""Simple rules are found by what features mean, never by their names."""

import numpy as np
import pytest

from features.definitions import FeatureDefinition
from training.baselines import fit_baselines
from training.calibrate import sigmoid
from training.evaluate import auc

DEFINITIONS = (
    FeatureDefinition("alpha", ("order",), "count", window_days=30),
    FeatureDefinition("beta", ("order",), "count"),
    FeatureDefinition("gamma", ("order",), "days_since_last"),
    FeatureDefinition("delta", ("order",), "sum", column="value"),
    FeatureDefinition("epsilon", ("session",), "days_since_last"),
)


def shoppers(n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    days, orders = rng.exponential(60, n), rng.poisson(4, n) + 1.0
    table = np.column_stack(
        [np.zeros(n), orders, days, orders * rng.exponential(20, n), rng.exponential(5, n)]
    )
    y = (rng.random(n) < sigmoid(days / 40 - orders / 2)).astype(np.float64)
    return table, y


def test_recency_and_rfm_are_fitted_where_there_are_orders() -> None:
    table, y = shoppers()
    rules = fit_baselines(table, y, DEFINITIONS, "order")
    assert list(rules) == ["recency", "rfm_logistic"]
    recency, rfm = (rules[name](table) for name in rules)
    assert np.array_equal(np.argsort(recency), np.argsort(table[:, 2]))
    assert auc(y, rfm).value > auc(y, recency).value
    assert recency.mean() == pytest.approx(y.mean(), abs=0.02)


def test_without_orders_everyone_gets_the_share_of_training() -> None:
    table, y = shoppers()
    rules = fit_baselines(table, y, DEFINITIONS, "renewed")
    assert list(rules) == ["prevalence"]
    assert rules["prevalence"](table[:2]).tolist() == [y.mean()] * 2
