"""A CRM that sends itself: it gets the request, asks right before sending, and heeds the answer."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from serving.demo_receiver import DemoReceiver
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.permission.consents import withdraw
from serving.rights.acts import erase
from tests.serving.conftest import Shop
from tests.serving.lived import NOTE, candidate
from tests.serving.test_api import Crm
from tests.serving.unlocked import unlock_home

SECRET = b"s" * 32


@dataclass
class Sender:
    """The company's own system: what it was asked, and whether it may at this moment."""

    shop: Shop
    http: Any
    asked: dict[str, Any]

    def may_send(self) -> dict[str, Any]:
        answer = self.http.post(self.asked["confirm_before_sending"])
        return dict(answer.json())


@pytest.fixture
def sender(regular: Shop, monkeypatch: pytest.MonkeyPatch) -> Sender:
    """Give a CRM that was asked, by a signed message, to contact Ann at noon."""
    regular.permit("ann", "outreach.email")
    unlock_home(regular.keepwell)
    desk = desk_of(regular.keepwell, mode="act")
    chosen = [candidate("ann", 0.6, None)]
    run_interventions(desk, NOTE, chosen, outside_contacts={}, clock=regular.clock)
    monkeypatch.setattr("serving.demo_receiver.Webhook.verify", _without_its_clock)
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        dispatch(desk, endpoint, client, clock=regular.clock, rng=Random(1))
    [got] = receiver.received
    return Sender(regular, Crm(regular).http, dict(got.content["data"]))


def _without_its_clock(self: Any, data: Any, headers: Any, **_: Any) -> None:
    """The receiver's clock is the machine's, the shop's is not: the signature alone is checked."""
    signed = self.sign(
        headers["webhook-id"],
        datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC),
        data.decode(),
    )
    assert signed == headers["webhook-signature"]


def test_a_contact_that_is_still_permitted_may_be_made(sender: Sender) -> None:
    assert sender.may_send()["allowed"] is True


def test_in_the_quiet_hours_the_crm_waits_until_they_are_over(sender: Sender) -> None:
    sender.shop.clock.now = sender.shop.clock.now.replace(hour=22)
    quiet = sender.may_send()
    assert (quiet["allowed"], quiet["reason"]) == (False, "quiet_hours")
    assert quiet["not_before"] == "2026-06-02T08:00:00.000000Z"
    sender.shop.clock.now = sender.shop.clock.now.replace(day=2, hour=8, minute=1)
    assert sender.may_send()["allowed"] is True


def test_after_a_withdrawal_the_very_next_question_is_answered_no(sender: Sender) -> None:
    keepwell, clock = sender.shop.keepwell, sender.shop.clock
    withdraw(keepwell, "ann", "outreach.email", actor="customer", clock=clock)
    answer = sender.may_send()
    assert (answer["allowed"], answer["not_before"]) == (False, None)


def test_when_its_time_ran_out_the_contact_is_not_made(sender: Sender) -> None:
    sender.shop.clock.now += timedelta(hours=72)
    assert sender.may_send()["allowed"] is False


def test_after_an_erasure_there_is_no_such_contact(sender: Sender) -> None:
    erase(sender.shop.keepwell, "ann", now=sender.shop.clock())
    assert sender.may_send()["code"] == "not_found"


def test_the_request_holds_what_the_message_must_carry(sender: Sender) -> None:
    assert {"why", "stop", "message", "valid_until"} <= sender.asked.keys()
    assert "probability" not in json.dumps(sender.asked)
