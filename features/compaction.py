"""Keeping the Parquet side in step: live events copied into a segment, replaced files removed."""

import shutil
import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from features.buckets import sort_rows, write_buckets
from features.holding import held, hold_history
from features.live import live_table
from features.store import HistoryStore, Segment, buckets, register
from features.tables import history_chunks, history_pending, history_retired, live_events

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
    table = sort_rows(live_table(conn))
    if not len(table):
        return Compaction(0, None)
    segment_id = uuid.uuid4().hex
    own = live_events.c.segment_id
    conn.execute(update(live_events).where(own.is_(None)).values(segment_id=segment_id))
    segment = Segment(segment_id, "compaction", "live", "", now)
    register(conn, segment, write_buckets(store, [table], segment_id))
    return Compaction(len(table), segment_id)


def sweep(
    conn: Connection, store: HistoryStore, *, retired_before: datetime | None = None
) -> list[str]:
    """Delete what nothing names any more: replaced files, and what a crash left behind.

    `conn` is in a new write transaction, after the replacing commit. What a killed import left
    holds people's data like any other file: an erasure must not overlook it. While something is
    being imported, compacted or merged its files are left alone. With `retired_before` files that
    were replaced later stay, so that a long read ends in peace. Gives the names of deleted files.
    """
    hold_history(conn)
    query = select(history_retired.c.path)
    if retired_before is not None:
        query = query.where(history_retired.c.retired_at < retired_before)
    gone = list(conn.execute(query).scalars())
    with held(store, wait=False) as mine:
        if mine:
            gone += strays(conn, store)
            _forget_unpublished(conn)
            shutil.rmtree(store.scratch, ignore_errors=True)
        conn.execute(delete(history_retired).where(history_retired.c.path.in_(gone)))
        for name in gone:
            store.path_of(name).unlink(missing_ok=True)
    return gone


def _forget_unpublished(conn: Connection) -> None:
    """Delete the chunks of imports that were killed before they published."""
    unpublished = list(conn.execute(select(history_pending.c.segment_id)).scalars())
    if unpublished:
        own = history_chunks.c.segment_id.in_(unpublished)
        conn.execute(delete(history_chunks).where(own))
        conn.execute(delete(history_pending))


def strays(conn: Connection, store: HistoryStore) -> list[str]:
    """List files in the store that no manifest line names: what a crash left behind.

    While something is being imported, compacted or merged its files are among them.
    """
    if not store.root.is_dir():
        return []
    known = {bucket.path for bucket in buckets(conn)}
    known |= set(conn.execute(select(history_retired.c.path)).scalars())
    found = (path.name for path in store.root.iterdir() if path.is_file())
    return sorted(
        name for name in found if name not in known and name.endswith((".parquet", _TEMPORARY))
    )
