"""Keeping the Parquet side in step: live events copied into segments, small segments merged.

`tidy` does it all; the service calls it once a day or when much has come in, people with
`keepwell compact`.
"""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, delete, func, select, update

from features.buckets import read_span, sort_rows, write_buckets
from features.events import SUBJECTS
from features.holding import Transactions, held, hold_history
from features.live import live_table
from features.ranges import EVENTS_PER_RANGE, spans_of
from features.store import Bucket, HistoryStore, Segment, buckets, register, segments
from features.tables import (
    history_buckets,
    history_chunks,
    history_pending,
    history_retired,
    history_segments,
    live_events,
)
from governance.instants import from_micros

AT_ONCE = 100_000
"""How many live events one transaction copies."""

READERS_GRACE = timedelta(hours=1)
"""How long merged files stay for those who are still reading them."""

_TEMPORARY = ".writing"
_FAN = 4
_SMALLEST_TIER = 10_000


class Compaction(NamedTuple):
    """How many live events were copied, and into which segment; None when there were none."""

    events: int
    segment_id: str | None


class Tidied(NamedTuple):
    """What `tidy` did: events copied, how many segments there were and are, files deleted."""

    events: int
    segments_before: int
    segments_after: int
    swept: int


class Tail(NamedTuple):
    """Live events that no segment holds yet: how many, and since when the oldest is known."""

    events: int
    since: datetime | None


def tidy(
    database: Transactions, store: HistoryStore, *, now: datetime, wait: bool = True
) -> Tidied | None:
    """Copy what came in live into a segment, merge small segments, delete what was replaced.

    None if an import or another `tidy` is under way and `wait` is false. Intake and reads go on.
    """
    with held(store, wait=wait) as mine:
        if not mine:
            return None
        with database.read() as conn:
            before = len(segments(conn))
        events = 0
        while True:
            with database.write() as conn:
                done = compact(conn, store, now=now, at_most=AT_ONCE)
            events += done.events
            if not done.events:
                break
        while merge_segments(database, store, now=now):
            pass
        with database.read() as conn:
            after = len(segments(conn))
    with database.write() as conn:
        swept = sweep(conn, store, retired_before=now - READERS_GRACE)
    return Tidied(events, before, after, len(swept))


def waiting(conn: Connection) -> Tail:
    """Say how much came in live that no segment holds yet."""
    own = live_events.c
    query = select(func.count(), func.min(own.known_at)).where(own.segment_id.is_(None))
    events, since = conn.execute(query).one()
    return Tail(events, None if since is None else from_micros(since))


def compact(
    conn: Connection, store: HistoryStore, *, now: datetime, at_most: int | None = None
) -> Compaction:
    """Copy live events that no segment holds yet into a new one; removes nothing.

    `conn` is in a write transaction: the segment counts from its commit on. Online reads keep
    using the live rows, batch reads the segment. `at_most` takes the earliest known first; those
    known at the same instant come together.
    """
    hold_history(conn)
    own = live_events.c
    until = None
    if at_most is not None:
        known = select(own.known_at).where(own.segment_id.is_(None)).order_by(own.known_at)
        until = conn.execute(known.offset(at_most - 1).limit(1)).scalar()
    table = sort_rows(live_table(conn, known_until=until))
    if not len(table):
        return Compaction(0, None)
    segment_id = uuid.uuid4().hex
    segment = Segment(segment_id, "compaction", "live", "", now)
    register(conn, segment, write_buckets(store, [table], segment_id))
    copied = update(live_events).where(own.segment_id.is_(None)).values(segment_id=segment_id)
    conn.execute(copied if until is None else copied.where(own.known_at <= until))
    return Compaction(len(table), segment_id)


def merge_segments(database: Transactions, store: HistoryStore, *, now: datetime) -> bool:
    """Merge some segments of like size into one, if there are enough; tells whether it did.

    Files of an older version are cut into buckets by the way. Files are written first; then one
    short transaction lets them count, unless an erasure replaced one of the old ones meanwhile:
    nothing is changed then. The caller holds the folder.
    """
    with database.read() as conn:
        old = _to_merge(buckets(conn))
    if not old:
        return False
    segment = Segment(uuid.uuid4().hex, "merge", "history", "", now)
    new = write_buckets(store, _merged(store, old), segment.segment_id)
    with database.write() as conn:
        hold_history(conn)
        if not set(old) <= set(buckets(conn)):
            for bucket in new:
                store.path_of(bucket.path).unlink()
            return False
        _replace(conn, old, segment, new, now)
    return True


def _replace(
    conn: Connection, old: Sequence[Bucket], segment: Segment, new: list[Bucket], now: datetime
) -> None:
    register(conn, segment, new)
    gone = sorted({bucket.segment_id for bucket in old})
    for table in (history_buckets, history_segments):
        conn.execute(delete(table).where(table.c.segment_id.in_(gone)))
    retired = [{"path": bucket.path, "retired_at": now} for bucket in old]
    conn.execute(history_retired.insert(), retired)


def _to_merge(found: Sequence[Bucket]) -> list[Bucket]:
    """Choose segments of one tier, each tier four times the size of the one below."""
    rows: dict[str, int] = {}
    for bucket in found:
        rows[bucket.segment_id] = rows.get(bucket.segment_id, 0) + bucket.rows
    tiers: dict[int, list[str]] = {}
    for segment_id, size in rows.items():
        tiers.setdefault(_tier(size), []).append(segment_id)
    chosen = {bucket.segment_id for bucket in found if bucket.subject is None}
    for _, alike in sorted(tiers.items()):
        if not chosen and len(alike) >= _FAN:
            chosen = set(alike)
    return [bucket for bucket in found if bucket.segment_id in chosen]


def _tier(rows: int) -> int:
    tier = 0
    while rows >= _SMALLEST_TIER:
        rows //= _FAN
        tier += 1
    return tier


def _merged(store: HistoryStore, old: Sequence[Bucket]) -> Iterator[pa.Table]:
    """All rows of some buckets in order, a span of customers at a time."""
    for subject in sorted(SUBJECTS):
        own = [bucket for bucket in old if bucket.subject in (None, subject)]
        for span, _ in spans_of(store, own, subject, EVENTS_PER_RANGE):
            near = [b.path for b in own if span.holds(b.first_customer, b.last_customer)]
            yield sort_rows(pa.concat_tables(read_span(store, near, subject, span)))


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
