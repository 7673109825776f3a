"""From queued to sent: permission at every step, one sender at a time, one message id for ever."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from features.tables import live_events
from governance.log.ledger import entries, verify
from serving.interventions.delivery.leases import Dropped, Go
from serving.interventions.delivery.outbox import erase_customer, export_customer
from serving.interventions.tables import interventions, outbox
from tests.serving.interventions.conftest import NOTE, Company


def kinds_of_events(company: Company) -> list[str]:
    with company.desk.database.read() as conn:
        return sorted(conn.execute(select(live_events.c.kind)).scalars())


def test_what_was_cleared_is_sent_once_and_becomes_an_event(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")

    assert company.sends() == "delivered"
    assert company.claims() is None
    assert company.status("ana") == ("sent", "")
    assert kinds_of_events(company) == ["intervention_assigned", "intervention_sent"]


def test_the_held_out_get_an_event_and_no_message(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana", playbook=replace(NOTE, holdout_share=1.0))

    assert company.status("ana") == ("held_out", "")
    assert company.messages() == {}
    assert kinds_of_events(company) == ["intervention_assigned"]


def test_the_held_out_stay_alone_for_their_time_and_no_longer(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana", playbook=replace(NOTE, holdout_share=1.0))

    assert small_company.runs("ana").refused == {"held_out": 1}
    assert small_company.runs("ana", playbook=replace(NOTE, name="other")).refused == {
        "held_out": 1
    }
    small_company.passes(days=91)
    assert [each.status for each in small_company.runs("ana").assigned] == ["queued"]


def test_the_request_carries_no_score_and_no_reason(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana", probability=0.61)

    body = json.loads(small_company.must_claim().message.body)

    assert body["type"] == "intervention.requested"
    assert set(body["data"]) == {
        "intervention_id",
        "decision_id",
        "customer_id",
        "playbook",
        "class",
        "channel",
        "message",
        "valid_until",
        "confirm_before_sending",
        "why",
        "stop",
    }
    assert "0.61" not in json.dumps(body)


# withdrawal


def test_withdrawn_consent_stops_queued_message(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.passes(minutes=1)
    company.withdraws("ana")

    assert company.claims() is None
    assert company.messages() == {"intervention.requested": ["cancelled"]}
    assert company.status("ana")[0] == "cancelled"


@pytest.mark.parametrize("purpose", ["outreach.email", "risk_scoring"])
def test_the_look_at_claiming_alone_is_enough(company: Company, purpose: str) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.passes(minutes=1)
    company.silently_withdraws("ana", purpose)

    dropped = company.claims()

    assert isinstance(dropped, Dropped)
    assert dropped.reason == f"{purpose}: withdrawn"
    assert company.claims() is None


@pytest.mark.parametrize("purpose", ["outreach.email", "risk_scoring"])
def test_withdrawal_after_claiming_stops_the_leased_message(company: Company, purpose: str) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    company.passes(seconds=1)
    company.withdraws("ana", purpose)

    assert company.goes(claim) is None
    assert company.messages() == {"intervention.requested": ["cancelled"]}


def test_the_last_look_before_the_wire_alone_is_enough(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    company.passes(seconds=1)
    company.silently_withdraws("ana")

    assert isinstance(company.goes(claim), Dropped)
    assert company.status("ana")[0] == "cancelled"


def test_granting_again_never_revives_what_was_queued(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.passes(minutes=1)
    company.silently_withdraws("ana")
    company.passes(minutes=1)
    company.says("ana", "outreach.email")
    company.passes(minutes=1)

    dropped = company.claims()

    assert isinstance(dropped, Dropped)
    assert dropped.reason == "outreach.email: permission_replaced"


def test_an_objection_stops_what_is_queued(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.passes(seconds=1)
    company.objects("ana")

    assert company.claims() is None
    assert company.status("ana") == ("cancelled", "objection")


def test_withdrawing_something_else_stops_nothing(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    small_company.withdraws("ana", "model_training")

    assert small_company.sends() == "delivered"


def test_one_customers_withdrawal_leaves_others_alone(small_company: Company) -> None:
    small_company.agrees("ana", "ben")
    small_company.runs("ana", "ben")
    small_company.withdraws("ana")

    assert small_company.sends() == "delivered"
    assert small_company.status("ben")[0] == "sent"
    assert small_company.claims() is None


def test_what_was_on_the_wire_is_recorded_with_both_times_and_followed(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    assert isinstance(company.goes(claim), Go)
    left = company.now
    company.passes(seconds=1)
    company.withdraws("ana")
    company.passes(seconds=1)

    assert company.finishes(claim) == "delivered"

    with company.desk.database.read() as conn:
        row = conn.execute(select(outbox).where(outbox.c.type == "intervention.requested")).one()
    assert (row.on_wire_at, row.stop_asked_at) == (left, left.replace(second=1))
    assert company.messages()["intervention.cancelled"] == ["pending"]
    assert company.status("ana") == ("cancelled", "stopped_on_the_wire")


def test_what_failed_on_the_wire_after_a_withdrawal_is_not_tried_again(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    company.goes(claim)
    company.withdraws("ana")

    assert company.finishes(claim, "retry", None) == "cancelled"
    assert company.messages() == {
        "intervention.cancelled": ["pending"],
        "intervention.requested": ["cancelled"],
    }


def test_a_worker_that_died_on_the_wire_does_not_revive_a_stopped_message(
    company: Company,
) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.goes(company.must_claim())
    company.withdraws("ana")
    company.passes(minutes=5)

    assert isinstance(company.claims(), Dropped)
    assert company.messages()["intervention.requested"] == ["cancelled"]


def test_withdrawal_after_delivery_tells_the_receiver_while_it_matters(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.sends()
    company.passes(hours=1)
    company.withdraws("ana")

    claim = company.must_claim()

    assert claim.message.type == "intervention.cancelled"
    assert "ana" not in claim.message.body
    assert company.goes(claim) == Go(None)


def test_long_after_delivery_there_is_nothing_left_to_stop(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    small_company.sends()
    small_company.passes(days=30)
    small_company.withdraws("ana")

    assert small_company.claims() is None
    assert small_company.status("ana") == ("sent", "")


def test_a_clearance_runs_out(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    small_company.passes(hours=72)

    dropped = small_company.claims()

    assert isinstance(dropped, Dropped)
    assert dropped.reason == "clearance_expired"
    assert small_company.status("ana") == ("expired", "clearance_expired")


# leases


def test_two_workers_never_hold_the_same_message(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.must_claim()

    assert company.claims() is None


def test_an_expired_lease_can_neither_send_nor_mark(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    slow = company.must_claim()
    company.passes(seconds=61)
    quick = company.must_claim()

    assert quick.fence == slow.fence + 1
    assert company.goes(slow) is None
    assert isinstance(company.goes(quick), Go)
    assert company.finishes(slow) == "lost"
    assert company.finishes(quick) == "delivered"


def test_a_lease_that_ran_out_with_nobody_after_it_is_void_too(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    company.passes(seconds=60)

    assert company.goes(claim) is None


def test_the_receiver_sees_the_same_message_at_every_attempt(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    first = company.must_claim()
    company.goes(first)
    assert company.finishes(first, "retry", 503) == "retry"
    assert company.claims() is None
    company.passes(minutes=1)

    second = company.must_claim()

    assert second.message == first.message
    assert second.attempt == 2


def test_permission_is_read_again_at_a_retry(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    first = company.must_claim()
    company.goes(first)
    company.finishes(first, "retry", 503)
    company.passes(minutes=1)
    company.silently_withdraws("ana")

    assert isinstance(company.claims(), Dropped)
    assert company.messages()["intervention.cancelled"] == ["pending"]


def test_a_message_nobody_takes_is_given_up(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana", playbook=replace(NOTE, valid_hours=700))
    outcomes = []
    for _ in range(10):
        claim = small_company.must_claim()
        small_company.goes(claim)
        outcomes.append(small_company.finishes(claim, "retry", 500))
        small_company.passes(days=2)

    assert outcomes == ["retry"] * 9 + ["dead"]
    assert small_company.status("ana") == ("failed", "attempts_used_up")


def test_a_notice_nobody_takes_leaves_the_intervention_as_it_was(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    small_company.sends()
    small_company.withdraws("ana")
    for _ in range(10):
        claim = small_company.must_claim()
        small_company.goes(claim)
        small_company.finishes(claim, "retry", 500)
        small_company.passes(days=1.5)

    assert small_company.messages()["intervention.cancelled"] == ["dead"]
    assert small_company.status("ana") == ("cancelled", "outreach.email: withdrawn")


def test_outreach_waits_until_the_quiet_hours_are_over(small_company: Company) -> None:
    small_company.now = small_company.now.replace(hour=22)
    small_company.agrees("ana")
    small_company.runs("ana")

    assert small_company.claims() is None
    small_company.passes(hours=10)
    assert small_company.sends() == "delivered"


# the record


def test_every_verdict_is_in_the_log_without_personal_data(company: Company) -> None:
    company.agrees("ana", "ben")
    company.runs("ana", "ben", "carla-without-permission")
    company.sends()
    company.withdraws("ben")

    with company.desk.database.read() as conn:
        logged = entries(conn)
        found = verify(conn, company.desk.ledger.public_key)
    text = " ".join(entry.body for entry in logged)
    assert found.outcome == "intact"
    assert "carla" not in text
    [verdicts] = [json.loads(each.body) for each in logged if each.kind == "decisions"]
    assert verdicts["outcomes"] == {"cleared": 2, "refused": 1}


def test_a_run_that_fails_leaves_nothing_behind(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_company.agrees("ana")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("serving.interventions.choosing.run.record", broken)
    with pytest.raises(RuntimeError):
        small_company.runs("ana")

    assert small_company.messages() == {}
    assert kinds_of_events(small_company) == []


# rights


def test_erasure_leaves_no_row_and_tells_the_receiver_without_a_name(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    company.sends()

    with company.desk.database.write() as conn:
        erase_customer(conn, "ana", now=company.now)

    with company.desk.database.read() as conn:
        assert conn.execute(select(interventions)).all() == []
        (notice,) = conn.execute(select(outbox)).all()
    assert notice.type == "intervention.cancelled"
    assert notice.customer_id is None
    assert "ana" not in notice.body


def test_a_worker_cannot_finish_what_was_erased(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    with company.desk.database.write() as conn:
        erase_customer(conn, "ana", now=company.now)

    assert company.goes(claim) is None
    assert company.finishes(claim) == "lost"


def test_export_holds_all_that_erasure_deletes(company: Company) -> None:
    company.agrees("ana", "ben")
    company.runs("ana", "ben")

    with company.desk.database.read() as conn:
        found = export_customer(conn, "ana")

    json.dumps(found)
    assert [row["customer_id"] for row in found["interventions"]] == ["ana"]
    assert "A person reads your answer." in found["outbox"][0]["body"]
