"""Histories in ranges of customers: the same as all at once, whatever lies in which file."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.buckets import rows_of_table, sort_rows, write_buckets
from features.compaction import compact
from features.events import Event
from features.history import Histories, from_events, read_all, read_range, read_ranges
from features.live import append, live_table
from features.ranges import plan_ranges
from features.rows import Rows, in_order, put_in_order
from features.store import SEGMENT_SCHEMA, HistoryStore, buckets
from governance.errors import IntegrityBroken, PermissionRefused
from serving.database import Database
from tests.features.sample import EVERYONE, START, event, permit

ARRAYS = ("occurred_at", "known_at", "superseded_at", "value_micros", "digests", "occurrence")


def plain(histories: Histories) -> dict[str, list[object]]:
    """Give each customer's events as records that do not depend on how kinds are numbered."""
    found: dict[str, list[object]] = {}
    for k, customer_id in enumerate(histories.customers):
        rows = histories.events_of(k)
        columns = [getattr(histories, name)[rows].tolist() for name in ARRAYS]
        kinds = [histories.kinds[code] for code in histories.kind[rows]]
        texts = histories.pick("text", np.arange(rows.start, rows.stop))
        found[customer_id] = list(zip(*columns, kinds, texts, strict=True))
    return found


def put_together(parts: Sequence[Histories]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for part in parts:
        assert not set(found) & set(plain(part))
        found |= plain(part)
    return found


def everyones(events: Sequence[Event]) -> dict[str, list[object]]:
    return plain(from_events(events))


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


DAYS = (
    [event(k % 5, customer=f"c{k % 8}", value=float(k)) for k in range(40)],
    [event(k % 5, "session", customer=f"c{k % 8}", text=f"t{k}") for k in range(24)],
    [event(9, event_id="a", customer="c3"), event(8, corrects="a", known=9, customer="c3")],
    [event(2, customer=f"c{k}", known=12, value=0.5) for k in (0, 7)],
)


def fill(database: Database, store: HistoryStore, *, compacted: int) -> list[Event]:
    """Append the days one after the other; the first so many become segments."""
    for k, events in enumerate(DAYS):
        with database.write() as conn:
            append(conn, events)
            if k < compacted:
                compact(conn, store, now=START)
    return [each for events in DAYS for each in events]


@pytest.mark.parametrize("compacted", range(5))
@pytest.mark.parametrize("events_per_range", [1, 20, 1000])
def test_ranges_put_together_are_everything(
    sqlite_database: Database, store: HistoryStore, compacted: int, events_per_range: int
) -> None:
    events = fill(sqlite_database, store, compacted=compacted)
    with sqlite_database.read() as conn:
        allowed = permit("risk_scoring")
        ranges = list(
            read_ranges(conn, store, allowed, digests=True, events_per_range=events_per_range)
        )
        whole = read_all(conn, store, allowed)
    assert put_together(ranges) == plain(whole) == everyones(events)
    assert [len(part) > 0 for part in ranges] == [True] * len(ranges)
    if events_per_range == 1 and compacted:
        assert len(ranges) > 1


def test_ranges_ask_for_the_permit_and_keep_to_it(
    sqlite_database: Database, store: HistoryStore
) -> None:
    fill(sqlite_database, store, compacted=3)
    with sqlite_database.read() as conn:
        allowed = permit("risk_scoring", ["c1", "c6"])
        found = list(read_ranges(conn, store, allowed, events_per_range=1))
        assert [part.customers.tolist() for part in found] == [["c1"], ["c6"]]
        forged = type(allowed).__new__(type(allowed))
        with pytest.raises((PermissionRefused, AttributeError)):
            next(read_ranges(conn, store, forged))


def test_a_plan_is_read_elsewhere_without_a_database(
    sqlite_database: Database, store: HistoryStore
) -> None:
    events = fill(sqlite_database, store, compacted=2)
    with sqlite_database.read() as conn:
        plan = pickle.loads(pickle.dumps(plan_ranges(conn, store, events_per_range=5)))
    sqlite_database.close()
    ranges = [read_range(store, each, frozenset(EVERYONE), digests=True) for each in plan]
    assert put_together(ranges) == everyones(events)


def test_a_pickled_range_carries_its_own_tail_alone(
    sqlite_database: Database, store: HistoryStore
) -> None:
    events = [event(k, customer=f"c{k % 8}", text="x" * 1000) for k in range(80)]
    with sqlite_database.write() as conn:
        append(conn, events)
        plan = plan_ranges(conn, store, events_per_range=10)
    assert len(plan) >= 6
    assert max(len(pickle.dumps(each)) for each in plan) < 25_000


def test_without_digests_equal_times_are_still_told_apart(
    sqlite_database: Database, store: HistoryStore
) -> None:
    for value in (1.0, 2.0, 3.0, 4.0):
        with sqlite_database.write() as conn:
            append(conn, [event(1, value=value), event(1, value=-value, customer="c1")])
            compact(conn, store, now=START)
    with sqlite_database.read() as conn:
        with_them = read_all(conn, store, permit("risk_scoring"))
        without = read_all(conn, store, permit("risk_scoring"), digests=False)
    assert without.value_micros.tolist() == with_them.value_micros.tolist()


def test_a_range_reads_only_its_own_row_groups(
    sqlite_database: Database, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [event(k % 7, customer=f"c{k % 997:04d}") for k in range(20_000)]
    with sqlite_database.write() as conn:
        append(conn, events)
        compact(conn, store, now=START)
        plan = plan_ranges(conn, store, events_per_range=2_000)
    read: list[int] = []
    inner = pq.ParquetFile.read_row_groups

    def counted(self: pq.ParquetFile, groups: list[int], **given: object) -> object:
        read.append(len(groups))
        return inner(self, groups, **given)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", counted)
    parts = [read_range(store, each, None) for each in plan]
    assert sum(len(part.occurred_at) for part in parts) == 20_000
    assert max(read) <= 2


def test_one_customers_million_events_are_one_range(
    sqlite_database: Database, store: HistoryStore
) -> None:
    events = [event(k / 5000, customer="c1") for k in range(5_000)]
    events += [event(1, customer="c0"), event(1, customer="c2")]
    with sqlite_database.write() as conn:
        append(conn, events)
        compact(conn, store, now=START)
        found = list(read_ranges(conn, store, permit("risk_scoring"), events_per_range=100))
    assert max(len(part.occurred_at) for part in found) >= 5_000
    assert sum(len(part.occurred_at) for part in found) == 5_002


def test_no_customer_is_split_over_buckets(sqlite_database: Database, store: HistoryStore) -> None:
    events = [event(k, customer=f"c{k % 8}") for k in range(80)]
    with sqlite_database.write() as conn:
        append(conn, [*events, event(1, "page_view", customer="c0", subject="visitor")])
        table = sort_rows(live_table(conn))
    written = write_buckets(store, [table.slice(0, 33), table.slice(33)], "s", bucket_rows=25)
    bounds = [(b.subject, b.first_customer, b.last_customer, b.rows) for b in written]
    assert bounds == [
        ("customer", "c0", "c1", 20),
        ("customer", "c2", "c3", 20),
        ("customer", "c4", "c5", 20),
        ("customer", "c6", "c7", 20),
        ("visitor", "c0", "c0", 1),
    ]


def test_a_file_of_an_older_version_is_read_like_any_other(
    sqlite_database: Database, store: HistoryStore
) -> None:
    visit = event(1, "page_view", customer="c0", subject="visitor")
    with sqlite_database.write() as conn:
        append(conn, [*DAYS[0], *DAYS[1], visit])
        table = sort_rows(live_table(conn))
        compact(conn, store, now=START)
        paths = [store.path_of(bucket.path) for bucket in buckets(conn)]
        pq.write_table(table, paths[0], compression="zstd", row_group_size=7)
        paths[1].unlink()
        conn.exec_driver_sql("DELETE FROM history_buckets WHERE subject = 'visitor'")
        conn.exec_driver_sql(
            "UPDATE history_buckets SET subject = NULL, first_customer = NULL, last_customer = NULL"
        )
        found = list(
            read_ranges(conn, store, permit("risk_scoring"), digests=True, events_per_range=9)
        )
        visitors = read_all(conn, store, permit("risk_scoring"), subject="visitor")
    assert len(found) > 2
    assert put_together(found) == everyones([*DAYS[0], *DAYS[1]])
    assert len(visitors.occurred_at) == 1


def test_rows_out_of_order_are_put_in_order_and_customers_out_of_order_refused(
    sqlite_database: Database, store: HistoryStore
) -> None:
    with sqlite_database.write() as conn:
        append(conn, DAYS[0])
        table = sort_rows(live_table(conn))
        compact(conn, store, now=START)
        path = store.path_of(buckets(conn)[0].path)
        swapped = [1, 0, *range(2, len(table))]
        pq.write_table(table.take(swapped), path)
        for digests in (True, False):
            found = read_all(conn, store, permit("risk_scoring"), digests=digests)
            assert found.occurred_at.tolist() == from_events(DAYS[0]).occurred_at.tolist()
        pq.write_table(table.take([*range(20, len(table)), *range(20)]), path)
        with pytest.raises(IntegrityBroken, match="order"):
            read_all(conn, store, permit("risk_scoring"))


@given(
    st.lists(
        st.tuples(
            *(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)),
            *(st.sampled_from([0, 1]), st.integers(1, 2)),
        ),
        max_size=30,
        unique=True,
    )
)
def test_order_is_by_both_clocks_digest_and_occurrence(
    found: list[tuple[int, int, int, int, int]],
) -> None:
    table = SEGMENT_SCHEMA.empty_table()
    given = {
        name: [each[k] for each in found]
        for k, name in enumerate(
            ("customer_id", "occurred_at", "known_at", "digest_high", "occurrence")
        )
    }
    size = len(found)
    columns = {
        **{field.name: pa.nulls(size, field.type) for field in table.schema},
        **{name: pa.array(each) for name, each in given.items()},
        "customer_id": pa.array([f"c{each}" for each in given["customer_id"]], pa.string()),
        "subject": pa.array(["customer"] * size, pa.string()),
        "kind": pa.array(["order"] * size, pa.string()),
        "digest_low": pa.array([0] * size),
    }
    table = pa.table(columns).select(table.column_names).cast(SEGMENT_SCHEMA)
    by_arrow = rows_of_table(sort_rows(table))
    assert in_order(by_arrow)
    by_customer = rows_of_table(table.sort_by("customer_id"))
    assert in_order(by_customer) == (flat(by_customer) == flat(by_arrow))
    assert flat(put_in_order(by_customer)) == flat(by_arrow)


def flat(rows: Rows) -> list[tuple[int, ...]]:
    columns = rows.columns
    arrays = (columns.occurred_at, columns.known_at, columns.digests[:, 0], columns.occurrence)
    return list(zip(*(each.tolist() for each in arrays), strict=True))
