"""Intervals against published and hand-worked numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from governance.intervals import (
    mean_difference,
    mean_interval,
    newcombe,
    newcombe_p,
    share_ratio,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_newcombes_table(
    successes: int, n: int, low: float, high: float
) -> None:
    found = wilson(successes, n)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("s1", "n1", "s2", "n2", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_agrees_with_his_table(
    s1: int, n1: int, s2: int, n2: int, low: float, high: float
) -> None:
    found = newcombe(s1, n1, s2, n2)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_welch_agrees_with_a_worked_example() -> None:
    """Hand-worked: means 3 and 5, variances 2.5 and 10, five each: se² 2.5, df 5.882."""
    found = mean_difference([1, 2, 3, 4, 5], [1, 3, 5, 7, 9])
    assert found is not None
    assert found.value == -2
    assert found.high - found.value == pytest.approx(2.45880 * 2.5**0.5, abs=1e-3)


def test_nobody_is_not_estimable() -> None:
    assert wilson(0, 0) is None
    assert newcombe(0, 0, 1, 2) is None
    assert mean_difference([1.0], [1.0, 2.0]) is None
    assert mean_interval([1.0]) is None
    assert share_ratio(0, 10, 1, 10) is None


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InvalidInput):
        wilson(3, 2)


@given(st.integers(1, 400), st.data())
def test_a_share_lies_inside_its_interval(n: int, data: st.DataObject) -> None:
    found = wilson(data.draw(st.integers(0, n)), n)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilson_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [wilson(int(s), 40) for s in rng.binomial(40, 0.2, 2000)]
    covered = np.mean([i is not None and i.low <= 0.2 <= i.high for i in found])
    assert 0.93 <= covered <= 0.97


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.8, 0.95, 0.99]))
def test_newcombes_p_is_small_exactly_where_its_interval_excludes_zero(
    s1: int, s2: int, level: float
) -> None:
    found = newcombe(s1, 30, s2, 50, level)

    assert found is not None
    assert found.excludes_zero == (newcombe_p(s1, 30, s2, 50) < 1 - level)


def test_newcombes_p_needs_somebody_in_both_groups() -> None:
    with pytest.raises(InvalidInput, match="both need somebody"):
        newcombe_p(0, 0, 1, 2)
