"""Measures that a company declares in its settings."""

import tomllib

import pytest

from governance.errors import ConfigurationError
from outcomes.measures.definition import Definition
from outcomes.measures.own import kinds_of, parse
from tests.outcomes.conftest import event
from tests.outcomes.measuring import FIVE, TEN, each, figure


def declared(text: str) -> tuple[Definition, ...]:
    return parse(tomllib.loads(text)["measure"])


LESSONS = [
    *each(TEN, "lesson_booked", 150, level="beginner"),
    *each(TEN[:4], "lesson_taken", 160, 3.0, level="beginner", minutes=60),
    *each(TEN[:1], "lesson_taken", 170, 5.0, level="advanced", minutes=20),
]


def test_a_share_of_people() -> None:
    # c0-c3 took a lesson of the ten who booked one
    own = declared("""
        [[measure]]
        name = "lessons_taken"
        unit = "share"
        says = "people who took a lesson ÷ people who booked one"
        numerator = { kinds = ["lesson_taken"] }
        denominator = { kinds = ["lesson_booked"] }
    """)
    found = figure(LESSONS, "lessons_taken", own=own)

    assert (found.numerator, found.denominator, found.family) == (4, 10, "own")


def test_a_condition_on_a_property() -> None:
    own = declared("""
        [[measure]]
        name = "long_lessons"
        unit = "share"
        numerator = { kinds = ["lesson_taken"], where = { minutes = { at_least = 30 } } }
        denominator = { kinds = ["lesson_booked"], where = { level = "beginner" } }
    """)

    assert figure(LESSONS, "long_lessons", own=own).numerator == 4


def test_a_condition_on_the_value() -> None:
    own = declared("""
        [[measure]]
        name = "best"
        unit = "count"
        numerator = { kinds = ["lesson_taken"], where = { value = { at_most = 3 } } }
    """)

    assert not figure(LESSONS, "best", own=own).shown  # four people are too few
    assert figure([*LESSONS, *each(TEN[4:5], "lesson_taken", 150, 1.0)], "best", own=own).shown


@pytest.mark.parametrize(
    ("unit", "denominator", "numerator_of", "denominator_of"),
    [
        ("ratio", 'denominator = { kinds = ["lesson_booked"] }', 10, 10),  # events ÷ events
        ("per person", 'denominator = { kinds = ["lesson_booked"] }', 10, 10),
        ("per person", 'denominator = "known"', 10, 10),
        ("mean", "", 40, 10),  # 5 · 3 + 5 · 5
        ("count", "", 10, 5),
        ("total", "", 40, 5),
    ],
)
def test_every_unit(
    unit: str, denominator: str, numerator_of: float, denominator_of: float
) -> None:
    own = declared(f"""
        [[measure]]
        name = "lessons"
        unit = "{unit}"
        numerator = {{ kinds = ["lesson_taken"] }}
        {denominator}
    """)
    events = [
        *each(TEN, "lesson_booked", 150),
        *each(FIVE, "lesson_taken", 160, 3.0),
        *each(FIVE, "lesson_taken", 170, 5.0),
    ]
    found = figure(events, "lessons", own=own)

    assert (found.numerator, found.denominator) == (numerator_of, denominator_of)


def test_over_active_customers() -> None:
    own = declared("""
        [[measure]]
        name = "calls"
        unit = "share"
        numerator = { kinds = ["call"] }
        denominator = "active"
    """)
    events = [*each(TEN, "order", 190, 1.0), *each(FIVE, "call", 150), event("gone", "call", 150)]
    found = figure(events, "calls", own=own)

    assert (found.numerator, found.denominator) == (5, 10)
    assert "active window days 30" in found.definition


def test_properties_of_orders_are_read_where_a_measure_asks_for_them() -> None:
    own = declared("""
        [[measure]]
        name = "gifts"
        unit = "count"
        numerator = { kinds = ["order"], where = { gift = true } }
    """)
    events = [*each(FIVE, "order", 150, 1.0, gift=True), *each(FIVE, "order", 151, 1.0)]

    assert figure(events, "gifts", own=own, full=kinds_of(own)).numerator == 5


def test_values_are_bound_and_never_written_into_a_query() -> None:
    own = declared("""
        [[measure]]
        name = "odd"
        unit = "count"
        numerator = { kinds = ["x'); DROP TABLE events; --"], where = { "a'b" = "' OR 1=1 --" } }
    """)
    found = figure(each(FIVE, "order", 150, 1.0), "odd", own=own)

    assert "needs" in found.note


def test_every_mistake_is_listed_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared("""
            [[measure]]
            name = "a b"
            unit = "percent"
            numerator = { kinds = [] }
            colour = "red"

            [[measure]]
            name = "second"
            unit = "share"
            numerator = { kinds = ["consent_changed"], where = { x = { like = 1 } } }

            [[measure]]
            name = "second"
            unit = "count"
            numerator = { kinds = ["order"], where = { x = { above = "tall" } } }
            denominator = "active"
        """)

    assert list(caught.value.problems) == [
        "measure 1 (a b): name may hold letters, digits and _ only",
        "measure 1 (a b): there is no 'colour'",
        "measure 1 (a b): unit must be one of share, ratio, mean, per person, count, total",
        "measure 1 (a b).numerator: kinds must be a list of event kinds",
        "measure 2 (second).numerator: consent_changed is Keepwell's own act",
        "measure 2 (second).numerator.where.x: 'like' is not one of is, is_not, at_least, above, "
        "at_most, below",
        "measure 2 (second).denominator: must state kinds = [...]",
        "measure 3 (second): there is a measure of this name already",
        "measure 3 (second).numerator.where.x: above takes a number",
        "measure 3 (second): a count has no denominator",
    ]
