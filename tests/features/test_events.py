"""Events at the door: what is refused, and what names them."""

import json
from datetime import datetime, timedelta

import pytest

from features.events import content_digest, keepwell_event, parse, validate
from governance.errors import InvalidInput
from tests.features.sample import START, at, event

FINE = {"customer_id": "anna", "kind": "order", "occurred_at": "2023-05-01T10:00:00+02:00"}


def test_a_plain_event_is_fine() -> None:
    assert validate(FINE, START) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"occurred_at": "2023-05-01T10:00:00"}, "occurred_at"),  # naive
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2024-01-02T00:01:00Z"}, "occurred_at"),  # a day and a minute ahead
        ({"occurred_at": None}, "occurred_at"),
        ({"customer_id": " "}, "customer_id"),
        ({"kind": "consent_changed"}, "kind"),
        ({"kind": "intervention_sent"}, "kind"),
        ({"kind": "rights_used"}, "kind"),
        ({"kind": "Consent_Changed"}, "kind"),
        ({"kind": " intervention_sent"}, "kind"),
        ({"kind": "consent_changed\u200b"}, "kind"),  # a space of no width
        ({"kind": "intervention\uff3fsent"}, "kind"),  # a wide underscore
        ({"value": 10**400}, "value"),
        ({"text": "a\x00b"}, "text"),
        ({"customer_id": "a\ud800"}, "customer_id"),
        ({"properties": {"\ud800": 1}}, "properties"),
        ({"properties": {"sku": 10**400}}, "properties"),
        ({"properties": {"scale": [1, 10**400], "instrument": "own"}}, "properties"),
        ({"properties": {"deep": json.loads("[" * 900 + "]" * 900)}}, "properties"),
        ({"value": "12"}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": True}, "value"),
        ({"value": 2e12}, "value"),
        ({"properties": [1]}, "properties"),
        ({"properties": {"x": {1}}}, "properties"),
        ({"subject": "dog"}, "subject"),
        ({"colour": "red"}, "colour"),
        ({"corrects": "a", "retracts": "b"}, "retracts"),
        ({"event_id": "a", "corrects": "a"}, "event_id"),
        ({"kind": "survey", "value": 3}, "properties"),  # which instrument?
        ({"kind": "survey", "value": 3, "properties": {"instrument": "ces"}}, "properties"),
        ({"kind": "survey", "value": 3, "properties": {"instrument": "own"}}, "properties"),
        ({"kind": "survey", "value": 6, "properties": {"instrument": "csat"}}, "value"),
    ],
)
def test_the_door_names_the_field_that_is_wrong(change: dict[str, object], field: str) -> None:
    assert field in {problem.field for problem in validate({**FINE, **change}, START)}


def test_five_minutes_ahead_are_forgiven() -> None:
    assert validate({**FINE, "occurred_at": "2024-01-01T00:05:00Z"}, START) == []


def test_parse_says_everything_that_is_wrong_without_the_values() -> None:
    with pytest.raises(InvalidInput, match=r"occurred_at .*value must") as raised:
        parse({**FINE, "occurred_at": "12:00", "value": "secret"}, now=START)
    assert "secret" not in str(raised.value)


def test_a_named_instrument_brings_its_scale() -> None:
    sent = {**FINE, "kind": "survey", "value": 9, "properties": {"instrument": "nps"}}
    assert parse(sent, now=START).properties["scale"] == [0, 10]


def test_only_keepwell_writes_its_own_kinds() -> None:
    with pytest.raises(InvalidInput):
        keepwell_event(
            "order", "anna", event_id="1", occurred_at=START, known_at=START, properties={}
        )


def test_the_digest_sees_content_and_not_when_it_was_learned() -> None:
    first = event(1, value=5.0, event_id="a", properties={"x": 1, "y": 2})
    learned_later = event(1, known=9, value=5.0, event_id="a", properties={"y": 2, "x": 1})
    assert content_digest(first) == content_digest(learned_later)


@pytest.mark.parametrize(
    "change",
    [{"value": 5.000001}, {"text": "a"}, {"currency": "EUR"}, {"event_id": "b"}, {"kind": "visit"}],
)
def test_the_digest_changes_with_the_content(change: dict[str, object]) -> None:
    fields: dict[str, object] = {"value": 5.0, "event_id": "a", "kind": "order"}
    assert content_digest(event(1, **fields)) != content_digest(event(1, **{**fields, **change}))  # type: ignore[arg-type]


def test_the_digest_does_not_confuse_neighbouring_fields() -> None:
    assert content_digest(event(1, currency="AB", text="C")) != content_digest(
        event(1, currency="A", text="BC")
    )


def test_instants_carry_their_zone() -> None:
    parsed = parse(FINE, now=START)
    assert parsed.occurred_at == datetime.fromisoformat("2023-05-01T08:00:00+00:00")
    assert parsed.known_at == at(0)
    assert parsed.occurred_at.utcoffset() == timedelta(hours=2)
