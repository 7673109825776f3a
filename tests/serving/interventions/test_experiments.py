"""A playbook's experiment: when it opens, whom it draws, and what a stop means for later runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from governance.errors import InvalidInput, NotFound
from governance.log.ledger import entries
from serving.interventions.lots.arms import draw_arms, stratum_of
from serving.interventions.lots.experiments import (
    TrialExperiment,
    end_overdue,
    find_experiment,
    halted,
    list_experiments,
    open_experiment,
    resume,
    stop,
)
from serving.interventions.tables import interventions
from tests.serving.interventions.conftest import NOTE, Company

TRIED = replace(NOTE, holdout_share=0.25, holdout_days=60)


def opened(company: Company, playbook: object = TRIED) -> TrialExperiment:
    with company.desk.database.write() as conn:
        return open_experiment(conn, playbook, company.now)  # type: ignore[arg-type]


def stopped(company: Company, stopped_for: str) -> TrialExperiment:
    trial = opened(company)
    with company.desk.database.write() as conn:
        stop(
            conn, company.desk.ledger, trial.experiment,
            stopped_for=stopped_for, reason="as looked", now=company.now,  # type: ignore[arg-type]
        )  # fmt: skip
    return trial


def agreed(company: Company, count: int, *, since: int = 0) -> list[str]:
    people = [f"c{k:03}" for k in range(since, since + count)]
    company.agrees(*people)
    return people


def statuses(company: Company, people: Sequence[str]) -> Counter[str]:
    query = select(interventions.c.status).where(interventions.c.customer_id.in_(people))
    with company.desk.database.read() as conn:
        return Counter(conn.execute(query).scalars())


def test_a_second_run_draws_into_the_running_experiment(company: Company) -> None:
    first = opened(company)
    company.passes(days=10)

    again = opened(company)

    assert again.experiment == first.experiment
    assert again.ends_at == first.started_at + timedelta(days=60)


def test_an_experiment_ends_by_itself_and_the_next_run_opens_another(company: Company) -> None:
    first = opened(company)
    company.passes(days=60)

    second = opened(company)

    assert second.experiment != first.experiment
    with company.desk.database.read() as conn:
        assert find_experiment(conn, first.experiment).status == "ended"


def test_a_running_experiment_keeps_the_share_it_began_with(small_company: Company) -> None:
    opened(small_company)

    assert opened(small_company, replace(TRIED, holdout_share=0.5)).drawn_share == 0.25


@pytest.mark.parametrize(
    "changes", [{"kind": "service", "holdout_share": 0.0}, {"distress": True, "holdout_share": 0.0}]
)
def test_duties_and_help_in_distress_leave_nobody_alone(
    small_company: Company, changes: dict[str, object]
) -> None:
    trial = opened(small_company, replace(TRIED, **changes))  # type: ignore[arg-type]

    assert (trial.status, trial.drawn_share) == ("none", 0.0)
    with small_company.desk.database.read() as conn:
        assert list_experiments(conn) == ()


def test_after_harm_the_playbook_contacts_nobody(company: Company) -> None:
    people = agreed(company, 8)
    stopped(company, "harm")

    found = company.runs(*people, playbook=TRIED)

    assert found.refused == {"stopped_for_harm": 8}
    assert statuses(company, people) == {}


def test_holding_nobody_out_does_not_undo_a_stop_for_harm(small_company: Company) -> None:
    stopped(small_company, "harm")

    with small_company.desk.database.read() as conn:
        assert halted(conn, replace(TRIED, holdout_share=0.0)) == "stopped_for_harm"


def test_after_benefit_nobody_is_left_alone(small_company: Company) -> None:
    people = agreed(small_company, 40)
    stopped(small_company, "benefit")

    small_company.runs(*people, playbook=TRIED)

    assert statuses(small_company, people) == {"queued": 40}


def test_who_was_left_alone_is_free_once_it_is_stopped(small_company: Company) -> None:
    people = agreed(small_company, 8)
    small_company.runs(*people, playbook=TRIED)
    small_company.passes(days=1)
    stopped(small_company, "benefit")

    found = small_company.runs(*people, playbook=TRIED)

    assert "held_out" not in found.refused


def test_a_person_lets_it_go_on_with_a_new_experiment(company: Company) -> None:
    trial = stopped(company, "harm")
    company.passes(days=1)
    with company.desk.database.write() as conn:
        resume(
            conn, company.desk.ledger, TRIED.name,
            by="Grace", reason="the text was mended", now=company.now,
        )  # fmt: skip
        kinds = [each.kind for each in entries(conn)]

    found = opened(company)

    assert found.experiment != trial.experiment
    assert found.contacts == "drawn"
    assert kinds[-2:] == ["experiment_stopped", "experiment_resumed"]


def test_what_is_not_stopped_cannot_be_resumed(small_company: Company) -> None:
    opened(small_company)

    with small_company.desk.database.write() as conn, pytest.raises(NotFound):
        resume(
            conn, small_company.desk.ledger, TRIED.name,
            by="Grace", reason="why not", now=small_company.now,
        )  # fmt: skip


def test_only_a_running_experiment_can_be_stopped(small_company: Company) -> None:
    stopped(small_company, "harm")

    with pytest.raises(InvalidInput, match="must be running"):
        stopped(small_company, "benefit")


def test_the_daily_look_ends_what_is_over(small_company: Company) -> None:
    trial = opened(small_company)
    small_company.passes(days=61)

    with small_company.desk.database.write() as conn:
        ended = end_overdue(conn, small_company.desk.ledger, now=small_company.now)

    assert ended == (trial.experiment,)


def test_the_share_is_exact_over_many_small_runs(small_company: Company) -> None:
    people = agreed(small_company, 40)

    for k in range(0, 40, 2):
        small_company.runs(*people[k : k + 2], playbook=TRIED)

    assert statuses(small_company, people)["held_out"] == 10


def test_the_chance_of_a_contact_is_kept_with_each_arm(small_company: Company) -> None:
    people = agreed(small_company, 8)
    small_company.runs(*people, playbook=TRIED)

    with small_company.desk.database.read() as conn:
        found = conn.execute(select(interventions.c.propensity)).scalars().all()

    assert set(found) == {0.75}


def test_who_was_drawn_before_keeps_the_arm_and_is_not_drawn_again(small_company: Company) -> None:
    people = agreed(small_company, 12)
    small_company.runs(*people, playbook=TRIED)
    strata = dict.fromkeys(people, stratum_of(0.6))

    with small_company.desk.database.write() as conn:
        trial = open_experiment(conn, TRIED, small_company.now)
        again = draw_arms(conn, trial, strata, key=b"h" * 32)
        rows = conn.execute(select(interventions.c.customer_id, interventions.c.arm)).all()

    assert {who: each.arm for who, each in again.items()} == dict(map(tuple, rows))
    assert {each.propensity for each in again.values()} == {1.0}


def test_a_stratum_names_the_tenth_of_risk_and_what_else_is_stated() -> None:
    assert stratum_of(0.63, "after_order") == "risk_60/after_order"
    assert stratum_of(None) == "risk_unknown"
