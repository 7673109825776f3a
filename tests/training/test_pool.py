"""Figures of several tests brought together: by hand, and as wide as they should be."""

import numpy as np
import pytest

from governance.intervals import Interval
from training.evaluation.pool import over_folds, over_origins


def about(value: float, error: float = 0.01) -> Interval:
    return Interval(value, value - 1.959963984540054 * error, value + 1.959963984540054 * error)


def test_one_test_is_its_own_interval() -> None:
    assert over_origins([about(0.7)])[:3] == about(0.7)[:3]


def test_tests_that_agree_have_no_spread_between_them() -> None:
    found = over_origins([about(0.70), about(0.70), about(0.70)])
    assert found.value == pytest.approx(0.70)
    assert found.spread == 0.0


def test_the_spread_between_tests_by_hand() -> None:
    found = over_origins([about(0.6), about(0.8)])  # Q = 2 · .1² ÷ .01² = 200; τ² = 199 · .01²
    assert found.value == pytest.approx(0.7)
    assert found.spread == pytest.approx(np.sqrt(199e-4))
    assert found.high - found.value == pytest.approx(12.7062 * 0.1, rel=1e-4)


def test_a_more_exact_test_weighs_more() -> None:
    assert over_origins([about(0.70, 0.001), about(0.71, 0.1)]).value == pytest.approx(
        0.70, abs=1e-3
    )


def test_the_interval_over_origins_covers_the_mean_of_all_origins() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        truths = 0.7 + 0.02 * rng.normal(size=4)
        found = over_origins([about(t + 0.01 * rng.normal()) for t in truths])
        inside += found.low <= 0.7 <= found.high
    assert inside >= 280


def test_folds_share_training_rows_and_their_interval_says_so() -> None:
    found = over_folds([about(0.6), about(0.7), about(0.8)], test_share=0.25)
    assert found.value == pytest.approx(0.7)
    assert found.spread == pytest.approx(0.1)
    # t of 2 degrees 4.3027 · .1 · √(1/3 + 1/3)
    assert found.high - found.value == pytest.approx(4.30265 * 0.1 * np.sqrt(2 / 3), rel=1e-4)
