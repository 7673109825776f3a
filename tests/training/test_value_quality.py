"""Figures of expected amounts, by hand and by law."""

import numpy as np
import pytest

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData
from governance.model.forecasts import ValueResult
from training.forecasts.value import ValueEstimates
from training.forecasts.value_quality import fit_amount_rules, measure_value
from training.model import Vector


def measured(amount: Vector, expected: Vector, **baselines: Vector) -> ValueResult:
    """Measure with an interval from 0 to twice what was expected."""
    told = ValueEstimates(expected, np.zeros(len(amount)), 2 * expected)
    return measure_value(
        amount, amount != 0, told, baselines, method="trees", rng=np.random.default_rng(0)
    )


AMOUNT = np.array([0.0, 0.0, 10.0, 40.0])


def test_errors_are_those_worked_by_hand() -> None:
    found = measured(AMOUNT, np.array([2.0, 0.0, 10.0, 34.0]))
    assert found.ours.mae.value == pytest.approx((2 + 0 + 0 + 6) / 4)
    assert found.ours.rmse.value == pytest.approx(np.sqrt((4 + 36) / 4))
    assert found.ours.bias is not None
    assert found.ours.bias.value == pytest.approx(46 / 50 - 1)


def test_coverage_is_the_share_inside_the_interval() -> None:
    assert measured(AMOUNT, np.array([2.0, 0.0, 10.0, 15.0])).coverage.value == 0.75


def test_the_true_order_has_gini_one_and_equal_forecasts_none() -> None:
    amount = np.arange(20.0)
    found = measured(amount, amount, flat=np.ones(20))
    assert found.ours.gini is not None
    assert found.ours.gini.value == pytest.approx(1.0)
    flat = found.baselines["flat"]
    assert flat.gini is not None
    assert flat.top_tenth is not None
    assert [flat.gini.value, flat.top_tenth.value] == pytest.approx([0.0, 1.0])


def test_top_tenth_is_told_against_everyone() -> None:
    amount = np.array([50.0] + [0.0] * 4 + [10.0] * 5)  # the first tenth holds half the money
    found = measured(amount, np.arange(10.0)[::-1])
    assert found.ours.top_tenth is not None
    assert found.ours.top_tenth.value == pytest.approx(5.0)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(1)
    amount = rng.exponential(50, 400)
    near = amount + rng.normal(0, 5, 400)
    found = measured(amount, near, worse=near + 3 * np.sign(near - amount))
    assert found.mae_differences["worse"].value == pytest.approx(-3.0)
    assert found.mae_differences["worse"].low == pytest.approx(-3.0)
    assert found.rmse_differences["worse"].high < 0


def test_a_random_forecast_is_no_better_than_chance() -> None:
    rng = np.random.default_rng(2)
    found = measured(rng.exponential(50, 500), rng.random(500))
    assert found.ours.gini is not None
    assert found.ours.gini.low < 0 < found.ours.gini.high


def test_figures_of_totals_are_left_out_where_returns_outweigh() -> None:
    assert measured(-AMOUNT, AMOUNT).ours.gini is None


def test_own_past_is_brought_to_the_horizon_by_one_factor() -> None:
    definitions = [FeatureDefinition("spent", ("order",), "sum", 365, "value")]
    values = np.array([[100.0], [300.0], [np.nan]])
    rules = fit_amount_rules(values, np.array([20.0, 80.0, 0.0]), definitions, "order")
    assert rules["own_past"](np.array([[200.0], [np.nan]])) == pytest.approx([50.0, 0.0])
    assert rules["mean"](np.zeros((1, 1))) == pytest.approx([100 / 3])


def test_a_result_reads_back_from_its_json() -> None:
    found = measured(AMOUNT, AMOUNT + 1, mean=np.full(4, 12.5))
    assert ValueResult.from_json(found.to_json()) == found


def test_one_customer_is_insufficient() -> None:
    with pytest.raises(InsufficientData, match="1 customers"):
        measured(np.ones(1), np.ones(1))
