"""Sizes before the start: textbook numbers, and laws between the three questions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from outcomes.randomised.lift import difference
from outcomes.randomised.power import (
    Design,
    effect_for_size,
    power_for_size,
    size_for_effect,
    weeks_for,
)


def test_a_textbook_size_for_shares() -> None:
    # (1.95996 + 0.84162)² · (0.10 · 0.90 + 0.12 · 0.88) ÷ 0.02² = 3,838.1 per arm
    assert size_for_effect(Design(share=0.10), 0.02).treated == 3_839


def test_a_textbook_size_for_means() -> None:
    # Cohen (1988), table 2.4.1: d = 0.5, power 0.80, two-sided 0.05 needs 64 per arm
    assert size_for_effect(Design(spread=1.0), 0.5).treated == pytest.approx(64, abs=1)


@given(st.floats(0.02, 0.9), st.floats(0.01, 0.09), st.floats(0.1, 0.9))
def test_the_size_for_an_effect_finds_it_with_the_power_asked_for(
    share: float, effect: float, treated_share: float
) -> None:
    design = Design(share=share, treated_share=treated_share)

    size = size_for_effect(design, effect)

    assert 0.8 <= power_for_size(design, effect, size.people).power < 0.83


def test_the_smallest_effect_of_a_size_needs_that_size() -> None:
    design = Design(share=0.2)

    effect = effect_for_size(design, 5_000).effect

    assert size_for_effect(design, effect).people == pytest.approx(5_000, abs=2)


def test_a_fall_is_found_from_another_size_than_a_rise() -> None:
    design = Design(share=0.05)

    assert (
        effect_for_size(design, 4_000, falls=True).effect > -effect_for_size(design, 4_000).effect
    )


def test_the_promised_power_is_what_simulated_tests_have() -> None:
    size = size_for_effect(Design(share=0.2), 0.08)
    rng = np.random.default_rng(1)
    found = [
        difference(rng.random(size.treated) < 0.28, rng.random(size.control) < 0.2).verdict
        for _ in range(400)
    ]

    assert 0.74 <= found.count("higher") / 400 <= 0.86


@pytest.mark.parametrize(
    ("design", "times"),
    [
        (Design(spread=1.0, cluster_size=20, icc=0.05), 1.95),
        (Design(spread=1.0, explained=0.36), 0.64),
        (Design(spread=1.0, treated_share=0.8), 0.25 / 0.16),
    ],
)
def test_what_a_design_costs_or_saves(design: Design, times: float) -> None:
    plain = size_for_effect(Design(spread=1.0), 0.1).people

    assert size_for_effect(design, 0.1).people == pytest.approx(times * plain, rel=0.01)


def test_looking_while_it_runs_costs_people() -> None:
    once = size_for_effect(Design(share=0.1), 0.02).people

    assert 1.5 < size_for_effect(Design(share=0.1, looked_at=True), 0.02).people / once < 2.5


def test_weeks_are_whole() -> None:
    assert weeks_for(901, 300) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either the control's share or a mean's spread"),
        ({"share": 0.1, "spread": 1.0}, "either"),
        ({"share": 1.2}, "share == 1.2"),
        ({"spread": 1.0, "icc": 2.0}, "icc between 0 and 1"),
        ({"spread": 1.0, "explained": 1.0}, "explained == 1"),
    ],
)
def test_a_design_that_cannot_be_is_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Design(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effect", "message"), [(0.0, "an effect of 0"), (0.95, "cannot change"), (1e-9, "more than")]
)
def test_an_effect_that_cannot_be_found_is_refused(effect: float, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        size_for_effect(Design(share=0.1), effect)


@pytest.mark.parametrize("sizes", [{"spread": 1e308}, {"spread": 1e-320}])
def test_a_spread_that_cannot_be_squared_is_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="spread == "):
        Design(**sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("effect", [float("nan"), float("inf"), 1e308])
def test_an_effect_that_is_no_size_is_refused(effect: float) -> None:
    with pytest.raises(InvalidInput, match="no number of people shows"):
        size_for_effect(Design(spread=1.0), effect)
