"""One customer's rows from the operational database: chunks by one indexed read, then live events.

The database holds every event, whatever is in files besides.
"""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import (
    Connection,
    LargeBinary,
    bindparam,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
    union_all,
)

from features.chunks import EventColumns, join, unpack
from features.live import CUSTOMER_EVENTS, to_columns
from features.rows import Rows, end_to_end, in_order, no_rows, put_in_order
from features.tables import history_chunks, history_pending, identity_links, live_events


def customer_rows(conn: Connection, customer_id: str, subject: str) -> Rows:
    """Bring in what was recorded under one id, in order; no customer when there is nothing."""
    return _rows(conn, customer_id, subject)[0]


def rows_and_links(conn: Connection, customer_id: str) -> tuple[Rows, bool]:
    """Bring in a customer's own rows, and whether the id was ever linked to another.

    The same single read tells both.
    """
    return _rows(conn, customer_id, "customer")


def rows_of_many(conn: Connection, ids: Iterable[str], subject: str) -> Rows:
    """Bring in what was recorded under several ids, in the order of the ids."""
    return end_to_end([customer_rows(conn, each, subject) for each in sorted(ids)])


def ordered(rows: Rows) -> Rows:
    """Sort each customer's rows where they are not sorted yet."""
    return rows if in_order(rows) else put_in_order(rows)


def _rows(conn: Connection, customer_id: str, subject: str) -> tuple[Rows, bool]:
    whose = {"customer": customer_id, "whose_subject": subject}
    query = _CUSTOMER if subject == "customer" else _OTHERS
    found = list(conn.execute(query, whose).scalars())
    linked = None in found
    parts: list[EventColumns] = [unpack(payload) for payload in found if payload]
    if _LIVE in found or not parts:
        parts.append(to_columns(conn.execute(CUSTOMER_EVENTS, whose).all()))
    columns = join(parts)
    if not len(columns):
        return no_rows(), linked
    offsets = np.array([0, len(columns)])
    return ordered(Rows(np.array([customer_id], np.object_), offsets, columns)), linked


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
_LIVE = b""

_ANY_LIVE = select(literal(_LIVE, LargeBinary)).where(_IS_LIVE)
_ANY_LINK = select(cast(null(), LargeBinary)).where(_LINKED)
_OTHERS = union_all(_CHUNKS, _ANY_LIVE)
_CUSTOMER = union_all(_CHUNKS, _ANY_LIVE, _ANY_LINK)
"""The chunks; one empty line more for someone with live events, one without a value for someone
who is or was linked: so that most people take one question.
"""
