"""Figures over groups: hand-worked means, hidden cells, sums that add up over blocks."""

from dataclasses import replace

import numpy as np
import pytest

from features.events import Event
from features.stated_groups import stated_groups
from features.wellbeing.groups import (
    Figure,
    GroupSums,
    Span,
    equity,
    group_figures,
    group_sums,
)
from features.wellbeing.noise import DimensionNoise, Noise, SignalNoise
from features.wellbeing.scheme import Dimension, Scheme, Signal
from governance.disclosure.published import Register
from governance.errors import InvalidInput, PermissionRefused
from tests.features.sample import aggregate_permit, event, histories, micros, permit

PURPOSE = "wellbeing_inference"
SCHEME = Scheme("small", (Dimension("financial", (Signal("asked", "survey"),)),))
NOISE = Noise(
    (
        DimensionNoise(
            "financial", True, "", 50.0, 100.0, 0.0, 0.9,
            (SignalNoise("pulse_financial", 9, 9, True, "", noise_var=100.0),),
        ),
    ),
    ((1.0,),),
    9,
)  # fmt: skip
SPAN = Span(micros(0), micros(100))
PEOPLE = tuple(f"p{k:02d}" for k in range(20))


def answer(customer: str, points: float, *, day: float = 50) -> Event:
    return event(
        day,
        "survey",
        customer=customer,
        value=points / 10,
        properties={"instrument": "pulse_financial", "dimension": "financial", "scale": [0, 10]},
    )


def sums(*events: Event, groups: dict[str, str] | None = None) -> GroupSums:
    return group_sums(
        histories(*events), SCHEME, NOISE, [SPAN], permit=permit(PURPOSE, PEOPLE),
        known_until=micros(200), groups=groups,
    )  # fmt: skip


def figures(*events: Event, groups: dict[str, str] | None = None) -> tuple[Figure, ...]:
    return group_figures(sums(*events, groups=groups), SCHEME, NOISE, aggregate=aggregate_permit())


def test_a_group_mean_is_not_drawn_towards_the_company() -> None:
    """Each answered once, so each weighs the same: the plain mean of 20 … 60."""
    found = figures(*(answer(p, 20 + 10 * k) for k, p in enumerate(PEOPLE[:5])))

    assert found[0].value is not None
    assert found[0].value.value == pytest.approx(40)
    assert found[0].people == 5


def test_its_interval_is_students_for_equal_weights() -> None:
    """Standard error of 20 … 60: sd 15.81 ÷ √5 = 7.07; t(4) at 97.5 % = 2.776."""
    found = figures(*(answer(p, 20 + 10 * k) for k, p in enumerate(PEOPLE[:5])))

    assert found[0].value is not None
    assert found[0].value.high - 40 == pytest.approx(2.776 * 7.071, abs=0.01)


def test_two_answers_of_one_person_make_one_person() -> None:
    found = figures(
        *(answer(p, 50) for p in PEOPLE[:5]), answer(PEOPLE[0], 70, day=51)
    )  # fmt: skip

    assert found[0].people == 5


def test_fewer_than_five_people_are_not_shown() -> None:
    found = figures(*(answer(p, 50) for p in PEOPLE[:4]))

    assert found[0].hidden
    assert found[0].value is None
    assert found[0].people is None


def test_a_second_group_is_hidden_where_the_first_could_be_worked_out() -> None:
    group = {p: "small" if k < 3 else "middle" if k < 9 else "large" for k, p in enumerate(PEOPLE)}
    found = {f.group: f for f in figures(*(answer(p, 50) for p in PEOPLE), groups=group)}

    assert found["small"].hidden
    assert found["middle"].hidden
    assert found["large"].people == 11
    assert found["all"].people == 20


def test_readings_outside_the_period_do_not_count() -> None:
    found = figures(*(answer(p, 50) for p in PEOPLE[:5]), answer(PEOPLE[5], 90, day=100))

    assert found[0].people == 5


def test_equity_compares_with_the_best_off_group() -> None:
    group = {p: "a" if k < 10 else "b" for k, p in enumerate(PEOPLE)}
    spread = [-8.0, -4.0, 0.0, 4.0, 8.0] * 2
    found = figures(
        *(
            answer(p, (60 if group[p] == "a" else 40) + spread[k % 10])
            for k, p in enumerate(PEOPLE)
        ),
        groups=group,
    )

    [gap, _] = equity(found)  # of the dimension and of the index

    assert (gap.group, gap.best) == ("b", "a")
    assert gap.gap.value == pytest.approx(-20)
    assert gap.gap.excludes_zero


def test_blocks_of_customers_add_up_to_the_whole() -> None:
    group = {p: "a" if k % 2 else "b" for k, p in enumerate(PEOPLE)}
    events = [answer(p, 30 + k) for k, p in enumerate(PEOPLE)]

    whole = sums(*events, groups=group)
    parts = sums(*events[:7], groups=group) + sums(*events[7:], groups=group)

    assert parts.groups == whole.groups
    assert np.allclose(parts.sums, whole.sums)


def test_sums_of_different_periods_do_not_add_up() -> None:
    one = sums(answer("p00", 50))

    with pytest.raises(InvalidInput):
        one + GroupSums(one.groups, (Span(0, 1),), one.sums, one.traces)


def test_a_permit_for_something_else_shows_no_figures() -> None:
    with pytest.raises(PermissionRefused):
        group_sums(
            histories(answer("p00", 50)), SCHEME, NOISE, [SPAN],
            permit=permit("risk_scoring", PEOPLE), known_until=micros(200),
        )  # fmt: skip


def test_a_group_is_what_the_profile_said_at_that_time() -> None:
    found = histories(
        event(1, "profile", properties={"plan": "basic"}),
        event(9, "profile", properties={"plan": "plus"}),
    )

    assert stated_groups(found, "plan", micros(5)) == {"c0": "basic"}
    assert stated_groups(found, "plan", micros(10)) == {"c0": "plus"}


def test_a_withdrawal_leaves_a_figure_as_it_was_given() -> None:
    register = Register(min_people=5)
    given = []
    for n in (12, 11, 6):
        added = sums(*(answer(p, 5 * k) for k, p in enumerate(PEOPLE[:n])))
        given.append(
            group_figures(
                added, SCHEME, NOISE, aggregate=aggregate_permit(), register=register
            )[0]
        )  # fmt: skip

    assert [each.people for each in given] == [12, 12, 6]
    assert given[0].value == given[1].value
    assert [each.note for each in given] == ["", "as given", ""]


def test_what_was_learned_anew_changes_no_figure_over_the_same_readings() -> None:
    register = Register(min_people=5)
    added = sums(*(answer(p, 5 * k) for k, p in enumerate(PEOPLE)))
    other = replace(added, sums=added.sums * 1.1)
    first, again = (
        group_figures(each, SCHEME, NOISE, aggregate=aggregate_permit(), register=register)[0]
        for each in (added, other)
    )

    assert first == again
