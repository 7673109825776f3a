"""Letting old history go: events past their time, and what people wrote in those that stay.

Events that say what still holds (a profile, a contract) stay however old they are: without them a
customer of ten years would be a stranger. Everything happens in the caller's transaction; replaced
files are deleted by a later `features.compaction.sweep`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from features.buckets import read_table, write_buckets
from features.chunks import EventColumns, pack, unpack
from features.holding import hold_history
from features.rows import take
from features.store import Bucket, HistoryStore, buckets, replace_bucket
from features.tables import history_chunks, history_pending, live_events
from governance.instants import to_micros

STAYS = ("cancelled", "plan_changed", "profile", "renewed")
_PAGE = 2_000


class OldHistory(NamedTuple):
    """How many events are older than one instant, and how many texts are older than another."""

    events: int
    texts: int


def count_old(
    conn: Connection,
    store: HistoryStore,
    *,
    events_before: datetime | None,
    texts_before: datetime | None,
) -> OldHistory:
    """Count what `forget_old` would take; None takes nothing."""
    events = texts = 0
    for table in _tables(conn, store, events_before, texts_before):
        going = _going(table, events_before)
        events += int(going.sum())
        texts += int((_silenced(table, texts_before) & ~going).sum())
    where, written = _old_live(events_before), _old_texts(texts_before)
    alone = live_events.c.segment_id.is_(None)  # the others are counted in their file
    if where is not None:
        events += _count(conn, where & alone)
    if written is not None:
        texts += _count(conn, written & alone if where is None else written & alone & ~where)
    return OldHistory(events, texts)


def forget_old(
    conn: Connection,
    store: HistoryStore,
    *,
    events_before: datetime | None,
    texts_before: datetime | None,
    now: datetime,
) -> OldHistory:
    """Let events and texts of before these instants go; gives how many. Again finds nothing."""
    hold_history(conn)
    found = count_old(conn, store, events_before=events_before, texts_before=texts_before)
    if not any(found):
        return found
    for bucket in _near(conn, events_before, texts_before):
        table = read_table(store, bucket.path)
        going, silenced = _going(table, events_before), _silenced(table, texts_before)
        if not (going | silenced).any():
            continue
        left = _without_texts(table, silenced).filter(pa.array(~going))
        new = write_buckets(store, [left], bucket.segment_id) if len(left) else []
        replace_bucket(conn, bucket, new, now=now)
    _forget_chunks(conn, events_before, texts_before)
    where, written = _old_live(events_before), _old_texts(texts_before)
    if where is not None:
        conn.execute(delete(live_events).where(where))
    if written is not None:
        conn.execute(update(live_events).where(written).values(text=None))
    return found


def _tables(
    conn: Connection,
    store: HistoryStore,
    events_before: datetime | None,
    texts_before: datetime | None,
) -> Iterator[pa.Table]:
    for bucket in _near(conn, events_before, texts_before):
        yield read_table(store, bucket.path)


def _near(
    conn: Connection, events_before: datetime | None, texts_before: datetime | None
) -> list[Bucket]:
    bounds = [each for each in (events_before, texts_before) if each is not None]
    return [b for b in buckets(conn) if any(b.first_occurred_at < each for each in bounds)]


def _going(table: pa.Table, before: datetime | None) -> NDArray[np.bool_]:
    if before is None:
        return np.zeros(len(table), np.bool_)
    stays = pc.is_in(table["kind"].cast(pa.string()), pa.array(STAYS))
    return _old(table, before) & ~np.asarray(stays.to_numpy(), np.bool_)


def _silenced(table: pa.Table, before: datetime | None) -> NDArray[np.bool_]:
    if before is None:
        return np.zeros(len(table), np.bool_)
    return _old(table, before) & np.asarray(pc.is_valid(table["text"]).to_numpy(), np.bool_)


def _old(table: pa.Table, before: datetime) -> NDArray[np.bool_]:
    return np.asarray(table["occurred_at"].to_numpy() < to_micros(before), np.bool_)


def _without_texts(table: pa.Table, silenced: NDArray[np.bool_]) -> pa.Table:
    place = table.schema.get_field_index("text")
    nothing = pa.scalar(None, table.schema.field(place).type)
    texts = pc.if_else(pa.array(silenced), nothing, table["text"])
    return table.set_column(place, table.schema.field(place), texts)


def _forget_chunks(
    conn: Connection, events_before: datetime | None, texts_before: datetime | None
) -> None:
    """Go over every customer's chunks, page by page; most hold nothing old and stay untouched."""
    chunks = history_chunks.c
    key = (chunks.customer_id, chunks.subject, chunks.segment_id)
    pending = select(history_pending.c.segment_id)
    after: tuple[str, str, str] | None = None
    while True:
        query = select(history_chunks).where(chunks.segment_id.not_in(pending))
        if after is not None:
            query = query.where(_beyond(after))
        page = conn.execute(query.order_by(*key).limit(_PAGE)).all()
        for row in page:
            mine = (
                (chunks.customer_id == row.customer_id)
                & (chunks.subject == row.subject)
                & (chunks.segment_id == row.segment_id)
            )
            left = _chunk_without(unpack(row.payload), events_before, texts_before)
            if left is None:
                conn.execute(delete(history_chunks).where(mine))
            elif left:
                conn.execute(update(history_chunks).where(mine).values(payload=left))
        if len(page) < _PAGE:
            return
        after = (page[-1].customer_id, page[-1].subject, page[-1].segment_id)


def _beyond(after: tuple[str, str, str]) -> ColumnElement[bool]:
    chunks = history_chunks.c
    customer, subject, segment = after
    same = chunks.customer_id == customer
    return (
        (chunks.customer_id > customer)
        | (same & (chunks.subject > subject))
        | (same & (chunks.subject == subject) & (chunks.segment_id > segment))
    )


def _chunk_without(
    columns: EventColumns, events_before: datetime | None, texts_before: datetime | None
) -> bytes | None:
    """Pack what is left of a chunk: None where nothing is, no bytes where nothing changes."""
    keep = np.ones(len(columns), np.bool_)
    if events_before is not None:
        stays = np.array([kind in STAYS for kind in columns.kinds], np.bool_)[columns.kind]
        keep = (columns.occurred_at >= to_micros(events_before)) | stays
    texts = columns.strings.get("text")
    silenced = np.zeros(len(columns), np.bool_)
    if texts_before is not None and texts is not None:
        written = np.array([each is not None for each in texts], np.bool_)
        silenced = written & (columns.occurred_at < to_micros(texts_before))
    if keep.all() and not silenced.any():
        return b""
    if not keep.any():
        return None
    if texts is not None:
        columns.strings["text"] = [
            None if gone else each for each, gone in zip(texts, silenced, strict=True)
        ]
    return pack(take(columns, np.flatnonzero(keep)))


def _old_live(before: datetime | None) -> ColumnElement[bool] | None:
    if before is None:
        return None
    return (live_events.c.occurred_at < to_micros(before)) & live_events.c.kind.not_in(STAYS)


def _old_texts(before: datetime | None) -> ColumnElement[bool] | None:
    if before is None:
        return None
    return (live_events.c.occurred_at < to_micros(before)) & live_events.c.text.is_not(None)


def _count(conn: Connection, where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(live_events).where(where)
    return int(conn.execute(query).scalar_one())
