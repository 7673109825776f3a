"""Keeping the Parquet side in step: live events copied into a segment, replaced files removed."""

import shutil
import uuid
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, select, update

from features.store import (
    SEGMENT_SCHEMA,
    HistoryStore,
    Segment,
    digest_halves,
    hold_history,
    register,
    segments,
)
from features.tables import history_retired, live_events
from governance.instants import from_micros

_TEMPORARY = ".writing"


class Compaction(NamedTuple):
    """How many live events were copied, and into which segment; None when there were none."""

    events: int
    segment_id: str | None


def compact(conn: Connection, store: HistoryStore, *, now: datetime) -> Compaction:
    """Copy live events that no segment holds yet into a new one; removes nothing.

    `conn` is in a write transaction: the segment counts from its commit on. Online reads keep
    using the live rows, batch reads the segment.
    """
    hold_history(conn)
    segment_id = uuid.uuid4().hex
    own = live_events.c.segment_id
    conn.execute(update(live_events).where(own.is_(None)).values(segment_id=segment_id))
    rows = conn.execute(select(live_events).where(own == segment_id)).mappings().all()
    if not rows:
        return Compaction(0, None)
    high, low = digest_halves([row["digest"] for row in rows])
    halves = [{"digest_high": int(high[k]), "digest_low": int(low[k])} for k in range(len(rows))]
    table = pa.Table.from_pylist(
        [{**row, **half} for row, half in zip(rows, halves, strict=True)], schema=SEGMENT_SCHEMA
    )
    segment = write_segment(
        store, table, segment_id=segment_id, kind="compaction", source="live", now=now
    )
    register(conn, segment)
    return Compaction(len(rows), segment_id)


def write_segment(
    store: HistoryStore,
    table: pa.Table,
    *,
    segment_id: str,
    kind: str,
    source: str,
    now: datetime,
    source_hash: str = "",
) -> Segment:
    """Write a table of `SEGMENT_SCHEMA` as a durable segment file and describe it.

    Rows are sorted first. The file counts once `features.store.register` has named it.
    """
    keys = ("subject", "customer_id", "occurred_at", "known_at", "digest_high", "digest_low")
    ordered = table.sort_by([(key, "ascending") for key in (*keys, "occurrence")])
    name = f"{segment_id}.{uuid.uuid4().hex[:8]}.parquet"
    pq.write_table(ordered, store.temporary(name), compression="zstd")
    store.publish(name)
    occurred, known = pc.min_max(table["occurred_at"]), pc.min_max(table["known_at"])
    pointing = pc.or_(pc.is_valid(table["corrects"]), pc.is_valid(table["retracts"]))
    return Segment(
        segment_id=segment_id,
        path=name,
        kind=kind,
        source=source,
        source_hash=source_hash,
        rows=len(table),
        first_occurred_at=from_micros(occurred["min"].as_py()),
        last_occurred_at=from_micros(occurred["max"].as_py()),
        first_known_at=from_micros(known["min"].as_py()),
        last_known_at=from_micros(known["max"].as_py()),
        versions=int(pc.sum(pointing).as_py() or 0),
        created_at=now,
    )


def sweep(conn: Connection, store: HistoryStore) -> list[str]:
    """Delete files that nothing names any more: replaced segments, and what a crash left behind.

    `conn` is in a new write transaction, after the replacing commit; nothing is imported,
    compacted or erased meanwhile. What a killed import left holds people's data like any other
    file: an erasure must not overlook it. Gives the names of the deleted files.
    """
    hold_history(conn)
    retired = list(conn.execute(select(history_retired.c.path)).scalars())
    left = strays(conn, store)
    for name in (*retired, *left):
        store.path_of(name).unlink(missing_ok=True)
    if store.scratch.is_dir():
        shutil.rmtree(store.scratch, ignore_errors=True)
    conn.execute(delete(history_retired).where(history_retired.c.path.in_(retired)))
    return [*retired, *left]


def strays(conn: Connection, store: HistoryStore) -> list[str]:
    """List files in the store that no manifest line names: what a crash left behind.

    While something is being imported, compacted or erased its files are among them; `sweep` waits.
    """
    if not store.root.is_dir():
        return []
    known = {segment.path for segment in segments(conn)}
    known |= set(conn.execute(select(history_retired.c.path)).scalars())
    found = (path.name for path in store.root.iterdir() if path.is_file())
    return sorted(
        name for name in found if name not in known and name.endswith((".parquet", _TEMPORARY))
    )
