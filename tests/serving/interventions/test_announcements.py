"""A word about permission reaches the receiver once, and only while it is true."""

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from governance.consent.record import ConsentChange
from governance.errors import ConfigurationError
from serving.bootstrap import open_home
from serving.interventions.delivery.dispatch import dispatch
from serving.interventions.delivery.messages import MESSAGES, message_body, message_schema
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import outbox
from serving.permission.consents import change_consent, withdraw
from serving.rights.acts import erase, object_to_processing
from serving.settings import load_settings
from tests.serving.conftest import START, Shop
from tests.serving.lived import awake_desk

HERE = "http://127.0.0.1:9/"


@pytest.fixture
def told(shop: Shop) -> Shop:
    """Give a production home with a webhook."""
    settings = shop.keepwell.home.settings_file
    settings.write_text(settings.read_text() + f'\n[webhook]\nurl = "{HERE}"\n')
    root = shop.keepwell.home.root
    shop.keepwell.close()
    shop.keepwell = open_home(root)
    return shop


def queued(shop: Shop) -> list[dict[str, Any]]:
    with shop.keepwell.database.read() as conn:
        rows = conn.execute(select(outbox.c.body).order_by(outbox.c.due_at)).scalars()
        return [json.loads(each) for each in rows]


def sent(shop: Shop) -> list[dict[str, Any]]:
    """Send everything that is due to a receiver that takes it."""
    arrived: list[dict[str, Any]] = []

    def receive(request: httpx.Request) -> httpx.Response:
        arrived.append(json.loads(request.content))
        return httpx.Response(204)

    endpoint = Endpoint(HERE, shop.keepwell.keys.webhook, reach=Reach(private=True))
    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        desk = awake_desk(shop.keepwell)
        dispatch(desk, endpoint, client, clock=shop.clock, rng=Random(1))
    return arrived


def withdraws(shop: Shop, customer_id: str = "ann") -> None:
    withdraw(shop.keepwell, customer_id, "risk_scoring", actor="customer", clock=shop.clock)


def test_a_yes_is_told_with_no_more_than_a_receiver_needs(told: Shop) -> None:
    told.permit("ann")
    [message] = sent(told)
    assert message["type"] == "consent.changed"
    data = message["data"]
    assert (data["customer_id"], data["purpose"]) == ("ann", "risk_scoring")
    assert (data["state"], data["permitted"]) == ("given", True)
    assert set(data) == {"customer_id", "purpose", "state", "permitted", "occurred_at", "event_id"}


def test_a_withdrawal_is_told(told: Shop) -> None:
    told.permit("ann")
    sent(told)
    withdraws(told)
    [message] = sent(told)
    assert (message["data"]["state"], message["data"]["permitted"]) == ("withdrawn", False)


def test_an_objection_is_told(told: Shop) -> None:
    told.order("ann", 3)
    object_to_processing(told.keepwell, "ann", now=told.clock())
    [message] = sent(told)
    assert (message["data"]["purpose"], message["data"]["permitted"]) == ("objection", False)


def test_a_yes_that_waited_too_long_is_not_told_after_the_withdrawal(told: Shop) -> None:
    told.permit("ann")
    withdraws(told)
    assert [each["data"]["state"] for each in sent(told)] == ["withdrawn"]


def test_a_yes_that_expired_while_it_waited_is_not_told(told: Shop) -> None:
    now = told.clock()
    change = ConsentChange(
        customer_id="ann", purpose="risk_scoring", state="given", mechanism="button",
        evidence="form 7", expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    change_consent(told.keepwell, change, clock=told.clock)
    told.pass_days(1)
    assert sent(told) == []


def test_a_word_that_arrives_late_changes_nothing_and_is_not_told(told: Shop) -> None:
    withdraws(told)
    late = ConsentChange(
        customer_id="ann", purpose="risk_scoring", state="given", mechanism="letter",
        evidence="letter of May", occurred_at=START - timedelta(days=9),
    )  # fmt: skip
    change_consent(told.keepwell, late, clock=told.clock)
    assert [each["data"]["state"] for each in queued(told)] == ["withdrawn"]


def test_without_a_webhook_nothing_is_queued(shop: Shop) -> None:
    shop.permit("ann")
    assert queued(shop) == []


def test_an_erasure_takes_what_waits_along(told: Shop) -> None:
    told.order("ann", 3)
    told.permit("ann")
    erase(told.keepwell, "ann", now=told.clock())
    assert queued(told) == []


def written(folder: Path, line: str) -> Path:
    path = folder / "keepwell.toml"
    path.write_text(f'[webhook]\nurl = "{HERE}"\n{line}\n', encoding="utf-8")
    return path


def test_what_takes_back_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(written(tmp_path, 'events = ["consent.changed"]'), {})
    assert "score.withdrawn" in refused.value.problems[0]


def test_an_event_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(written(tmp_path, 'events = ["score.moved"]'), {})
    assert "there is" in refused.value.problems[0]


def test_events_can_be_set_in_the_environment(tmp_path: Path) -> None:
    stated = "intervention.requested, intervention.cancelled, score.withdrawn, score.changed"
    found = load_settings(written(tmp_path, ""), {"KEEPWELL_WEBHOOK__EVENTS": stated})
    assert found.webhook.sends("score.changed")
    assert not found.webhook.sends("consent.changed")


@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_every_message_has_a_schema_with_its_fields(kind: str) -> None:
    schema = message_schema(kind)
    assert schema["properties"]["type"] == {"const": kind}
    assert schema["properties"]["data"]["properties"]


def test_a_field_a_message_does_not_have_is_not_sent() -> None:
    data = {"customer_id": "ann", "purpose": "x", "withdrawn_at": "now", "probability": 0.5}
    with pytest.raises(ValueError, match="probability"):
        message_body("score.withdrawn", data, now=START)
