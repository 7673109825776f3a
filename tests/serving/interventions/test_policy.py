"""Who may be contacted: every filter is a reason, and permission is the first."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from features.events import Event
from features.live import append
from governance.errors import InvalidInput, PermissionRefused
from governance.intervals import Interval
from governance.log.decision import recent
from governance.model.gate import GateVerdict
from governance.proof import Clearance, mint_clearance
from governance.review.candidates import Candidate as Submitted
from governance.review.candidates import submit
from serving.database import Database
from serving.interventions.choosing.run import Ask, run_together, simulate
from serving.interventions.choosing.worth import Effect
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate, ContactPolicy, first_moment
from serving.settings import Mode
from tests.governance.sample import NOW, facts
from tests.serving.interventions.conftest import NOTE, Company, candidate, make_desk

SERVICE = Playbook(
    name="payment_help",
    kind="service",
    channel="email",
    subject="s",
    body="b",
    template="failed_payment",
    holdout_share=0.0,
)


SALE = replace(NOTE, name="sale", commercial=True)


def test_who_agreed_to_both_is_cleared(company: Company) -> None:
    company.agrees("ana")

    run = company.runs("ana")

    assert [each.status for each in run.assigned] == ["queued"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "outreach.email: no_record"),
        ([("risk_scoring", "given")], "outreach.email: no_record"),
        ([("outreach.email", "given")], "risk_scoring: no_record"),
        ([("risk_scoring", "given"), ("outreach.email", "refused")], "outreach.email: refused"),
        ([("risk_scoring", "given"), ("outreach.email", "requested")], "outreach.email: requested"),
        ([("risk_scoring", "given"), ("outreach.sms", "given")], "outreach.email: no_record"),
        (
            [("risk_scoring", "given"), ("outreach.email", "given"), ("risk_scoring", "withdrawn")],
            "risk_scoring: withdrawn",
        ),
    ],
)
def test_without_both_permissions_nobody_is_contacted(
    small_company: Company, words: list[tuple[str, str]], reason: str
) -> None:
    for purpose, state in words:
        small_company.says("ana", purpose, state)
        small_company.passes(seconds=1)

    run = small_company.runs("ana")

    assert run.assigned == ()
    assert run.refused == {reason: 1}


def test_permission_that_expires_is_gone_at_that_very_instant(small_company: Company) -> None:
    end = datetime(2026, 6, 1, 13, tzinfo=UTC)
    small_company.says("ana", "risk_scoring")
    small_company.says("ana", "outreach.email", expires_at=end)
    small_company.now = end

    assert small_company.runs("ana").refused == {"outreach.email: expired": 1}


def test_an_objection_blocks_outreach_whatever_was_agreed_before(company: Company) -> None:
    company.agrees("ana")
    company.passes(seconds=1)
    company.objects("ana")
    company.passes(seconds=1)

    assert company.runs("ana").assigned == ()


def test_one_refusal_neither_blocks_nor_leaks_into_others(company: Company) -> None:
    company.agrees("ana", "cem")

    run = company.runs("ana", "ben", "cem")

    assert {each.customer_id for each in run.assigned} == {"ana", "cem"}
    assert run.refused == {"outreach.email: no_record": 1}


def test_nobody_is_contacted_from_an_evaluation_home(sqlite_database: Database) -> None:
    company = Company(make_desk(sqlite_database, home_kind="evaluation"))

    assert company.runs("ana").refused == {"evaluation_home": 1}


def test_observing_contacts_nobody(small_company: Company) -> None:
    observing = small_company.with_policy(mode="observe")
    observing.agrees("ana")

    assert observing.runs("ana").refused == {"mode_observe": 1}


def test_advising_waits_for_a_person(small_company: Company) -> None:
    advising = small_company.with_policy(mode="advise")
    advising.agrees("ana")

    assert [each.status for each in advising.runs("ana").assigned] == ["proposed"]
    assert advising.claims() is None


@pytest.mark.parametrize(
    ("audit", "blocks", "status"),
    [
        ("pass", {"act"}, "queued"),
        ("not_assessed", {"act"}, "proposed"),
        ("insufficient_evidence", {"act"}, "proposed"),
        ("fail", {"act"}, "proposed"),
        ("not_assessed", set(), "queued"),
        ("not_assessed", {"act", "advise"}, None),
    ],
)
def test_a_model_not_shown_to_be_fair_does_not_act_by_itself(
    small_company: Company, audit: str, blocks: set[Mode], status: str | None
) -> None:
    company = small_company.with_policy(fairness_blocks=frozenset(blocks))
    company.agrees("ana")
    with company.desk.database.write() as conn:
        report = json.dumps({"fairness": {"outcome": audit}})
        submitted = Submitted(facts(), "x", GateVerdict("approved", ()), report_json=report)
        submit(conn, company.desk.ledger, submitted, now=NOW)
    run = company.runs_for([candidate("ana", model_digest=facts().model_digest)])
    assert [each.status for each in run.assigned] == ([] if status is None else [status])
    assert dict(run.refused) == ({"fairness_not_shown": 1} if status is None else {})


def test_who_is_outside_the_range_is_not_a_refusal(small_company: Company) -> None:
    small_company.agrees("ana")

    run = small_company.runs("ana", probability=0.1)

    assert (run.outside, run.refused, run.assigned) == (1, {}, ())


def test_contacts_outside_count_towards_the_cap(small_company: Company) -> None:
    small_company.agrees("ana", "ben")

    run = small_company.runs("ana", "ben", outside={"ana": 2, "ben": 1})

    assert run.refused == {"contact_cap": 1}
    assert [each.customer_id for each in run.assigned] == ["ben"]


def test_own_contacts_count_towards_the_cap_until_the_window_has_passed(
    small_company: Company,
) -> None:
    small_company.agrees("ana")
    for _ in range(2):
        small_company.runs("ana")
        small_company.sends()
        small_company.passes(days=1)

    assert small_company.runs("ana").refused == {"contact_cap": 1}
    small_company.passes(days=30)
    assert small_company.runs("ana").refused == {}


def test_nothing_is_queued_twice(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")

    assert small_company.runs("ana").refused == {"already_under_way": 1}


def test_the_budget_goes_to_those_most_at_risk(small_company: Company) -> None:
    thrifty = small_company.with_policy(budget=2.0)
    thrifty.agrees("ana", "ben", "cem")

    run = thrifty.runs_for([candidate("ana", 0.5), candidate("ben", 0.9), candidate("cem", 0.7)])

    assert [each.customer_id for each in run.assigned] == ["ben", "cem"]
    assert run.refused == {"budget_used_up": 1}


def test_nothing_is_sold_on_a_model_that_reads_wellbeing(small_company: Company) -> None:
    small_company.agrees("ana", "ben")
    sensitive = frozenset({"risk_scoring", "wellbeing_inference"})

    run = small_company.runs_for(
        [candidate("ana", model_purposes=sensitive), candidate("ben")], playbook=SALE
    )

    assert run.refused == {"commercial_model_reads_wellbeing": 1}
    assert [each.customer_id for each in run.assigned] == ["ben"]


def test_a_service_duty_needs_no_marketing_permission_and_knows_no_cap(
    small_company: Company,
) -> None:
    chosen = Candidate(customer_id="ana")

    run = small_company.runs_for([chosen], playbook=SERVICE, outside={"ana": 9})

    assert [each.status for each in run.assigned] == ["queued"]


def test_simulating_says_who_would_be_chosen_and_writes_nothing(small_company: Company) -> None:
    small_company.agrees("ana")

    judged = simulate(
        small_company.desk,
        NOTE,
        [candidate("ana"), candidate("ben")],
        outside_contacts={},
        clock=small_company.clock,
    )

    assert [c.customer_id for c in judged.eligible] == ["ana"]
    assert judged.refused == {"ben": "outreach.email: no_record"}
    assert small_company.messages() == {}


def test_candidates_of_another_target_or_twice_are_refused(small_company: Company) -> None:
    with pytest.raises(InvalidInput, match="answers 'churn'"):
        small_company.runs_for([Candidate(customer_id="ana", target="other")])
    with pytest.raises(InvalidInput, match="2 candidates for 1 customers"):
        small_company.runs("ana", "ana")


def test_only_the_policy_makes_clearances() -> None:
    with pytest.raises(PermissionRefused):
        mint_clearance(
            intervention_id="i",
            customer_id="c",
            channel="email",
            playbook="p",
            valid_until=datetime(2030, 1, 1, tzinfo=UTC),
            consent_event_ids={},
        )
    with pytest.raises(PermissionRefused):
        Clearance()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01T12:00+02:00", "2026-06-01T12:00+02:00"),
        ("2026-06-01T19:59+02:00", "2026-06-01T19:59+02:00"),
        ("2026-06-01T20:00+02:00", "2026-06-02T08:00+02:00"),
        ("2026-06-01T03:00+02:00", "2026-06-01T08:00+02:00"),
        ("2026-06-01T08:00+02:00", "2026-06-01T08:00+02:00"),
        ("2026-10-24T23:00+02:00", "2026-10-25T08:00+01:00"),  # the night clocks go back
    ],
)
def test_nothing_goes_out_in_quiet_hours(now: str, expected: str) -> None:
    policy = ContactPolicy(home_kind="production", mode="act", zone=ZoneInfo("Europe/Berlin"))

    found = first_moment(datetime.fromisoformat(now), policy)

    assert found == datetime.fromisoformat(expected)


def test_quiet_hours_within_a_day_and_none_at_all() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    lunch = ContactPolicy(
        home_kind="production",
        mode="act",
        zone=ZoneInfo("UTC"),
        quiet_from=time(11),
        quiet_until=time(13),
    )
    never = ContactPolicy(
        home_kind="production",
        mode="act",
        zone=ZoneInfo("UTC"),
        quiet_from=time(0),
        quiet_until=time(0),
    )

    assert first_moment(noon, lunch) == datetime(2026, 6, 1, 13, tzinfo=UTC)
    assert first_moment(noon, never) == noon


def test_one_contact_a_week_by_all_playbooks_together(small_company: Company) -> None:
    weekly = small_company.with_policy(max_contacts=9, max_per_week=1)
    weekly.agrees("ana")
    weekly.runs("ana")
    weekly.sends()
    other = replace(NOTE, name="thanks")

    assert weekly.runs("ana", playbook=other).refused == {"contact_cap_week": 1}
    weekly.passes(days=7, seconds=1)
    assert weekly.runs("ana", playbook=other).refused == {}


def test_a_contact_that_came_in_meanwhile_counts_under_the_lock(small_company: Company) -> None:
    """The file of recent contacts was read before; what arrived since is counted once more."""
    small_company.agrees("ana", "ben")
    at = small_company.now - timedelta(hours=1)
    events = [
        Event("ana", "contact_outside", at, at, event_id=f"call {number}") for number in range(2)
    ]
    with small_company.desk.database.write() as conn:
        append(conn, events)

    run = small_company.runs("ana", "ben", outside={})

    assert run.refused == {"contact_cap": 1}
    assert [each.customer_id for each in run.assigned] == ["ben"]


def test_the_same_playbook_waits_for_its_cool_down_and_another_does_not(
    small_company: Company,
) -> None:
    rare = replace(NOTE, cooldown_days=20)
    small_company.agrees("ana")
    small_company.runs("ana", playbook=rare)
    small_company.sends()
    small_company.passes(days=8)

    assert small_company.runs("ana", playbook=rare).refused == {"cool_down": 1}
    assert small_company.runs("ana", playbook=replace(NOTE, name="thanks")).count("queued") == 1
    small_company.passes(days=13)
    assert "cool_down" not in small_company.runs("ana", playbook=rare).refused


def test_what_thirty_days_may_cost_holds_over_runs(small_company: Company) -> None:
    thrifty = small_company.with_policy(budget=5.0, budget_per_30_days=3.0)
    thrifty.agrees("ana", "ben", "cem", "dee")
    thrifty.runs("ana", "ben")

    run = thrifty.runs("cem", "dee")

    assert len(run.assigned) == 1
    assert run.refused == {"budget_used_up": 1}


def test_outreach_that_gives_the_customer_nothing_is_refused(small_company: Company) -> None:
    with pytest.raises(InvalidInput, match="does not say what the customer gets"):
        small_company.runs("ana", playbook=replace(NOTE, value=" "))


def test_a_purpose_the_playbook_names_is_needed_beside_the_others(small_company: Company) -> None:
    small_company.agrees("ana")
    asking = replace(NOTE, purposes=("research_text",))

    assert small_company.runs("ana", playbook=asking).refused == {"research_text: no_record": 1}


def test_every_candidate_has_a_decision_that_says_how_it_came_about(
    small_company: Company,
) -> None:
    thrifty = small_company.with_policy(budget=1.0)
    thrifty.agrees("ana", "ben", "cem")
    people = [candidate("ana", 0.9), candidate("ben", 0.6), candidate("cem", 0.1), candidate("dee")]

    run = thrifty.runs_for(people, playbook=replace(NOTE, expected_effect=0.03))

    with thrifty.desk.database.read() as conn:
        found = {
            each.reason: (each.outcome, each.result or {})
            for each in recent(conn, limit=9, kind="contact")
        }
    assert len(run.decisions) == 4
    assert found["budget_used_up"] == (
        "refused",
        {"playbook": "personal_note", "trigger": "score", "score_decision_id": None, "chance": 0.0},
    )
    assert found["outside_range"][0] == "outside"
    assert found["outreach.email: no_record"][0] == "refused"
    told = found[""][1]
    assert (told["chosen_by"], told["expected_effect"]) == ("rule", 0.03)
    assert (told["chance"], told["propensity"], told["trigger"]) == (1.0, 1.0, "score")


def test_of_several_playbooks_everyone_gets_one(company: Company) -> None:
    company.agrees("ana", "ben")
    people = [candidate("ana"), candidate("ben")]
    asks = [Ask(NOTE, people), Ask(replace(NOTE, name="thanks", expected_effect=0.1), people)]

    note, thanks = run_together(company.desk, asks, outside_contacts={}, clock=company.clock)

    assert (note.count("queued"), thanks.count("queued")) == (0, 2)
    assert note.refused == {"another_playbook_chosen": 2}


def test_a_playbook_whose_experiment_harms_contacts_nobody(small_company: Company) -> None:
    small_company.agrees("ana")
    harms = Effect("personal_note/2026-05-01", Interval(-0.06, -0.09, -0.03))

    [run] = run_together(
        small_company.desk,
        [Ask(NOTE, [candidate("ana")], harms)],
        outside_contacts={},
        clock=small_company.clock,
    )

    assert run.refused == {"experiment_shows_harm": 1}


def test_a_full_cap_never_holds_a_duty_back(small_company: Company) -> None:
    """Two calls came in meanwhile: the note is dropped at the last look, the duty is not."""
    small_company.agrees("ana")
    at = small_company.now - timedelta(hours=1)
    events = [
        Event("ana", "contact_outside", at, at, event_id=f"call {number}") for number in range(2)
    ]
    with small_company.desk.database.write() as conn:
        append(conn, events)
    duty = Ask(SERVICE, [Candidate(customer_id="ana")])

    note, owed = run_together(
        small_company.desk,
        [Ask(NOTE, [candidate("ana")]), duty],
        outside_contacts={},
        clock=small_company.clock,
    )

    assert note.refused == {"contact_cap": 1}
    assert owed.count("queued") == 1
