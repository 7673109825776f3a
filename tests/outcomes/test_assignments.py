"""Who was drawn into which arm, from the events of the draw."""

from collections.abc import Callable, Sequence

from features.events import Event, keepwell_event
from features.history import Histories
from governance.proof import AggregatePermit
from outcomes.trials.assignments import first_assignments
from tests.outcomes.conftest import assigned, on

Build = Callable[[Sequence[Event]], Histories]


def drawn(customer: str, arm: str, day: float, **more: object) -> Event:
    stated = {"playbook": "note", "arm": arm, "experiment": "note/1", "stratum": "risk_60",
              "propensity": 0.75, "by_lot": True, **more}  # fmt: skip
    return keepwell_event(
        "intervention_assigned",
        customer,
        event_id=f"{customer}-{day}",
        occurred_at=on(day),
        known_at=on(day),
        properties=stated,
    )


def test_the_first_draw_counts_and_other_playbooks_do_not(
    histories: Build, permit: AggregatePermit
) -> None:
    events = [
        drawn("a", "holdout", 10),
        drawn("a", "treated", 40),
        assigned("b", "treated", 10, playbook="other"),
    ]

    found = first_assignments(histories(events), permit, playbook="note")

    assert found.treated.tolist() == [False]
    assert found.stratum.tolist() == ["risk_60"]
    assert found.propensity.tolist() == [0.75]


def test_each_experiment_has_its_own_draws(histories: Build, permit: AggregatePermit) -> None:
    events = [drawn("a", "holdout", 10), drawn("a", "treated", 200, experiment="note/2")]

    found = first_assignments(histories(events), permit, playbook="note", experiment="note/2")

    assert found.treated.tolist() == [True]


def test_who_was_contacted_without_a_draw_is_compared_with_nobody(
    histories: Build, permit: AggregatePermit
) -> None:
    events = [drawn("a", "treated", 10, by_lot=False, propensity=1.0), drawn("b", "treated", 11)]

    found = first_assignments(histories(events), permit, playbook="note")

    assert len(found.customer) == 1


def test_draws_from_before_experiments_had_names_count_for_the_playbook(
    histories: Build, permit: AggregatePermit
) -> None:
    found = first_assignments(histories([assigned("a", "holdout", 3)]), permit, playbook="note")

    assert found.treated.tolist() == [False]
