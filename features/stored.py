"""One customer's rows from the operational database: chunks by one indexed read, then live events.

The database holds every event, whatever is in files besides.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    bindparam,
    cast,
    exists,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
)

from features.chunks import EventColumns, join, unpack_many
from features.live import CUSTOMER_EVENTS, OWN_ACT, to_columns
from features.rows import Rows, end_to_end, in_order, no_rows, order_of, put_in_order, take
from features.tables import history_chunks, history_pending, identity_links, live_events


def customer_rows(conn: Connection, customer_id: str, subject: str) -> Rows:
    """Bring in what was recorded under one id, in order; no customer when there is nothing."""
    return _rows(conn, customer_id, subject)[0]


def rows_and_links(
    conn: Connection, customer_id: str, *, own_acts: bool = True
) -> tuple[Rows, bool]:
    """Bring in a customer's own rows, and whether the id was ever linked to another.

    The same single read tells both. Without `own_acts` there may be none of those.
    """
    return _rows(conn, customer_id, "customer", own_acts=own_acts)


def rows_of_many(conn: Connection, ids: Iterable[str], subject: str) -> Rows:
    """Bring in what was recorded under several ids, in the order of the ids."""
    return end_to_end([customer_rows(conn, each, subject) for each in sorted(ids)])


def rows_of_customers(conn: Connection, customer_ids: Iterable[str]) -> Rows:
    """Bring in what was recorded under each of several ids, in two reads for all of them.

    Row for row what `customer_rows` brings in one after the other; ids without any are left out.
    """
    ids = sorted(set(customer_ids))
    whose: list[str] = []
    payloads: list[bytes] = []
    live: list[Row[Any]] = []
    for some in _slices(ids):
        for customer_id, payload in conn.execute(_CHUNKS_OF_MANY, {"some": some}):
            whose.append(customer_id)
            payloads.append(payload)
        live += conn.execute(_LIVE_OF_MANY, {"some": some}).all()
    parts: list[EventColumns] = []
    sizes: list[int] = []
    if payloads:
        stored, counts = unpack_many(payloads)
        parts.append(stored)
        sizes += counts.tolist()
    if live:
        parts.append(to_columns(live))
        whose += [row.customer_id for row in live]
        sizes += [1] * len(live)
    if not parts:
        return no_rows()
    return _grouped(whose, sizes, join(parts))


def _grouped(whose: list[str], sizes: list[int], columns: EventColumns) -> Rows:
    """Sort runs of events, each of `sizes` of one customer, by customer and then in order."""
    known = sorted(set(whose))
    place = {customer_id: k for k, customer_id in enumerate(known)}
    customer = np.repeat([place[each] for each in whose], sizes)
    counts = np.bincount(customer, minlength=len(known))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Rows(np.array(known, np.object_), offsets, take(columns, order_of(columns, customer)))


def ordered(rows: Rows) -> Rows:
    """Sort each customer's rows where they are not sorted yet."""
    return rows if in_order(rows) else put_in_order(rows)


def _rows(
    conn: Connection, customer_id: str, subject: str, *, own_acts: bool = True
) -> tuple[Rows, bool]:
    whose = {"customer": customer_id, "whose_subject": subject}
    query = _OTHERS
    if subject == "customer":
        query = _CUSTOMER if own_acts else _CUSTOMER_ALONE
    found = list(conn.execute(query, whose).scalars())
    linked = None in found
    payloads = [payload for payload in found if payload not in (None, _LIVE)]
    parts = [unpack_many(payloads)[0]] if payloads else []
    if _LIVE in found or not parts:
        parts.append(to_columns(conn.execute(CUSTOMER_EVENTS, whose).all()))
    columns = join(parts)
    if not len(columns):
        return no_rows(), linked
    offsets = np.array([0, len(columns)])
    return ordered(Rows(np.array([customer_id], np.object_), offsets, columns)), linked


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _SLICE] for start in range(0, len(ids), _SLICE))


_SLICE = 500
_CHUNKS_OF_MANY = select(history_chunks.c.customer_id, history_chunks.c.payload).where(
    history_chunks.c.customer_id.in_(bindparam("some", expanding=True)),
    history_chunks.c.subject == "customer",
    history_chunks.c.segment_id.not_in(select(history_pending.c.segment_id)),
)
_LIVE_OF_MANY = (
    select(live_events)
    .where(
        live_events.c.customer_id.in_(bindparam("some", expanding=True)),
        live_events.c.subject == "customer",
    )
    .order_by(live_events.c.customer_id)
)
_CHUNKS = select(history_chunks.c.payload).where(
    history_chunks.c.customer_id == bindparam("customer"),
    history_chunks.c.subject == bindparam("whose_subject"),
    history_chunks.c.segment_id.not_in(select(history_pending.c.segment_id)),
)

_LINKED = exists().where(
    or_(
        identity_links.c.keep_id == bindparam("customer"),
        identity_links.c.other_id == bindparam("customer"),
    )
)
_IS_LIVE = exists().where(
    live_events.c.customer_id == bindparam("customer"),
    live_events.c.subject == bindparam("whose_subject"),
)
_LIVE = b"live"

_ANY_LIVE = select(literal(_LIVE, LargeBinary)).where(_IS_LIVE)
_ANY_OF_THE_WORLD = select(literal(_LIVE, LargeBinary)).where(_IS_LIVE.where(not_(OWN_ACT)))
_ANY_LINK = select(cast(null(), LargeBinary)).where(_LINKED)
_OTHERS = union_all(_CHUNKS, _ANY_LIVE)
_CUSTOMER = union_all(_CHUNKS, _ANY_LIVE, _ANY_LINK)
_CUSTOMER_ALONE = union_all(_CHUNKS, _ANY_OF_THE_WORLD, _ANY_LINK)
"""The chunks; one line more, `_LIVE`, for someone with live events, one without a value for someone
who is or was linked: so that most people take one question.
"""
