"""Looking while it runs: wider than one look, as good after a thousand."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from outcomes.randomised.lift import difference
from outcomes.randomised.sequential import (
    always_valid,
    always_valid_p,
    running_difference,
    running_sample_ratio,
)


def test_the_interval_is_the_normal_mixtures_worked_by_hand() -> None:
    odds = 2 * log(20)
    mixed = 1 + odds + log(odds) + 1  # at the planned size
    half = sqrt(mixed / (mixed - 1) * (log(mixed) + odds))

    assert always_valid(0.0, 1.0, 500, planned_units=500).high == pytest.approx(half)
    assert half == pytest.approx(3.03, abs=0.01)


def test_it_is_wider_than_an_interval_for_one_look() -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(size=5_000), rng.normal(size=5_000)

    once, always = difference(treated, control), running_difference(treated, control)

    assert once.low is not None
    assert always.low is not None
    assert always.difference == once.difference
    assert always.low < once.low


@given(st.floats(-3, 3), st.floats(0.01, 2), st.integers(100, 100_000))
def test_p_is_small_exactly_where_the_interval_excludes_zero(
    value: float, error: float, units: int
) -> None:
    interval = always_valid(value, error, units)

    assert interval.excludes_zero == (always_valid_p(value, error, units) < 0.05)


@pytest.mark.parametrize(("ones", "people"), [(5, 1_000), (20, 40)])
def test_nothing_is_said_of_a_handful(ones: int, people: int) -> None:
    arm = [1.0] * ones + [0.0] * (people - ones)

    found = running_difference(arm, arm)

    assert found.verdict == "cannot say"
    assert found.difference is None


def test_a_clear_effect_is_found_before_the_planned_size() -> None:
    rng = np.random.default_rng(3)

    found = running_difference(rng.random(1_500) < 0.3, rng.random(1_500) < 0.2)

    assert found.verdict == "higher"


def test_a_lost_tenth_is_noticed_while_people_come_in() -> None:
    assert running_sample_ratio({"a": 10_000, "b": 9_000}).outcome == "mismatch"
    assert running_sample_ratio({"a": 10_050, "b": 9_950}).outcome == "as expected"


def test_a_plan_of_nobody_is_refused() -> None:
    with pytest.raises(InvalidInput, match="planned_units == 0"):
        always_valid(0.1, 0.1, 100, planned_units=0)
