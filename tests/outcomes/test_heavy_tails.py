"""Means with long tails: the draw itself says how far chance goes."""

import numpy as np
import pytest

from outcomes.randomised.heavy_tails import is_heavy, permuted_difference

RNG = np.random.default_rng(1)
TAIL = RNG.lognormal(0, 1.5, 2_000)


def test_a_long_tail_against_a_small_arm_is_heavy() -> None:
    assert is_heavy(TAIL, TAIL[:200])


def test_alike_arms_cancel_the_tail() -> None:
    assert not is_heavy(TAIL, TAIL[::-1])


def test_a_symmetric_outcome_is_not_heavy() -> None:
    assert not is_heavy(RNG.normal(size=2_000), RNG.normal(size=200))


def test_the_interval_agrees_with_the_p_value_and_is_the_same_each_time() -> None:
    shifted = TAIL[:300] + 2.0

    interval, p_value = permuted_difference(shifted, TAIL[300:])

    assert interval.excludes_zero == (p_value <= 0.05)
    assert (interval, p_value) == permuted_difference(shifted, TAIL[300:])


def test_swapping_the_arms_mirrors_the_interval() -> None:
    one, _ = permuted_difference(TAIL[:100], TAIL[100:600])
    other, _ = permuted_difference(TAIL[100:600], TAIL[:100])

    assert one.low == pytest.approx(-other.high)


def test_without_a_tail_it_is_welchs_interval() -> None:
    from governance.intervals import mean_difference

    a, b = RNG.normal(size=400), RNG.normal(size=400)

    interval, _ = permuted_difference(a, b)

    welch = mean_difference(a, b)
    assert welch is not None
    assert interval.low == pytest.approx(welch.low, abs=0.02)
    assert interval.high == pytest.approx(welch.high, abs=0.02)
