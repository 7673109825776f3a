"""Events from outside: each by itself, never twice, never Keepwell's own."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.intake import take_events
from serving.rights.acts import erase
from serving.rights.retention import apply_retention
from serving.settings import Settings
from serving.tables import dropped_events
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.workbench import empty_database

ORDER = {
    "customer_id": "ann",
    "kind": "order",
    "event_id": "A-1",
    "occurred_at": "2026-05-01T10:00:00+02:00",
    "value": 12.5,
}


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Give a home without anybody, on either database."""
    settings = Settings()
    if request.param == "postgres":
        settings = Settings(database_url=empty_database(request, "intake"))
    clock = Clock()
    shop = Shop(new_home(tmp_path / "home", settings, now=clock()), clock)
    yield shop
    shop.keepwell.close()


def send(shop: Shop, *events: dict[str, Any]) -> list[str]:
    taken = take_events(shop.keepwell, events, clock=shop.clock)
    return [each.status for each in taken.results]


def test_the_same_event_again_changes_nothing(shop: Shop) -> None:
    assert send(shop, ORDER) == ["written"]
    assert send(shop, ORDER) == ["duplicate"]


def test_the_same_id_with_other_content_is_a_conflict(shop: Shop) -> None:
    send(shop, ORDER)
    assert send(shop, {**ORDER, "value": 99.0}) == ["conflict"]


def test_a_bad_event_does_not_hold_up_the_others(shop: Shop) -> None:
    assert send(shop, {**ORDER, "occurred_at": "yesterday"}, ORDER) == ["rejected", "written"]


@pytest.mark.parametrize("kind", ["consent_changed", "intervention_sent", "rights_erased"])
def test_keepwells_own_kinds_are_refused(shop: Shop, kind: str) -> None:
    assert send(shop, {**ORDER, "kind": kind}) == ["rejected"]


def test_a_naive_time_is_refused_with_what_to_do(shop: Shop) -> None:
    taken = take_events(
        shop.keepwell, [{**ORDER, "occurred_at": "2026-05-01T10:00:00"}], clock=shop.clock
    )
    assert taken.results[0].problems == (
        "occurred_at has no time zone; add an offset such as Z or +01:00",
    )


def test_a_number_as_customer_id_is_taken_as_text(shop: Shop) -> None:
    assert send(shop, {**ORDER, "customer_id": 17850}) == ["written"]


def test_an_erased_customer_is_not_revived(shop: Shop) -> None:
    send(shop, ORDER)
    erase(shop.keepwell, "ann", now=shop.clock())
    assert send(shop, {**ORDER, "event_id": "A-2"}) == ["rejected"]


def test_whoever_may_not_read_permissions_cannot_tell_the_erased_from_strangers(
    shop: Shop,
) -> None:
    send(shop, ORDER)
    erase(shop.keepwell, "ann", now=shop.clock())
    told = []
    for who in ("ann", "nobody"):
        new = {**ORDER, "customer_id": who, "event_id": "A-2"}
        events = [new, new, {**new, "value": 1.0}, {**new, "event_id": None}, {**new, "kind": ""}]
        taken = take_events(shop.keepwell, events, clock=shop.clock, tells_erased=False)
        told.append(taken.results)
    assert told[0] == told[1]
    assert [each.status for each in told[0]] == [
        "written", "duplicate", "conflict", "written", "rejected"
    ]  # fmt: skip
    assert send(shop, {**ORDER, "event_id": "A-2"}) == ["rejected"]


def test_whoever_sends_again_what_was_sent_about_the_erased_is_told_as_of_strangers(
    either: Shop,
) -> None:
    send(either, ORDER)
    erase(either.keepwell, "ann", now=either.clock())
    told = []
    for who in ("ann", "nobody"):
        new = {**ORDER, "customer_id": who, "event_id": "A-2"}
        nameless = {**new, "event_id": None}
        requests = [[new, nameless], [new, nameless, nameless], [{**new, "value": 1.0}]]
        told.append([drops(either, *events) for events in requests])
    assert told[0] == told[1]
    assert told[0][1:] == [["duplicate", "duplicate", "written"], ["conflict"]]


def test_what_is_kept_of_dropped_events_names_nobody_and_goes_with_their_token(
    shop: Shop,
) -> None:
    send(shop, ORDER)
    erase(shop.keepwell, "ann", now=shop.clock())
    drops(shop, {**ORDER, "event_id": "ann-2"})
    apply_retention(shop.keepwell, now=shop.clock())
    [kept] = dropped(shop)
    assert "ann" not in str(kept)
    shop.clock.now += timedelta(days=shop.keepwell.settings.retention.suppression_days)
    apply_retention(shop.keepwell, now=shop.clock())
    assert dropped(shop) == []


def drops(shop: Shop, *events: dict[str, Any]) -> list[str]:
    taken = take_events(shop.keepwell, events, clock=shop.clock, tells_erased=False)
    return [each.status for each in taken.results]


def dropped(shop: Shop) -> list[Any]:
    with shop.keepwell.database.read() as conn:
        return list(conn.execute(select(dropped_events)).all())


def test_what_is_wrong_with_an_event_does_not_repeat_its_names(shop: Shop) -> None:
    bad = {**ORDER, "Ann_Smith": 1, "Bob_Smith": 2, "kind": "rights_Ann_Smith"}
    [found] = take_events(shop.keepwell, [bad], clock=shop.clock).results
    assert found.problems == (
        "a field is not one of an event",
        "kind is one that Keepwell alone writes",
    )


def test_an_event_that_cannot_be_stored_holds_up_no_other(shop: Shop) -> None:
    broken = [
        {**ORDER, "event_id": "half \ud800"},
        {**ORDER, "customer_id": "half \ud800"},
        {**ORDER, "text": "nul \x00"},
        {**ORDER, "value": 10**400},
        {**ORDER, "half \ud800": 1},
    ]
    taken = take_events(shop.keepwell, [*broken, ORDER], clock=shop.clock)
    assert [each.status for each in taken.results] == ["rejected"] * 5 + ["written"]
    json.dumps([each._asdict() for each in taken.results], ensure_ascii=False).encode()
