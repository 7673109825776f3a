"""Differences between randomised arms: hand-worked numbers, honest refusals, a known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from outcomes.randomised.lift import difference, sample_ratio


def arm(ones: int, units: int) -> list[float]:
    return [1.0] * ones + [0.0] * (units - ones)


def test_difference_of_shares_is_in_percentage_points_of_the_assigned() -> None:
    found = difference(arm(60, 100), arm(50, 100))

    assert found.difference == pytest.approx(0.10)
    assert found.relative == pytest.approx(0.20)
    assert found.method == "welch"


def test_rare_outcomes_get_newcombes_interval() -> None:
    # Newcombe (1998), table II: 56/70 against 48/80, method 10: [.0524, .3339]
    found = difference(arm(56, 70), arm(48, 80))

    assert found.method == "newcombe"
    assert found.low == pytest.approx(0.0524, abs=5e-4)
    assert found.high == pytest.approx(0.3339, abs=5e-4)


def test_means_get_welchs_interval() -> None:
    # Student's sleep data (1908), as every textbook's Welch test: p = 0.07939
    a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

    found = difference(a, b)

    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert found.low == pytest.approx(-3.3654832)
    assert found.high == pytest.approx(0.2054832)
    assert found.verdict == "not distinguishable from zero"


@pytest.mark.parametrize("small", [0, 1, 4])
def test_too_few_people_means_cannot_say(small: int) -> None:
    found = difference(arm(0, small), arm(5, 100))

    assert found.verdict == "cannot say"
    assert found.difference is found.low is found.p_value is found.treated_mean is None


def test_a_missing_outcome_is_refused_and_not_guessed() -> None:
    with pytest.raises(InvalidInput, match="1 of 5"):
        difference([1, 0, float("nan"), 1, 0], arm(2, 5))


def test_rows_of_one_unit_do_not_count_as_independent_people() -> None:
    rng = np.random.default_rng(5)
    house = rng.normal(size=(2, 40))
    rows = [np.repeat(side, 25) for side in house]

    naive = difference(rows[0], rows[1])
    honest = difference(
        house[0] * 25, house[1] * 25, treated_rows=[25] * 40, control_rows=[25] * 40
    )

    assert naive.low is not None
    assert naive.high is not None
    assert honest.low is not None
    assert honest.high is not None
    assert honest.difference == pytest.approx(naive.difference)
    assert honest.high - honest.low > 4 * (naive.high - naive.low)


def test_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        found = difference(rng.random(300) < 0.35, rng.random(200) < 0.30)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.05 <= found.high

    assert 0.92 <= covered / 400 <= 0.98


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=40),
    st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=40),
)
def test_swapping_the_arms_mirrors_the_interval(a: list[float], b: list[float]) -> None:
    one, other = difference(a, b), difference(b, a)

    assert one.low is not None
    assert other.high is not None
    assert one.low == pytest.approx(-other.high, abs=1e-6)


def test_equal_arms_are_as_expected_and_a_lost_tenth_is_a_mismatch() -> None:
    assert sample_ratio({"a": 5_020, "b": 4_980}).outcome == "as expected"
    assert sample_ratio({"a": 5_000, "b": 4_500}).outcome == "mismatch"


def test_an_intended_four_to_one_split_is_no_mismatch() -> None:
    ratio = sample_ratio({"treated": 800, "held": 200}, {"treated": 0.8, "held": 0.2})

    assert ratio.p_value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({"a": 5}, None), ({"a": 0, "b": 0}, None), ({"a": 1, "b": 1}, {"a": 1.0})],
)
def test_a_draw_that_cannot_be_checked_is_refused(
    counts: dict[str, int], expected: dict[str, float] | None
) -> None:
    with pytest.raises(InvalidInput):
        sample_ratio(counts, expected)


def test_a_rare_shares_p_value_agrees_with_its_interval() -> None:
    found = difference(arm(3, 1_000), arm(15, 1_000), level=0.99)

    assert found.method == "newcombe"
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert found.high is not None
    assert found.high < 0


def test_a_heavy_tail_in_a_small_holdout_is_left_to_the_draw() -> None:
    rng = np.random.default_rng(2)

    found = difference(rng.lognormal(0, 1.5, 2_000), rng.lognormal(0, 1.5, 100))

    assert found.method == "permutation"


@pytest.mark.parametrize("share", [float("nan"), float("inf"), 1e308])
def test_an_intended_share_that_is_no_size_is_refused(share: float) -> None:
    with pytest.raises(InvalidInput, match="expected shares"):
        sample_ratio({"a": 50, "b": 50}, {"a": share, "b": 0.5})
