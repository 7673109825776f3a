"""One person's data on this floor: taken out whole, or handed over whole."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select

from features.accounts import Membership, forget_memberships, memberships_around
from features.chunks import unpack
from features.history import read_everything_of
from features.holding import hold_history
from features.links import Link, direct_links, forget_links
from features.pruning import prune_bucket
from features.store import HistoryStore, buckets, replace_bucket
from features.tables import (
    customers,
    given_labels,
    history_chunks,
    history_pending,
    live_events,
    protected_attributes,
)
from governance.instants import to_text


class Erased(NamedTuple):
    """What an erasure removed: events, and how many files it had to rewrite."""

    events: int
    files: int


def erase_customer(
    conn: Connection, store: HistoryStore, customer_id: str, *, now: datetime
) -> Erased:
    """Remove everything this floor holds about one person; doing it twice changes nothing.

    `conn` is in a write transaction. Only files that hold the person are rewritten; the old ones
    stay until `features.compaction.sweep` runs after the commit, so that a crash in between loses
    nothing and revives no one: no read uses them any more.
    """
    hold_history(conn)
    packed = conn.execute(
        select(history_chunks.c.payload).where(
            history_chunks.c.customer_id == customer_id,
            history_chunks.c.segment_id.not_in(select(history_pending.c.segment_id)),
        )
    ).scalars()
    events = sum(len(unpack(payload)) for payload in packed)
    events += len(
        conn.execute(
            select(live_events.c.kind).where(live_events.c.customer_id == customer_id)
        ).all()
    )
    files = 0
    for bucket in buckets(conn):
        left = prune_bucket(store, bucket, {customer_id: None})
        if left is not None:
            replace_bucket(conn, bucket, left, now=now)
            files += 1
    for table in (history_chunks, live_events, customers, protected_attributes, given_labels):
        conn.execute(delete(table).where(table.c.customer_id == customer_id))
    forget_links(conn, customer_id)
    forget_memberships(conn, customer_id)
    return Erased(events, files)


def export_customer(conn: Connection, customer_id: str) -> dict[str, Any]:
    """Give everything this floor holds about one person, ready for JSON.

    `events` holds every version in the order things happened, `links` and `accounts` what joins
    the id to others; `protected_attributes` and `given_labels` what is kept apart. The caller has
    checked who is asking.
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
        "links": [_plain(link) for link in direct_links(conn, customer_id)],
        "accounts": [
            _plain(each)
            for each in memberships_around(conn, [customer_id])
            if each.customer == customer_id
        ],
        "protected_attributes": {row.name: row.value for row in stated},
        "given_labels": [
            {"target": target, "as_of": to_text(as_of), "value": value}
            for target, as_of, value in given
        ],
    }


def _plain(record: Link | Membership) -> dict[str, Any]:
    return {
        name: to_text(each) if isinstance(each, datetime) else each
        for name, each in record._asdict().items()
    }
