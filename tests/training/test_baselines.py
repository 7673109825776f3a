"""Simple rules are found by what features mean, never by their names."""

import numpy as np
import pytest

from features.definitions import FeatureDefinition
from features.suggestions.voice import surveys, tone
from features.targets.target import Target
from tests.features.sample import event, histories
from training.baselines import fit_baselines, monotone_directions, personal_columns
from training.calibrator import sigmoid
from training.evaluation.evaluate import auc

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
    rules = fit_baselines(table, y, DEFINITIONS, Target("churn"))
    assert list(rules) == ["recency", "rfm_logistic"]
    recency, rfm = (rules[name](table) for name in rules)
    assert np.array_equal(np.argsort(recency), np.argsort(table[:, 2]))
    assert auc(y, rfm).value > auc(y, recency).value
    assert recency.mean() == pytest.approx(y.mean(), abs=0.02)


def test_without_orders_everyone_gets_the_share_of_training() -> None:
    table, y = shoppers()
    rules = fit_baselines(table, y, DEFINITIONS, Target("churn", event_kind="renewed"))
    assert list(rules) == ["prevalence"]
    assert rules["prevalence"](table[:2]).tolist() == [y.mean()] * 2


ASKED = histories(event(1, "survey", properties={"instrument": "who5"}, value=3.0))
ANSWERS = tuple(surveys(ASKED, np.array([0])))
DECLINE = Target("decline", "wellbeing_decline", dimension="emotional")


def moods(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """People with a level of their own; who is above it now falls back more often."""
    rng = np.random.default_rng(seed)
    own, recent = rng.normal(0.6, 0.15, n), rng.normal(0, 0.1, n)
    column = {each.name: k for k, each in enumerate(ANSWERS)}
    table = rng.normal(size=(n, len(ANSWERS)))
    table[:, column["survey_who5_level_mean_all"]] = own
    table[:, column["survey_who5_level_mean_30d"]] = own + recent
    table[:, column["survey_who5_level_std_all"]] = 0.1
    table[:, column["survey_who5_count_all"]] = 20
    y = (rng.random(n) < sigmoid(-1 + 15 * recent)).astype(np.float64)
    return table, y


def test_the_personal_mean_knows_who_stands_above_their_own_level() -> None:
    table, y = moods()
    rules = fit_baselines(table, y, ANSWERS, DECLINE)
    assert list(rules) == ["prevalence", "personal_mean"]
    fresh, truth = moods(seed=1)
    assert auc(truth, rules["personal_mean"](fresh)).value > 0.75


def test_who_has_not_answered_lately_stands_at_their_own_mean() -> None:
    table, y = moods()
    rule = fit_baselines(table, y, ANSWERS, DECLINE)["personal_mean"]
    place = {each.name: k for k, each in enumerate(ANSWERS)}
    own, recent = place["survey_who5_level_mean_all"], place["survey_who5_level_mean_30d"]
    two = table[:2].copy()
    two[:, own] = table[:, own].mean()  # nothing to shrink to
    two[0, recent], two[1, recent] = np.nan, table[:, own].mean()
    assert rule(two)[0] == pytest.approx(rule(two)[1])


def test_personal_columns_are_levels_and_what_is_made_of_them() -> None:
    chosen = personal_columns((*DEFINITIONS, *ANSWERS, *tone("call")), DECLINE)
    names = [each.name for each in (*DEFINITIONS, *ANSWERS, *tone("call"))]
    found = {name for name, personal in zip(names, chosen, strict=True) if personal}
    assert {"survey_who5_level_std_all", "survey_who5_level_decayed_less_own_in_std"} <= found
    assert all(name.startswith("survey_who5_level") for name in found)
    assert not personal_columns(ANSWERS, Target("churn")).any()
    shift = Target("tone", "sentiment_shift")
    assert personal_columns((*DEFINITIONS, *tone("call")), shift).sum() == len([*tone("call")])


def test_directions_are_said_only_where_they_are_known() -> None:
    failed = FeatureDefinition("zeta", ("payment_failed",), "count")
    said = (*DEFINITIONS, failed)
    assert monotone_directions(said, Target("churn")).tolist() == [-1, -1, 1, 0, 0, 0]
    clv = Target("clv", "clv", margin_share=0.5)
    assert monotone_directions(said, clv).tolist() == [1, 1, -1, 0, 0, 0]
    unpaid = Target("unpaid", "contract", reason="involuntary")
    assert monotone_directions(said, unpaid).tolist() == [0, 0, 0, 0, 0, 1]
    assert not monotone_directions((*said, *ANSWERS), DECLINE).any()
