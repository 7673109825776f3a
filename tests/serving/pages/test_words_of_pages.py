"""How pages of staff say verdicts, shares, times and changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.intervals import Interval, wilson
from serving.feedback.figure import Figure
from serving.feedback.items import FeedbackItem
from serving.interventions.deciding.attention import Oversight
from serving.pages.staff import approvals, experiments, feedback
from serving.reporting.record import Trial
from serving.reporting.trial_look import TrialLook

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def oversight(*, overridden: int, quick: int, of: int) -> Oversight:
    return Oversight(
        waiting=0,
        decided=of,
        approved=of - overridden,
        changed=0,
        rejected=overridden,
        override_rate=wilson(overridden, of),
        median_minutes=5.0,
        timed=of,
        median_seconds=4.0,
        quick_rate=wilson(quick, of),
    )


def test_waving_through_is_called_so() -> None:
    assert "less than 10 seconds" in approvals.warning_of(oversight(overridden=0, quick=18, of=20))
    assert approvals.warning_of(oversight(overridden=4, quick=2, of=20)) == ""
    assert approvals.warning_of(oversight(overridden=0, quick=3, of=3)) == ""


def test_nothing_decided_is_said_and_no_rate() -> None:
    assert approvals.share_words(None) == "nothing was decided"
    assert approvals.time_words(None) == "nothing was decided"


@pytest.mark.parametrize(
    ("seconds", "said"), [(4, "4 s"), (600, "10 min"), (7_200, "2 h"), (259_200, "3 d")]
)
def test_a_time_is_written_in_the_unit_people_say(seconds: float, said: str) -> None:
    assert approvals.time_words(seconds) == said


def test_what_came_of_several_is_told_with_what_was_quick() -> None:
    assert approvals.several_words(3, 1, 2) == (
        "3 decided. 1 could not be: they were decided or ran out meanwhile. "
        "2 lay before you for less than 10 seconds."
    )


def difference(**changed: Any) -> dict[str, Any]:
    raw = {"difference": 0.05, "low": -0.01, "high": 0.11} | changed
    return {"treated_units": 100, "treated_mean": 0.6, "control_mean": 0.55, **raw}


def outcome(word: str = "cannot say", **changed: Any) -> dict[str, Any]:
    return {
        "outcome": "retained",
        "unit": "share",
        "says": "ordered again",
        "segment": "",
        "horizon_days": 90,
        "good_is": "higher",
        "raw": difference(**changed),
        "adjusted": None,
        "verdict": word,
        "note": "",
    }


def looked(verdict: str, *, treated: int = 100, reason: str = "retained: why") -> TrialLook:
    lift = {
        "verdict": verdict, "treated": treated, "waiting": 7, "horizon_days": 90, "reason": reason,
    }  # fmt: skip
    return TrialLook(NOW, Trial("note", lift, None, "", ""))


def test_a_verdict_is_a_sentence() -> None:
    assert experiments.verdict_of(looked("helped"))[:2] == ("It helped", "good")
    assert experiments.verdict_of(looked("harmed"))[:2] == ("It harmed", "bad")
    unsure = experiments.verdict_of(looked("cannot say"))
    assert unsure.text == "Its effect cannot be told from none"
    assert unsure.reason == "Stayed: why"
    assert experiments.verdict_of(looked("withheld")).kind == "unsure"


def test_what_is_withheld_is_not_called_too_few_people() -> None:
    none: dict[str, Any] = {"difference": None, "low": None, "high": None}
    [row] = experiments.outcome_rows([outcome("withheld", **none) | {"adjusted": none}])
    assert (row.difference, row.adjusted) == ("withheld", "")
    assert (row.verdict, row.kind) == ("not told: the arms should not be compared", "unsure")
    [few] = experiments.outcome_rows([outcome(**none)])
    assert (few.difference, few.verdict) == ("too few people", "cannot say")


def test_before_anyone_is_counted_it_is_too_early_to_say() -> None:
    found = experiments.verdict_of(looked("cannot say", treated=0))
    assert found.text == "Too early to say"
    assert "7 people" in found.reason
    assert experiments.verdict_of(None).text == "Not compared yet"


def test_a_difference_is_written_with_its_interval_and_drawn_in_points() -> None:
    [row] = experiments.outcome_rows([outcome()])
    assert row.difference == "+5.0 points (−1.0 to +11.0)"
    assert row.verdict == "cannot be told from none"
    [drawn] = experiments.ranges_of([outcome()])
    assert [drawn.value, drawn.low, drawn.high] == pytest.approx([5, -1, 11])
    assert "Stayed +5.0 points, −1.0 to +11.0" in experiments.alt_of([drawn])


def test_too_few_people_have_no_difference_and_are_not_drawn() -> None:
    few = outcome(difference=None, low=None, high=None, treated_mean=None, control_mean=None)
    [row] = experiments.outcome_rows([few])
    assert (row.difference, row.verdict, row.treated) == ("too few people", "cannot say", "–")
    assert experiments.ranges_of([few]) == []


def figure(value: float) -> Figure:
    interval = Interval(value, value - 0.1, value + 0.1)
    return Figure("measure:escalation", NOW - timedelta(days=90), NOW, interval, 40, "share", "")


def item(**changed: Any) -> FeedbackItem:
    empty = dict.fromkeys(FeedbackItem._fields)
    stated = {"item_id": "i", "title": "t", "source": "by hand", "status": "open"}
    return FeedbackItem(**{**empty, **stated, "opened_at": NOW, **changed})


def test_the_way_of_an_item_says_what_is_next() -> None:
    found = feedback.steps_of(item(status="assigned", owner="Logistics"))
    assert [(each.name, each.done, each.now) for each in found[:3]] == [
        ("Collected", True, False),
        ("Assigned", True, False),
        ("Acted upon", False, True),
    ]
    assert not any(each.now for each in feedback.steps_of(item(status="closed", closed_at=NOW)))


def test_a_change_is_written_in_points_and_drawn_before_and_after() -> None:
    told = {"difference": {"value": -0.1, "low": -0.2, "high": 0.0}, "verdict": "fell", "note": ""}
    found = item(before=figure(0.4), after=figure(0.3), change=told)
    assert feedback.change_words(found) == "−10.0 points (−20.0 to +0.0)"
    assert feedback.verdict_words(found) == "It fell"
    assert [each.label for each in feedback.ranges_of(found)] == ["Before", "After"]
    assert feedback.ranges_of(item(before=figure(0.4))) == []


def test_a_subject_is_written_in_words() -> None:
    assert feedback.subject_words("measure:escalation") == "Measure: Tickets that were escalated"
    assert feedback.subject_words("stage:support:effort") == "Stage of the journey: support, effort"
    assert feedback.subject_words(None) == "nothing is measured"
