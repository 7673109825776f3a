"""Events that arrive one by one, and reading them back."""

import numpy as np
import pytest

from features.compaction import compact, strays, sweep
from features.erasure import erase_customer, export_customer
from features.events import keepwell_event
from features.history import (
    Histories,
    customer_ids,
    from_events,
    observed_until,
    read_all,
    read_company,
    read_customer,
)
from features.live import append
from features.store import HistoryStore
from governance.errors import PermissionRefused
from serving.database import Database
from tests.features.sample import START, at, event, permit

EVENTS = (
    event(1, event_id="a", value=1.0),
    event(1, event_id="a", value=2.0, customer="c1"),
    event(2, text="hello", properties={"b": 1, "a": [2]}),
    event(2, text="hello", properties={"b": 1, "a": [2]}),
    event(3, "session", customer="c1", known=7),
    event(1, known=9, corrects="a", value=3.0),
)


@pytest.fixture
def store(tmp_path: object) -> HistoryStore:
    return HistoryStore(tmp_path / "history")  # type: ignore[operator]


def same(one: Histories, other: Histories) -> bool:
    arrays = ("offsets", "occurred_at", "known_at", "superseded_at", "value_micros", "digests")
    return one.customers.tolist() == other.customers.tolist() and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def test_what_was_appended_is_read_back_as_it_would_be_built(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        assert append(conn, EVENTS) == ["written"] * len(EVENTS)
    with database.read() as conn:
        found = read_all(conn, store, permit("risk_scoring"))
    assert same(found, from_events(EVENTS))
    assert found.pick("text", np.arange(len(found.kind))).count("hello") == 2


def test_appending_again_writes_nothing(database: Database) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
        assert append(conn, EVENTS) == ["duplicate"] * len(EVENTS)


def test_the_same_id_with_other_content_is_a_conflict(database: Database) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
        assert append(conn, [event(1, event_id="a", value=9.0)]) == ["conflict"]


def test_batch_and_online_bring_in_the_same_arrays_before_and_after_compaction(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
    for _ in range(2):
        with database.write() as conn:
            whole = read_all(conn, store, permit("risk_scoring"))
            for k, customer_id in enumerate(whole.customers):
                alone = read_customer(conn, permit("risk_scoring"), customer_id)
                rows = whole.events_of(k)
                assert np.array_equal(alone.occurred_at, whole.occurred_at[rows])
                assert np.array_equal(alone.superseded_at, whole.superseded_at[rows])
                assert alone.digest(0, 10**17) == whole.digest(k, 10**17)
            compact(conn, store, now=START)


def test_compaction_copies_each_event_once_and_removes_nothing(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, EVENTS[:4])
        assert compact(conn, store, now=START).events == 4
        append(conn, EVENTS[4:])
        assert compact(conn, store, now=START).events == 2
        assert compact(conn, store, now=START).events == 0
        assert same(read_all(conn, store, permit("risk_scoring")), from_events(EVENTS))
        assert append(conn, EVENTS) == ["duplicate"] * len(EVENTS)


def test_only_permitted_customers_are_read(database: Database, store: HistoryStore) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
        compact(conn, store, now=START)
        found = read_all(conn, store, permit("risk_scoring", ["c1"]))
        assert found.customers.tolist() == ["c1"]
        with pytest.raises(PermissionRefused):
            read_customer(conn, permit("risk_scoring", ["c1"]), "c0")


def test_someone_without_events_has_an_empty_history(database: Database) -> None:
    with database.read() as conn:
        assert len(read_customer(conn, permit("risk_scoring"), "c5")) == 0


def test_the_company_and_visitors_are_not_customers(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(
            conn,
            [
                event(1, "spend", customer="company", subject="company", value=100.0),
                event(1, "page_view", customer="c0", subject="visitor"),
            ],
        )
        compact(conn, store, now=START)
        assert customer_ids(conn) == []
        assert len(read_all(conn, store, permit("risk_scoring"))) == 0
        assert read_company(conn, store).value.tolist() == [100.0]


def test_observation_ends_with_the_worlds_last_event(database: Database) -> None:
    own = keepwell_event(
        "intervention_sent",
        "c0",
        event_id="x",
        occurred_at=at(50),
        known_at=at(50),
        properties={},
    )
    with database.write() as conn:
        assert observed_until(conn) is None
        append(conn, [*EVENTS, own])
        assert observed_until(conn) == at(3)


def test_the_digest_of_a_history_tells_versions_apart() -> None:
    found = from_events(EVENTS)
    before, after = (found.digest(0, 10**6 * 86_400 * day) for day in (19_731, 19_740))
    assert before != after
    without = from_events([e for e in EVENTS if e.corrects is None])
    assert without.digest(0, 10**6 * 86_400 * 19_731) == before


def test_erasure_rewrites_only_the_segments_concerned(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer="c0"), event(1, customer="c1")])
        compact(conn, store, now=START)
        append(conn, [event(2, customer="c1")])
        compact(conn, store, now=START)
    with database.write() as conn:
        assert erase_customer(conn, store, "c0", now=START) == (1, 1)
    with database.write() as conn:
        assert len(sweep(conn, store)) == 1
        assert strays(conn, store) == []
        assert read_all(conn, store, permit("risk_scoring")).customers.tolist() == ["c1"]
        assert customer_ids(conn) == ["c1"]
        assert erase_customer(conn, store, "c0", now=START) == (0, 0)
    assert not any(b"c0" in path.read_bytes() for path in store.root.iterdir())


def test_an_erasure_that_is_rolled_back_lost_nothing(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
        compact(conn, store, now=START)

    def erase_and_fail() -> None:
        with database.write() as conn:
            erase_customer(conn, store, "c0", now=START)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_and_fail()
    with database.write() as conn:
        assert len(strays(conn, store)) == 1
        assert len(sweep(conn, store)) == 1
        assert same(read_all(conn, store, permit("risk_scoring")), from_events(EVENTS))
        assert strays(conn, store) == []


def test_export_holds_what_erasure_removes(database: Database, store: HistoryStore) -> None:
    with database.write() as conn:
        append(conn, EVENTS)
        exported = export_customer(conn, "c0")["events"]
        assert len(exported) == erase_customer(conn, store, "c0", now=START).events
        assert export_customer(conn, "c0") == {
            "events": [],
            "links": [],
            "accounts": [],
            "protected_attributes": {},
            "given_labels": [],
        }
    assert [record["value"] for record in exported] == [1.0, 3.0, None, None]
    assert exported[0]["superseded_at"] == "2024-01-10T00:00:00.000000Z"
