"""Where nothing differs, as little is found as promised; what differs lies in the intervals."""

import pytest

from benchmarks.trials import covered, rate_of, withheld
from benchmarks.trials_drawn import NOMINAL, peeked_with_fixed_intervals
from tests.conftest import long_form

SLOW = (
    "heavy",
    "households",
    "running CUPED",
    "sizes while",
    "tell the arms apart",
    "six verdicts",
)


@pytest.mark.parametrize("name", [n for n in NOMINAL if not any(word in n for word in SLOW)])
def test_nothing_is_found_more_often_than_promised(name: str) -> None:
    draw, nominal, met = NOMINAL[name]

    assert rate_of(draw, 300).holds(nominal, met=met)


@pytest.mark.parametrize("name", NOMINAL)
def test_nothing_is_found_more_often_than_promised_in_2000(name: str) -> None:
    long_form()
    draw, nominal, met = NOMINAL[name]

    assert rate_of(draw, 2_000).holds(nominal, met=met)


def test_peeking_at_usual_intervals_is_what_running_ones_are_for() -> None:
    assert rate_of(peeked_with_fixed_intervals, 200).share > 0.2


def test_the_pilots_planted_effect_lies_in_the_intervals() -> None:
    assert all(each.rate.holds(0.95, met=True) for each in covered(60, people=200))


def test_the_pilots_planted_effect_lies_in_2000_intervals() -> None:
    long_form()

    assert all(each.rate.holds(0.95, met=True) for each in covered(2_000))


def test_an_arm_that_lost_its_quietest_tenth_is_withheld() -> None:
    assert withheld(40).happened == 40
