"""Helped, harmed or cannot say: a table of cases."""

import pytest

from outcomes.randomised.lift import Difference, difference
from outcomes.randomised.verdict import Direction, judge

NOTHING = difference([], [])


def interval(low: float, high: float) -> Difference:
    return NOTHING._replace(difference=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "good_is", "word"),
    [
        (0.01, 0.05, "higher", "helped"),
        (-0.05, -0.01, "higher", "harmed"),
        (-0.05, -0.01, "lower", "helped"),
        (0.01, 0.05, "lower", "harmed"),
        (-0.01, 0.05, "higher", "cannot say"),
        (0.0, 0.05, "higher", "cannot say"),
    ],
)
def test_an_interval_on_the_good_side_of_nothing_is_help(
    low: float, high: float, good_is: Direction, word: str
) -> None:
    assert judge(interval(low, high), good_is=good_is).word == word


@pytest.mark.parametrize(
    ("low", "high"), [(float("nan"), float("nan")), (float("-inf"), -1.0), (1.0, float("inf"))]
)
def test_bounds_that_are_no_numbers_never_harm_or_help(low: float, high: float) -> None:
    assert judge(interval(low, high)).word == "cannot say"


def test_too_few_people_cannot_say() -> None:
    assert judge(NOTHING).reason == "too few people to say"


def test_a_find_among_many_looks_is_not_called_help() -> None:
    found = judge(interval(0.001, 0.05), p_adjusted=0.2)

    assert found.word == "cannot say"
    assert "by chance" in found.reason


def test_without_a_draw_nothing_is_an_effect() -> None:
    found = judge(interval(0.01, 0.05), randomised=False)

    assert found.word == "cannot say"
    assert "association" in found.reason


def test_a_broken_draw_withholds_whatever_the_interval() -> None:
    assert judge(interval(0.01, 0.05), withheld="people are missing").word == "withheld"


@pytest.mark.parametrize(
    ("low", "high", "worthwhile"),
    [(0.03, 0.05, "yes"), (0.01, 0.05, "cannot say"), (0.005, 0.015, "no"), (-0.05, -0.01, "no")],
)
def test_an_effect_is_held_against_the_smallest_worthwhile_one(
    low: float, high: float, worthwhile: str
) -> None:
    assert judge(interval(low, high), smallest_worthwhile=0.02).worthwhile == worthwhile


def test_less_of_what_is_bad_can_be_worthwhile() -> None:
    found = judge(interval(-0.05, -0.03), good_is="lower", smallest_worthwhile=0.02)

    assert found.worthwhile == "yes"
