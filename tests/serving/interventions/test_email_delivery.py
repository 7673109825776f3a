"""From the outbox to a real mail server: with permission, once, honest about what is unknown."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Row, select

from features.tables import live_events
from governance.instants import to_text
from governance.log.ledger import entries
from serving.demo_receiver import DemoReceiver
from serving.interventions.delivery.desk import Ways
from serving.interventions.delivery.dispatch import Dispatched, dispatch, http_client
from serving.interventions.delivery.held_addresses import drop_address
from serving.interventions.delivery.leases import Dropped, Go, Unseen
from serving.interventions.delivery.messages import STEP_UP
from serving.interventions.delivery.outbox import enqueue, erase_customer
from serving.interventions.delivery.switched_off import switch_off
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import outbox
from tests.serving.interventions.conftest import NOTE, Company
from tests.serving.interventions.mailbox import Mailbox

SERVICE = replace(NOTE, name="outage", kind="service")
BOTH, ALONE = Ways(email=True), Ways(email=True, webhook=False)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as found:
        yield found


@pytest.fixture
def shop(company: Company) -> Company:
    """Give a company that lives now, is awake and has a mail server, on each kind of database."""
    return awake(company)


@pytest.fixture
def small_shop(small_company: Company) -> Company:
    return awake(small_company)


def awake(company: Company, ways: Ways = BOTH) -> Company:
    found = company.with_policy(quiet_from=time(0), quiet_until=time(0))
    return Company(replace(found.desk, ways=ways), now=datetime.now(UTC))


def posts(company: Company, box: Mailbox, endpoint: Endpoint | None = None) -> Dispatched:
    with http_client() as client:
        return dispatch(
            company.desk, endpoint, client, clock=company.clock, rng=Random(1), mail=box.server()
        )


def message(company: Company) -> Row[Any]:
    with company.desk.database.read() as conn:
        return conn.execute(select(outbox)).one()


def test_a_contact_goes_to_the_address_that_is_held_and_nowhere_else(
    shop: Company, box: Mailbox
) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")

    assert posts(shop, box).outcomes == {"delivered": 1}
    assert posts(shop, box).outcomes == {}
    assert [each.rcpt_tos for each in box.envelopes] == [["ana@example.com"]]
    assert box.mails[0]["Message-ID"] == f"<{message(shop).message_id}@tea.example>"
    assert shop.status("ana") == ("sent", "")


def test_an_email_carries_the_notice_and_the_way_to_stop(small_shop: Company, box: Mailbox) -> None:
    small_shop.agrees("ana")
    small_shop.holds("ana", "ana@example.com")
    small_shop.runs("ana")
    posts(small_shop, box)

    text = box.mails[0].get_body(("plain",))
    assert text is not None
    assert "https://privacy.tea.example/notice?token=n~" in text.get_content()
    assert box.mails[0]["List-Unsubscribe"].startswith("<https://privacy.tea.example/stop?token=s~")


def test_a_service_message_is_sent_without_marketing_permission_and_without_a_way_to_stop(
    small_shop: Company, box: Mailbox
) -> None:
    small_shop.holds("ana", "ana@example.com")
    small_shop.runs("ana", playbook=SERVICE)

    assert posts(small_shop, box).outcomes == {"delivered": 1}
    assert box.mails[0]["List-Unsubscribe"] is None


def test_an_address_stands_in_no_message_and_no_entry_of_the_log(
    small_shop: Company, box: Mailbox
) -> None:
    small_shop.agrees("ana")
    small_shop.holds("ana", "secret-address@example.com")
    small_shop.runs("ana")
    posts(small_shop, box)

    with small_shop.desk.database.read() as conn:
        logged = " ".join(each.body for each in entries(conn))
        events = str(conn.execute(select(live_events)).all())
    assert "secret-address" not in logged + events + message(small_shop).body


def test_a_code_somebody_asked_for_goes_to_their_address_without_a_clearance(
    small_shop: Company, box: Mailbox
) -> None:
    small_shop.holds("ana", "ana@example.com")
    until = to_text(small_shop.now + timedelta(minutes=10))
    data = {
        "customer_id": "ana",
        "code": "12345678",
        "message": {"subject": "Your code", "body": "1234 5678"},
        "language": "en",
        "valid_until": until,
    }
    with small_shop.desk.database.write() as conn:
        enqueue(
            conn, STEP_UP, data, customer_id="ana", intervention_id=None,
            due_at=small_shop.now, now=small_shop.now, transport="email",
        )  # fmt: skip

    assert posts(small_shop, box).outcomes == {"delivered": 1}
    assert box.mails[0]["Subject"] == "Your code"
    assert box.mails[0]["List-Unsubscribe"] is None


# no address


def test_whom_we_hold_no_address_of_the_receiver_is_asked_to_contact(
    small_shop: Company, box: Mailbox
) -> None:
    small_shop.agrees("ana", "ben")
    small_shop.holds("ben", "ben@example.com")
    small_shop.runs("ana", "ben")
    with DemoReceiver(b"s" * 32) as receiver:
        endpoint = Endpoint(receiver.url, b"s" * 32, reach=Reach(private=True))
        sent = posts(small_shop, box, endpoint)

    assert sent.outcomes == {"delivered": 2}
    assert [each.content["data"]["customer_id"] for each in receiver.received] == ["ana"]
    assert [each.rcpt_tos for each in box.envelopes] == [["ben@example.com"]]


def test_without_an_address_and_without_a_receiver_nobody_is_contacted(
    small_company: Company, box: Mailbox
) -> None:
    lonely = awake(small_company, ALONE)
    lonely.agrees("ana")
    lonely.runs("ana")

    assert posts(lonely, box).outcomes == {"dropped": 1}
    assert lonely.status("ana") == ("cancelled", "no_address")


def test_an_address_that_went_meanwhile_is_not_written_to(
    small_shop: Company, box: Mailbox
) -> None:
    small_shop.agrees("ana")
    small_shop.holds("ana", "ana@example.com")
    small_shop.runs("ana")
    with small_shop.desk.database.write() as conn:
        drop_address(conn, "ana", "email")

    assert posts(small_shop, box).outcomes == {"dropped": 1}
    assert (box.envelopes, small_shop.status("ana")) == ([], ("cancelled", "no_address"))


# what the server says


def test_a_refusal_for_good_is_the_end_with_its_reason(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    with Mailbox({"RCPT": "550 no such mailbox ana@example.com"}) as box:
        assert posts(shop, box).outcomes == {"dead": 1}

    row = message(shop)
    assert (row.status, row.reason, row.last_status) == ("dead", "address_refused", 550)
    assert shop.status("ana") == ("failed", "address_refused")


def test_a_refusal_for_now_is_tried_again_as_the_same_message(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    with Mailbox({"DATA": "451 greylisted"}) as box:
        assert posts(shop, box).outcomes == {"retry": 1}
        assert posts(shop, box).outcomes == {}
        shop.passes(minutes=16)
        box.answers.clear()
        assert posts(shop, box).outcomes == {"delivered": 1}

    assert box.mails[0]["Message-ID"] == f"<{message(shop).message_id}@tea.example>"
    assert message(shop).attempts == 2


def test_a_server_that_is_down_loses_nothing(small_shop: Company) -> None:
    small_shop.agrees("ana")
    small_shop.holds("ana", "ana@example.com")
    small_shop.runs("ana")
    assert posts(small_shop, Mailbox()).outcomes == {"retry": 1}
    small_shop.passes(minutes=1)
    with Mailbox() as box:
        assert posts(small_shop, box).outcomes == {"delivered": 1}


def test_an_answer_nobody_saw_is_shown_as_unknown_and_not_sent_again(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    claim = shop.must_claim()
    went = shop.goes(claim)
    assert isinstance(went, Go)

    assert shop.finishes(claim, "unknown", None) == "unknown"
    shop.passes(days=2)
    assert shop.claims() is None
    assert shop.status("ana") == ("unknown", "no_answer_seen")


def test_a_contact_that_may_have_been_made_counts_for_the_caps(small_shop: Company) -> None:
    small_shop.agrees("ana")
    small_shop.holds("ana", "ana@example.com")
    small_shop.runs("ana")
    small_shop.goes(small_shop.must_claim())
    small_shop.passes(minutes=2)

    assert isinstance(small_shop.claims(), Unseen)
    again = small_shop.with_policy(max_per_week=1).runs("ana", playbook=replace(NOTE, name="other"))
    assert again.refused == {"contact_cap_week": 1}


def test_a_receiver_that_is_gone_holds_up_no_email(small_shop: Company, box: Mailbox) -> None:
    small_shop.agrees("ana", "ben")
    small_shop.holds("ben", "ben@example.com")
    small_shop.runs("ana", "ben")
    endpoint = Endpoint("http://127.0.0.1:9/hook", b"s" * 32, reach=Reach(private=True))
    with small_shop.desk.database.write() as conn:
        switch_off(conn, endpoint.url, now=small_shop.now)
    sent = posts(small_shop, box, endpoint)

    assert (sent.outcomes, sent.switched_off) == ({"delivered": 1}, True)
    assert small_shop.messages() == {"intervention.requested": ["delivered", "pending"]}


# withdrawal and erasure


def test_withdrawn_consent_stops_a_queued_email(shop: Company, box: Mailbox) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    shop.passes(seconds=1)
    shop.withdraws("ana")

    assert posts(shop, box).outcomes == {}
    assert (box.connections, shop.status("ana")[0]) == (0, "cancelled")


def test_a_withdrawal_while_an_email_is_on_the_wire_is_recorded_with_both_times(
    shop: Company,
) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    claim = shop.must_claim()
    shop.goes(claim)
    left = shop.now
    shop.passes(seconds=1)
    shop.withdraws("ana")

    assert shop.finishes(claim) == "delivered"
    row = message(shop)
    assert (row.on_wire_at, row.stop_asked_at) == (left, shop.now)
    assert shop.status("ana") == ("cancelled", "stopped_on_the_wire")


def test_an_email_that_failed_after_a_withdrawal_is_not_tried_again(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    claim = shop.must_claim()
    shop.goes(claim)
    shop.withdraws("ana")

    assert shop.finishes(claim, "retry", 451) == "cancelled"
    shop.passes(days=1)
    assert shop.claims() is None


def test_an_erasure_while_an_email_is_on_the_wire_leaves_nothing_to_finish(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    claim = shop.must_claim()
    shop.goes(claim)
    with shop.desk.database.write() as conn:
        erase_customer(conn, "ana", now=shop.now)

    assert shop.finishes(claim) == "lost"
    assert shop.messages() == {}


# several workers


def test_a_sender_whose_lease_ran_out_can_neither_send_nor_mark(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    slow = shop.must_claim()
    shop.passes(seconds=61)
    quick = shop.must_claim()

    assert shop.goes(slow) is None
    assert isinstance(shop.goes(quick), Go)
    assert shop.finishes(slow) == "lost"
    assert shop.finishes(quick) == "delivered"


def test_many_workers_write_to_each_person_once(shop: Company, box: Mailbox) -> None:
    people = [f"c{k:02}" for k in range(16)]
    shop.agrees(*people)
    for each in people:
        shop.holds(each, f"{each}@example.com")
    shop.runs(*people)
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: posts(shop, box).delivered, range(4)))

    assert sum(sent) == 16
    assert sorted(each.rcpt_tos[0] for each in box.envelopes) == [
        f"{p}@example.com" for p in people
    ]


def test_permission_is_read_again_when_an_email_leaves(shop: Company) -> None:
    shop.agrees("ana")
    shop.holds("ana", "ana@example.com")
    shop.runs("ana")
    claim = shop.must_claim()
    shop.passes(seconds=1)
    shop.silently_withdraws("ana")

    assert isinstance(shop.goes(claim), Dropped)
