"""The same difference, narrower, from what was known before."""

import numpy as np
import pytest

from governance.errors import InvalidInput
from outcomes.randomised.cuped import adjusted_difference
from outcomes.randomised.lift import difference


def test_variance_falls_by_what_the_covariate_explains() -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(size=(2, 5_000))
    after = 0.8 * before + 0.6 * rng.normal(size=(2, 5_000))

    found = adjusted_difference(after[0] + 0.1, after[1], before[0], before[1])

    assert found is not None
    assert found.variance_reduction == pytest.approx(0.64, abs=0.03)
    assert found.found.low is not None
    assert found.found.high is not None
    assert found.found.low < 0.1 < found.found.high


def test_it_is_the_regression_with_interactions_worked_by_hand() -> None:
    # y = 2x in the control and 3 + x in the treated, without noise but for one step of ±1
    x = np.arange(10.0)
    step = np.where(x % 2 == 0, 1.0, -1.0)

    found = adjusted_difference(3 + x + step, 2 * x + step, x, x)

    slopes = np.polyfit(x, 3 + x + step, 1), np.polyfit(x, 2 * x + step, 1)
    expected = np.polyval(slopes[0], 4.5) - np.polyval(slopes[1], 4.5)
    assert found is not None
    assert found.found.difference == pytest.approx(expected)


def test_arms_that_differ_before_by_chance_are_set_right() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(size=(2, 200))
    before[0] += 0.3

    found = adjusted_difference(before[0], before[1] + 1e-3 * rng.normal(size=200), *before)

    assert found is not None
    assert abs(found.found.difference or 1) < 0.01


def test_what_explains_nothing_costs_next_to_nothing() -> None:
    rng = np.random.default_rng(3)
    y, x = rng.normal(size=(2, 400)), rng.normal(size=(2, 400))

    found = adjusted_difference(y[0], y[1], x[0], x[1])

    assert found is not None
    assert -0.02 < found.variance_reduction < 0.02


def test_rows_of_one_household_count_as_one() -> None:
    rng = np.random.default_rng(4)
    house = np.repeat(np.arange(50), 20)
    shared = rng.normal(size=(2, 50))[:, house]
    before = rng.normal(size=(2, 1_000))

    alone = adjusted_difference(*shared, *before)
    together = adjusted_difference(*shared, *before, treated_units=house, control_units=house)

    assert alone is not None
    assert together is not None
    assert (together.found.error or 0) > 4 * (alone.found.error or 0)


def test_without_a_covariate_that_varies_there_is_nothing_to_adjust() -> None:
    y = np.random.default_rng(5).normal(size=(2, 50))

    assert adjusted_difference(y[0], y[1], np.ones(50), np.ones(50)) is None


def test_more_covariates_than_people_can_carry_are_not_used() -> None:
    rng = np.random.default_rng(6)

    found = adjusted_difference(
        rng.normal(size=8), rng.normal(size=8), rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    )

    assert found is None


def test_gaps_are_refused() -> None:
    with pytest.raises(InvalidInput, match="gaps"):
        adjusted_difference([1.0, np.nan], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])


def test_a_constant_outcome_has_no_adjusted_error() -> None:
    assert difference(np.ones(50), np.ones(50)).error == 0
    assert adjusted_difference(np.ones(50), np.ones(50), np.arange(50), np.arange(50)) is None
