"""The Parquet side of history: immutable segments of bucket files, listed in a manifest.

A file is written aside, made durable and renamed; it counts only while `history_buckets` names it.
A bucket holds a range of customers of one kind of subject. Its rows are sorted by customer,
`occurred_at`, `known_at` and digest.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from features.tables import history_buckets, history_retired, history_segments

SEGMENT_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("customer_id", pa.string()),
        ("kind", pa.string()),
        ("event_id", pa.string()),
        ("occurrence", pa.int32()),
        ("occurred_at", pa.int64()),
        ("known_at", pa.int64()),
        ("value_micros", pa.int64()),
        ("currency", pa.string()),
        ("text", pa.string()),
        ("properties", pa.string()),
        ("corrects", pa.string()),
        ("retracts", pa.string()),
        ("digest_high", pa.uint64()),
        ("digest_low", pa.uint64()),
    ]
)
"""Columns of every bucket; instants in µs since 1970 UTC, values in millionths.

In the file `known_at` is null where it equals `occurred_at`.
"""


@dataclass(frozen=True)
class HistoryStore:
    """The folder that holds a home's segments."""

    root: Path

    def path_of(self, name: str) -> Path:
        """Where the bucket file `name` lies."""
        return self.root / name

    def temporary(self, name: str) -> Path:
        """Where `name` is written before `publish` renames it; the folder is made if needed."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / f".{name}.writing"

    @property
    def scratch(self) -> Path:
        """Where an import may put what does not fit into memory."""
        return self.root / ".scratch"

    def publish(self, name: str) -> Path:
        """Make what was written to `temporary(name)` durable under its final name."""
        written, final = self.temporary(name), self.path_of(name)
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(final)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return final


class Segment(NamedTuple):
    """Where the rows of some buckets came from: one import, one compaction, or a merge of such."""

    segment_id: str
    kind: str
    source: str
    source_hash: str
    created_at: datetime


class Bucket(NamedTuple):
    """One file of a segment, as the manifest knows it.

    `subject`, `first_customer` and `last_customer` are None for a file of an older version, which
    may hold any; what it does hold, its own statistics say.
    """

    path: str
    segment_id: str
    subject: str | None
    first_customer: str | None
    last_customer: str | None
    rows: int
    versions: int
    first_occurred_at: datetime
    last_occurred_at: datetime
    first_known_at: datetime
    last_known_at: datetime

    def may_hold(self, subject: str, customer_id: str) -> bool:
        """Whether rows of this one can be in here."""
        if self.subject is not None and self.subject != subject:
            return False
        if self.first_customer is None or self.last_customer is None:
            return True
        return self.first_customer <= customer_id <= self.last_customer


def segments(conn: Connection) -> list[Segment]:
    """List the segments that count, oldest first."""
    order = (history_segments.c.created_at, history_segments.c.segment_id)
    found = conn.execute(select(history_segments).order_by(*order))
    return [Segment(**row) for row in found.mappings()]


def buckets(conn: Connection, subject: str | None = None) -> list[Bucket]:
    """List the files that count: by segment, oldest first, in the order of their customers.

    With a `subject` only those that may hold rows of it.
    """
    age = {segment.segment_id: k for k, segment in enumerate(segments(conn))}
    found = [Bucket(*row) for row in conn.execute(select(history_buckets))]
    if subject is not None:
        found = [bucket for bucket in found if bucket.subject in (None, subject)]
    return sorted(
        found, key=lambda b: (age[b.segment_id], b.subject or "", b.first_customer or "", b.path)
    )


def register(conn: Connection, segment: Segment, files: Sequence[Bucket]) -> None:
    """Make a published segment count, from the commit of this transaction on."""
    conn.execute(history_segments.insert(), [segment._asdict()])
    conn.execute(history_buckets.insert(), [bucket._asdict() for bucket in files])


def replace_bucket(conn: Connection, old: Bucket, new: Sequence[Bucket], *, now: datetime) -> None:
    """Let `new` files count in an old one's place; a segment without any goes altogether."""
    conn.execute(delete(history_buckets).where(history_buckets.c.path == old.path))
    conn.execute(insert(history_retired).values(path=old.path, retired_at=now))
    if new:
        conn.execute(history_buckets.insert(), [bucket._asdict() for bucket in new])
        return
    own = history_buckets.c.segment_id == old.segment_id
    if conn.execute(select(history_buckets.c.path).where(own)).first() is None:
        gone = history_segments.c.segment_id == old.segment_id
        conn.execute(delete(history_segments).where(gone))


def digest_halves(digests: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Split 16-byte digests into two numbers each, as segments hold them."""
    halves = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)
    return halves[:, 0], halves[:, 1]
