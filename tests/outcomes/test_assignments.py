"""Whether a playbook helped, from the events of assignment and what people did afterwards."""

from collections.abc import Callable, Sequence

import pytest

from features.events import Event
from features.history import Histories
from governance.disclosure.published import Register
from governance.proof import AggregatePermit
from outcomes.assignments import PlaybookLift, first_assignments, playbook_lift
from tests.outcomes.conftest import assigned, event, on

Build = Callable[[Sequence[Event]], Histories]


def test_everyone_counts_in_the_arm_they_were_assigned_to(
    histories: Build, permit: AggregatePermit
) -> None:
    events = [assigned(f"t{k:02}", "treated", 0) for k in range(40)]
    events += [assigned(f"h{k:02}", "holdout", 0) for k in range(40)]
    events += [event(f"t{k:02}", "order", 20) for k in range(30)]
    events += [event(f"h{k:02}", "order", 20) for k in range(20)]
    events += [event("t39", "order", 95), event("t38", "order", -3)]  # too late, too early

    found = playbook_lift(
        histories(events),
        permit,
        playbook="note",
        horizon_days=90,
        observed_until=on(100),
        holdout_share=0.5,
    )

    assert found.retained.difference == pytest.approx(0.25)
    assert found.retained.verdict == "higher"
    assert found.sample_ratio is not None
    assert found.sample_ratio.outcome == "as expected"


def test_who_was_assigned_too_recently_waits(histories: Build, permit: AggregatePermit) -> None:
    found = playbook_lift(
        histories([assigned("a", "treated", 50), assigned("b", "holdout", 50)]),
        permit,
        playbook="note",
        horizon_days=90,
        observed_until=on(100),
        holdout_share=0.2,
    )

    assert found.waiting == 2
    assert found.retained.verdict == "cannot say"


def test_the_first_assignment_counts_and_other_playbooks_do_not(
    histories: Build, permit: AggregatePermit
) -> None:
    again = assigned("a", "treated", 40)
    events = [
        assigned("a", "holdout", 10),
        Event(**{**again.__dict__, "event_id": "second"}),
        assigned("b", "treated", 10, playbook="other"),
    ]

    found = first_assignments(histories(events), permit, playbook="note")

    assert found.treated.tolist() == [False]


def test_a_lift_is_given_as_it_was_until_five_more_came_true(
    histories: Build, permit: AggregatePermit
) -> None:
    register = Register(min_people=5)

    def lift(people: int, *, days: int = 90) -> PlaybookLift:
        events = [assigned(f"t{k:02}", "treated", 0) for k in range(people)]
        events += [assigned(f"h{k:02}", "holdout", 0) for k in range(people)]
        events += [event(f"t{k:02}", "order", 20) for k in range(0, people, 2)]
        return playbook_lift(
            histories(events),
            permit,
            playbook="note",
            horizon_days=days,
            observed_until=on(100),
            holdout_share=0.5,
            register=register,
        )

    given = [lift(40), lift(41), lift(44)]

    assert [each.retained.treated_units for each in given] == [40, 40, 44]
    assert [each.note for each in given] == ["", "as given", ""]
    assert given[0].sample_ratio == given[1].sample_ratio
    assert lift(45, days=91).retained.verdict == "cannot say"
