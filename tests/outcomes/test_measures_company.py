"""What the company does and goes through, worked by hand. The period is a quarter long."""

import pytest

from governance.errors import InvalidInput
from outcomes.measures.definition import Period
from tests.outcomes.conftest import on
from tests.outcomes.measuring import Example, check, company, figure, take

QUARTER = Period(on(100), on(100 + 91.3125), "a quarter")
HOUR = 1 / 24

INCIDENTS = [
    company("incident", 110, incident="a"),
    company("incident", 110 + 1 * HOUR, incident="a", phase="responded"),
    company("incident", 110 + 10 * HOUR, incident="a", phase="resolved"),
    company("incident", 120, incident="b", negative=False),
    company("incident", 120 + 3 * HOUR, incident="b", phase="responded"),
    company("incident", 120 + 20 * HOUR, incident="b", phase="resolved"),
    company("incident", 130, incident="c"),  # not responded to yet
]
RELEASES = [
    company("release", 110, feedback=["F-1"]),
    company("release", 120, feedback="F-2"),
    company("release", 130),
    company("release", 140, feedback=[]),
]
STAFF = [
    company("staff", 110, 20.0),
    company("staff", 150, 30.0),
    company("staff", 120, 3.0, change="left"),
    company("staff", 120, change="left"),
    company("staff", 121, 9.0, change="joined"),
    company("staff", 130, respondents=16, favourable=12),
]

EXAMPLES = {
    # 1 and 3 hours
    "incident_first_response": Example(INCIDENTS, 2.0, 4, 2),
    # 10 and 20 hours
    "incident_resolution": Example(INCIDENTS, 15.0, 30, 2),
    # a and c; b was no negative one
    "negative_incidents": Example(INCIDENTS, 2.0, 2, 1),
    "innovation_rate": Example(RELEASES, 2.0, 2, 1),
    "releases_from_feedback": Example(RELEASES, 2 / 4, 2, 4),
    # 3 + 1 left of 25 on average
    "employee_turnover": Example(STAFF, 4 / 25, 4, 25),
    "employee_engagement": Example(STAFF, 12 / 16, 12, 16),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_by_hand(name: str) -> None:
    check(name, EXAMPLES[name], periods=[QUARTER])


def test_rates_are_per_quarter_whatever_the_period() -> None:
    year = Period(on(0), on(365.25), "a year")
    found = figure(RELEASES, "innovation_rate", periods=[year])

    assert found.value is not None
    assert found.value.value == pytest.approx(2 / 4)


def test_one_incident_has_no_interval_and_so_no_figure() -> None:
    found = figure(INCIDENTS[:3], "incident_resolution", periods=[QUARTER])

    assert not found.shown
    assert found.note == "one incident, 10.0 hours: no interval"


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("employee_turnover", [company("staff", 110, 9.0)]),
        ("employee_engagement", [company("staff", 110, respondents=9, favourable=9)]),
    ],
)
def test_fewer_than_ten_employees_are_no_figure(name: str, events: list[object]) -> None:
    found = figure(events, name, periods=[QUARTER])  # type: ignore[arg-type]

    assert found.hidden
    assert found.numerator is None


def test_burn_out_of_individuals_is_not_detected_and_says_so() -> None:
    with pytest.raises(InvalidInput, match="never scored one by one"):
        take(STAFF, "burnout")
