"""Messages as their keepers see them: listed without a name, sent again with permission."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from governance.errors import InvalidInput, NotFound
from governance.log.ledger import entries
from serving.interventions.delivery.message_desk import Replayed, list_messages, replay, replay_all
from serving.interventions.delivery.switched_off import switch_off, switch_on, switched_off
from tests.serving.interventions.conftest import NOTE, Company

LONG = replace(NOTE, valid_hours=700)


def dies(company: Company, customer: str = "ana") -> str:
    """Let the request to contact somebody be refused for good; gives its id."""
    company.agrees(customer)
    company.runs(customer, playbook=LONG)
    claim = company.must_claim()
    company.goes(claim)
    assert company.finishes(claim, "refused", 550) == "dead"
    return claim.message.message_id


def again(company: Company, message_id: str) -> Replayed:
    return replay(company.desk, message_id, by="test", now=company.now)


def test_a_dead_message_is_listed_with_its_reason_and_nobodys_name(company: Company) -> None:
    message_id = dies(company)
    with company.desk.database.read() as conn:
        [found] = list_messages(conn, status="dead")
    assert (found.message_id, found.last_status, found.attempts) == (message_id, 550, 1)
    assert "ana" not in json.dumps(found.to_json())


def test_what_is_sent_again_keeps_its_id_and_is_counted(company: Company) -> None:
    message_id = dies(company)
    assert again(company, message_id) == Replayed(message_id, True, "")
    claim = company.must_claim()
    assert (claim.message.message_id, claim.attempt) == (message_id, 1)
    company.goes(claim)
    assert company.finishes(claim) == "delivered"
    with company.desk.database.read() as conn:
        [found] = list_messages(conn)
    assert (found.status, found.replays) == ("delivered", 1)
    assert company.status("ana") == ("sent", "")


@pytest.mark.parametrize("purpose", ["outreach.email", "risk_scoring"])
def test_permission_is_asked_before_anything_is_sent_again(company: Company, purpose: str) -> None:
    message_id = dies(company)
    company.passes(minutes=1)
    company.withdraws("ana", purpose)
    assert again(company, message_id).reason == f"{purpose}: withdrawn"
    assert company.claims() is None


def test_a_new_yes_does_not_send_again_what_rested_on_the_old_one(small_company: Company) -> None:
    message_id = dies(small_company)
    small_company.passes(minutes=1)
    small_company.withdraws("ana")
    small_company.passes(minutes=1)
    small_company.says("ana", "outreach.email")
    assert again(small_company, message_id).reason == "outreach.email: permission_replaced"


def test_a_withdrawal_after_a_replay_stops_it(company: Company) -> None:
    message_id = dies(company)
    again(company, message_id)
    company.passes(seconds=1)
    company.withdraws("ana")
    assert company.messages()["intervention.requested"] == ["cancelled"]
    assert company.status("ana")[0] == "cancelled"


def test_a_clearance_that_ran_out_is_not_sent_again(small_company: Company) -> None:
    message_id = dies(small_company)
    small_company.passes(days=60)
    assert again(small_company, message_id).reason == "clearance_expired"


def test_only_a_dead_message_is_sent_again(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    claim = small_company.must_claim()
    small_company.goes(claim)
    small_company.finishes(claim)
    with pytest.raises(InvalidInput, match="the message is delivered"):
        again(small_company, claim.message.message_id)
    with pytest.raises(NotFound):
        again(small_company, "no-such-message")


def test_what_may_have_arrived_is_not_sent_again(small_company: Company) -> None:
    small_company.agrees("ana")
    small_company.runs("ana")
    claim = small_company.must_claim()
    small_company.goes(claim)
    small_company.finishes(claim, "unknown", None)
    with pytest.raises(InvalidInput, match="it may have arrived"):
        again(small_company, claim.message.message_id)


def test_all_dead_messages_are_sent_again_but_for_those_without_permission(
    company: Company,
) -> None:
    dies(company, "ana")
    company.passes(seconds=1)
    dies(company, "ben")
    company.passes(minutes=1)
    company.withdraws("ben")
    done = replay_all(company.desk, by="test", now=company.now)
    assert [each.queued for each in done] == [True, False]


def test_every_replay_is_in_the_log(small_company: Company) -> None:
    message_id = dies(small_company)
    again(small_company, message_id)
    with small_company.desk.database.read() as conn:
        body = json.loads(entries(conn)[-1].body)
    assert body == {"message": message_id, "by": "test", "refused": ""}


def test_the_list_comes_in_pages_the_newest_first(small_company: Company) -> None:
    small_company.agrees("ana", "ben", "cem")
    for each in ("ana", "ben", "cem"):
        small_company.passes(seconds=1)
        small_company.runs(each)
    with small_company.desk.database.read() as conn:
        whole = list_messages(conn)
        first = list_messages(conn, limit=2)
        rest = list_messages(conn, limit=2, after=first[-1].position.to_text())
    assert [*first, *rest] == whole
    assert [each.created_at for each in whole] == sorted(
        (each.created_at for each in whole), reverse=True
    )


def test_a_receiver_that_was_switched_off_can_be_switched_on(company: Company) -> None:
    url, now = "https://crm.example.com/hook", company.now
    with company.desk.database.write() as conn:
        switch_off(conn, url, now=now)
        switch_off(conn, url, now=now + timedelta(days=1))
        assert switched_off(conn, url) == now
        assert switch_on(conn, url)
        assert not switch_on(conn, url)
        assert switched_off(conn, url) is None
