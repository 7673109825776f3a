"""Segments of history: small ones merged, replaced files swept, old ones taken along."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, func, select

import features.compaction as compaction
from features.buckets import sort_rows, write_buckets
from features.compaction import compact, merge_segments, strays, sweep, tidy, waiting
from features.erasure import erase_customer
from features.events import Event
from features.history import from_events, read_all
from features.holding import held
from features.live import append, live_table
from features.store import HistoryStore, Segment, buckets, register, segments
from features.tables import live_events
from serving.database import Database
from tests.features.sample import DAY, START, at, event, permit


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


def add_segment(database: Database, store: HistoryStore, events: list[Event]) -> None:
    with database.write() as conn:
        append(conn, events)
        compact(conn, store, now=START)


def occurred(conn: Connection, store: HistoryStore) -> list[int]:
    found: list[int] = read_all(conn, store, permit("risk_scoring")).occurred_at.tolist()
    return found


def test_four_segments_of_like_size_become_one(database: Database, store: HistoryStore) -> None:
    days = [[event(day, customer=f"c{k}") for k in range(3)] for day in range(4)]
    visit = event(1, "page_view", customer="c0", subject="visitor")
    for events in days[:3]:
        add_segment(database, store, events)
    assert not merge_segments(database, store, now=START)
    add_segment(database, store, [*days[3], visit])
    assert merge_segments(database, store, now=START)
    with database.write() as conn:
        assert [segment.kind for segment in segments(conn)] == ["merge"]
        assert [bucket.subject for bucket in buckets(conn)] == ["customer", "visitor"]
        everything = [each for events in days for each in events]
        assert occurred(conn, store) == from_events(everything).occurred_at.tolist()
        assert len(sweep(conn, store)) == 5
        assert strays(conn, store) == []
        assert append(conn, [*everything, visit]) == ["duplicate"] * 13


def test_a_large_segment_is_not_merged_with_small_ones(
    sqlite_database: Database, store: HistoryStore
) -> None:
    add_segment(sqlite_database, store, [event(k / 100) for k in range(12_000)])
    for day in range(3):
        add_segment(sqlite_database, store, [event(day, customer="c1")])
    assert not merge_segments(sqlite_database, store, now=START)


def test_tidying_copies_in_steps_what_was_known_first(
    database: Database, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "AT_ONCE", 3)
    with database.write() as conn:
        append(conn, [event(day, known=day // 2) for day in range(10)])
        assert waiting(conn) == (10, at(0))
    done = tidy(database, store, now=START)
    assert done is not None
    assert (done.events, done.segments_before) == (10, 0)
    with database.read() as conn:
        assert waiting(conn) == (0, None)
        assert len(occurred(conn, store)) == 10
        known = select(live_events.c.segment_id, func.count()).group_by(live_events.c.segment_id)
        assert sorted(count for _, count in conn.execute(known)) == [2, 4, 4]


def test_tidying_leaves_an_import_alone(database: Database, store: HistoryStore) -> None:
    with held(store):
        assert tidy(database, store, now=START, wait=False) is None


def test_merged_files_stay_an_hour_for_their_readers(
    database: Database, store: HistoryStore
) -> None:
    for day in range(4):
        add_segment(database, store, [event(day)])
    tidy(database, store, now=START)
    assert len(list(store.root.glob("*.parquet"))) == 5
    done = tidy(database, store, now=START + timedelta(hours=2))
    assert done == (0, 1, 1, 4)


def test_a_merge_gives_way_to_an_erasure(
    database: Database, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(4):
        add_segment(database, store, [event(day), event(day, customer="c1")])

    def erase_meanwhile(*given: object) -> object:
        written = write_buckets(*given)  # type: ignore[arg-type]
        with database.write() as conn:
            erase_customer(conn, store, "c0", now=START)
        return written

    monkeypatch.setattr(compaction, "write_buckets", erase_meanwhile)
    assert not merge_segments(database, store, now=START)
    monkeypatch.undo()
    assert merge_segments(database, store, now=START)
    with database.write() as conn:
        assert read_all(conn, store, permit("risk_scoring")).customers.tolist() == ["c1"]
        sweep(conn, store)
    assert not any(b"c0" in path.read_bytes() for path in store.root.glob("*.parquet"))


def test_erasure_leaves_every_other_file_as_it_is(database: Database, store: HistoryStore) -> None:
    with database.write() as conn:
        append(conn, [event(day, customer=f"c{k}") for k in range(8) for day in range(10)])
        files = write_buckets(store, [sort_rows(live_table(conn))], "s", bucket_rows=20)
        conn.execute(live_events.update().values(segment_id="s"))
        register(conn, Segment("s", "compaction", "live", "", START), files)
    before = {path.name: path.stat() for path in store.root.glob("*.parquet")}
    with database.write() as conn:
        assert erase_customer(conn, store, "c5", now=START) == (10, 1)
    with database.write() as conn:
        sweep(conn, store)
        assert len(occurred(conn, store)) == 70
    after = {path.name: path.stat() for path in store.root.glob("*.parquet")}
    kept = set(before) & set(after)
    assert (len(before), len(after), len(kept)) == (4, 4, 3)
    for name in kept:
        old, new = before[name], after[name]
        assert (old.st_ino, old.st_mtime_ns) == (new.st_ino, new.st_mtime_ns)


def test_a_file_of_an_older_version_is_cut_into_buckets_by_and_by(
    database: Database, store: HistoryStore
) -> None:
    visit = event(1, "page_view", customer="c0", subject="visitor")
    with database.write() as conn:
        append(conn, [*(event(k % 5, customer=f"c{k % 8}") for k in range(40)), visit])
        table = sort_rows(live_table(conn))
        compact(conn, store, now=START)
        customers, visitors = buckets(conn)
        pq.write_table(table, store.path_of(customers.path), compression="zstd", row_group_size=7)
        store.path_of(visitors.path).unlink()
        conn.exec_driver_sql("DELETE FROM history_buckets WHERE subject = 'visitor'")
        conn.exec_driver_sql(
            "UPDATE history_buckets SET subject = NULL, first_customer = NULL, last_customer = NULL"
        )
        before = occurred(conn, store)
    tidy(database, store, now=START + DAY)
    with database.read() as conn:
        found = [(b.subject, b.first_customer, b.rows) for b in buckets(conn)]
        assert found == [("customer", "c0", 40), ("visitor", "c0", 1)]
        assert occurred(conn, store) == before
