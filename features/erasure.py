"""One person's data on this floor: taken out whole, or handed over whole."""

from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, insert, select, update

from features.chunks import unpack
from features.compaction import write_segment
from features.history import read_everything_of
from features.store import SEGMENT_SCHEMA, HistoryStore, Segment, hold_history, segments
from features.tables import (
    customers,
    given_labels,
    history_chunks,
    history_retired,
    history_segments,
    live_events,
    protected_attributes,
)
from governance.instants import to_text


class Erased(NamedTuple):
    """What an erasure removed: events, and how many segment files it had to rewrite."""

    events: int
    segments: int


def erase_customer(conn: Connection, store: HistoryStore, customer_id: str) -> Erased:
    """Remove everything this floor holds about one person; doing it twice changes nothing.

    `conn` is in a write transaction. Only segments that hold the person are rewritten; the old
    files stay until `features.compaction.sweep` runs after the commit, so that a crash in between
    loses nothing and revives no one: no read uses them any more.
    """
    hold_history(conn)
    chunks, live = history_chunks.c, live_events.c
    packed = conn.execute(
        select(chunks.segment_id, chunks.payload).where(chunks.customer_id == customer_id)
    ).all()
    copied = (
        conn.execute(select(live.segment_id).where(live.customer_id == customer_id)).scalars().all()
    )
    concerned = {row.segment_id for row in packed} | {each for each in copied if each is not None}
    for segment in segments(conn):
        if segment.segment_id in concerned:
            _rewrite(conn, store, segment, customer_id)
    for table in (history_chunks, live_events, customers, protected_attributes, given_labels):
        conn.execute(delete(table).where(table.c.customer_id == customer_id))
    events = sum(len(unpack(row.payload)) for row in packed) + len(copied)
    return Erased(events, len(concerned))


def export_customer(conn: Connection, customer_id: str) -> dict[str, Any]:
    """Give everything this floor holds about one person, ready for JSON.

    `events` holds every version in the order things happened; `protected_attributes` and
    `given_labels` what is kept apart. The caller has checked who is asking.
    """
    attributes, labels = protected_attributes.c, given_labels.c
    stated = conn.execute(
        select(attributes.name, attributes.value)
        .where(attributes.customer_id == customer_id)
        .order_by(attributes.name)
    )
    given = conn.execute(
        select(labels.target, labels.as_of, labels.value)
        .where(labels.customer_id == customer_id)
        .order_by(labels.target, labels.as_of)
    )
    return {
        "events": read_everything_of(conn, customer_id),
        "protected_attributes": {row.name: row.value for row in stated},
        "given_labels": [
            {"target": target, "as_of": to_text(as_of), "value": value}
            for target, as_of, value in given
        ],
    }


def _rewrite(conn: Connection, store: HistoryStore, segment: Segment, customer_id: str) -> None:
    """Put a file without the person in a segment's place; an emptied segment goes altogether."""
    table = pq.read_table(store.path_of(segment.path), schema=SEGMENT_SCHEMA)
    keep = pc.not_equal(table["customer_id"], customer_id)
    kept: pa.Table = table.filter(keep)
    lines = history_segments.c.segment_id == segment.segment_id
    if len(kept):
        written = write_segment(
            store,
            kept,
            segment_id=segment.segment_id,
            kind=segment.kind,
            source=segment.source,
            now=segment.created_at,
            source_hash=segment.source_hash,
        )
        conn.execute(update(history_segments).where(lines).values(**written._asdict()))
    else:
        conn.execute(delete(history_segments).where(lines))
    conn.execute(insert(history_retired).values(path=segment.path))
