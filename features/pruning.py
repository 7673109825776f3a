"""Taking rows out of files and chunks: someone who was erased, or events that came in meanwhile."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, select, update

from features.buckets import holds_customer, read_table, write_buckets
from features.chunks import EventColumns, pack, unpack
from features.events import SUBJECTS
from features.rows import take
from features.store import Bucket, HistoryStore
from features.tables import history_chunks

Version = tuple[str, str, int, int, int]  # subject, kind, digest in two halves, occurrence
Doomed = Mapping[str, frozenset[Version] | None]
"""What must go, by customer; None: all there is."""


def prune_bucket(store: HistoryStore, bucket: Bucket, doomed: Doomed) -> list[Bucket] | None:
    """Write what is left of a file as new files; None when it holds nothing that must go.

    The caller lets them count in the old one's place.
    """
    near = [
        customer_id
        for customer_id in doomed
        if any(bucket.may_hold(subject, customer_id) for subject in SUBJECTS)
    ]
    if not any(holds_customer(store, bucket.path, customer_id) for customer_id in near):
        return None
    table = read_table(store, bucket.path)
    places = np.flatnonzero(pc.is_in(table["customer_id"], pa.array(near, pa.string())))
    theirs = table.take(pa.array(places)).to_pylist()
    keep = np.ones(len(table), np.bool_)
    for place, row in zip(places, theirs, strict=True):
        versions = doomed[row["customer_id"]]
        own = (row["subject"], row["kind"], row["digest_high"], row["digest_low"])
        keep[place] = versions is not None and (*own, row["occurrence"]) not in versions
    if keep.all():
        return None
    left = table.filter(pa.array(keep))
    return write_buckets(store, [left], bucket.segment_id) if len(left) else []


def prune_chunks(conn: Connection, segment_id: str, doomed: Doomed) -> None:
    """Take events out of the chunks of one segment; an emptied chunk goes altogether."""
    chunks = history_chunks.c
    for customer_id, versions in doomed.items():
        own = (chunks.customer_id == customer_id) & (chunks.segment_id == segment_id)
        if versions is None:
            conn.execute(delete(history_chunks).where(own))
            continue
        for subject, payload in conn.execute(select(chunks.subject, chunks.payload).where(own)):
            columns = unpack(payload)
            keep = np.array([each not in versions for each in _versions(subject, columns)])
            line = own & (chunks.subject == subject)
            if not keep.any():
                conn.execute(delete(history_chunks).where(line))
            elif not keep.all():
                left = pack(take(columns, np.flatnonzero(keep)))
                conn.execute(update(history_chunks).where(line).values(payload=left))


def _versions(subject: str, columns: EventColumns) -> list[Version]:
    kinds = [columns.kinds[code] for code in columns.kind]
    high, low = columns.digests[:, 0].tolist(), columns.digests[:, 1].tolist()
    occurrences = columns.occurrence.tolist()
    return [(subject, *each) for each in zip(kinds, high, low, occurrences, strict=True)]
