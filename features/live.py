"""Events that arrive one by one: appended to the operational database under their identity."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Row, bindparam, or_, select

from features.chunks import STRING_COLUMNS, EventColumns, unpack
from features.events import (
    MISSING,
    RESERVED,
    RESERVED_PREFIXES,
    Event,
    canonical_properties,
    content_digest,
    event_name,
)
from features.holding import join_intake
from features.store import SEGMENT_SCHEMA, digest_halves
from features.tables import customers, history_chunks, history_pending, insert_new, live_events
from governance.instants import from_micros, to_micros

Outcome = Literal["written", "duplicate", "conflict"]
Identity = tuple[str, str, str, str]  # subject, customer, kind, event name


def append(conn: Connection, events: Sequence[Event]) -> list[Outcome]:
    """Write events under their identity; one outcome per event, in order.

    An event whose identity exists with the same content is a `duplicate` and one with other
    content a `conflict`; neither is written. Without an id, identity is the content and how often
    it came up to now in this very call, so that a repeated call writes nothing new. The caller
    stamps `known_at` and holds the customers' locks.
    """
    join_intake(conn)
    rows = as_rows(events)
    known = _known_identities(conn, {row["customer_id"] for row in rows})
    outcomes: list[Outcome] = []
    new = []
    for row in rows:
        identity = (row["subject"], row["customer_id"], row["kind"], row["event_name"])
        before = known.get(identity)
        if before is None:
            known[identity] = row["digest"]
            new.append(row)
            outcomes.append("written")
        else:
            outcomes.append("duplicate" if before == row["digest"] else "conflict")
    if new:
        insert_new(conn, customers, [_customer(row) for row in new])
        conn.execute(live_events.insert(), new)
    return outcomes


def as_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Turn events into rows of `live_events`, each with its digest, occurrence and name."""
    seen: Counter[tuple[str, str, bytes]] = Counter()
    rows = []
    for event in events:
        digest = content_digest(event)
        occurrence = 1
        if event.event_id is None:
            seen[(event.subject, event.customer_id, digest)] += 1
            occurrence = seen[(event.subject, event.customer_id, digest)]
        rows.append(_row(event, digest, occurrence))
    return rows


_WAITING = select(
    *(live_events.c[field.name] for field in SEGMENT_SCHEMA if field.name in live_events.c),
    live_events.c.digest,
).where(live_events.c.segment_id.is_(None))


def live_table(
    conn: Connection, subject: str | None = None, *, known_until: int | None = None
) -> pa.Table:
    """Give the live events that are in no segment yet as a table of `SEGMENT_SCHEMA`, unsorted.

    Of one kind of subject, or of all; up to and with those known at `known_until` (µs), or all.
    """
    query = _WAITING
    if subject is not None:
        query = query.where(live_events.c.subject == subject)
    if known_until is not None:
        query = query.where(live_events.c.known_at <= known_until)
    cursor = conn.execute(query).cursor
    assert cursor is not None
    rows = cursor.fetchall()  # plain tuples: there may be many
    if not rows:
        return SEGMENT_SCHEMA.empty_table()
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    high, low = digest_halves(columns.pop())
    names = [field.name for field in SEGMENT_SCHEMA if field.name in live_events.c]
    given = dict(zip(names, columns, strict=True)) | {"digest_high": high, "digest_low": low}
    return pa.table(
        [pa.array(given[field.name], field.type) for field in SEGMENT_SCHEMA],
        schema=SEGMENT_SCHEMA,
    )


OWN_ACT = or_(
    *(live_events.c.kind == kind for kind in sorted(RESERVED)),
    *(live_events.c.kind.startswith(prefix, autoescape=True) for prefix in RESERVED_PREFIXES),
)
"""Says of a row of `live_events` whether Keepwell wrote it about its own act."""

CUSTOMER_EVENTS = select(live_events).where(
    live_events.c.customer_id == bindparam("customer"),
    live_events.c.subject == bindparam("whose_subject"),
)
"""Brings in one customer's live events by the primary key."""


def to_columns(rows: Sequence[Row[Any] | SimpleNamespace]) -> EventColumns:
    """Turn rows of `live_events` into columns, in the same order."""
    by_name = {name: list(map(attrgetter(name), rows)) for name in _READ}
    kinds = tuple(sorted(set(by_name["kind"])))
    place = {kind: code for code, kind in enumerate(kinds)}
    return EventColumns(
        kinds=kinds,
        kind=np.array([place[kind] for kind in by_name["kind"]], np.int16),
        occurred_at=np.array(by_name["occurred_at"], np.int64),
        known_at=np.array(by_name["known_at"], np.int64),
        value_micros=np.array(
            [MISSING if value is None else value for value in by_name["value_micros"]], np.int64
        ),
        digests=np.frombuffer(b"".join(by_name["digest"]), ">u8").astype(np.uint64).reshape(-1, 2),
        occurrence=np.array(by_name["occurrence"], np.int32),
        strings={
            name: by_name[name]
            for name in STRING_COLUMNS
            if any(text is not None for text in by_name[name])
        },
    )


_READ = ("kind", "occurred_at", "known_at", "value_micros", "digest", "occurrence", *STRING_COLUMNS)


def _row(event: Event, digest: bytes, occurrence: int) -> dict[str, Any]:
    value = event.value_micros
    return {
        "customer_id": event.customer_id,
        "subject": event.subject,
        "kind": event.kind,
        "event_name": event_name(event.event_id, digest, occurrence),
        "event_id": event.event_id,
        "occurrence": occurrence,
        "occurred_at": to_micros(event.occurred_at),
        "known_at": to_micros(event.known_at),
        "value_micros": None if value == MISSING else value,
        "currency": event.currency,
        "text": event.text,
        "properties": canonical_properties(event.properties),
        "corrects": event.corrects,
        "retracts": event.retracts,
        "digest": digest,
        "segment_id": None,
    }


def _customer(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": row["customer_id"],
        "subject": row["subject"],
        "first_known_at": from_micros(row["known_at"]),
    }


def _known_identities(conn: Connection, ids: set[str]) -> dict[Identity, bytes]:
    found: dict[Identity, bytes] = {}
    for some in _in_parts(sorted(ids)):
        events = live_events.c
        query = select(
            events.subject, events.customer_id, events.kind, events.event_name, events.digest
        ).where(events.customer_id.in_(some))
        for subject, customer_id, kind, name, digest in conn.execute(query):
            found[(subject, customer_id, kind, name)] = digest
        chunks = history_chunks.c
        packed = select(chunks.subject, chunks.customer_id, chunks.payload).where(
            chunks.customer_id.in_(some),
            chunks.segment_id.not_in(select(history_pending.c.segment_id)),
        )
        for subject, customer_id, payload in conn.execute(packed):
            for kind, name, digest in _names(unpack(payload)):
                found[(subject, customer_id, kind, name)] = digest
    return found


def _names(columns: EventColumns) -> Iterator[tuple[str, str, bytes]]:
    ids = columns.strings.get("event_id") or [None] * len(columns)
    digests = columns.digests.astype(">u8")
    for k, event_id in enumerate(ids):
        digest = digests[k].tobytes()
        kind = columns.kinds[columns.kind[k]]
        yield kind, event_name(event_id, digest, int(columns.occurrence[k])), digest


def _in_parts(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
