"""From new events to a segment that counts: files and chunks first, then one short transaction.

What is being written is named in `history_pending`, so that no one reads its chunks; a process
that dies leaves strays that `features.compaction.sweep` removes.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, delete, insert

from features.buckets import (
    cut_between_customers,
    rows_of_table,
    sort_rows,
    write_bucket,
)
from features.holding import Transactions
from features.pruning import Doomed, prune_bucket, prune_chunks
from features.rows import in_order
from features.segment import CustomerChunk, table_chunks
from features.store import SEGMENT_SCHEMA, Bucket, HistoryStore, Segment, register
from features.tables import customers, history_chunks, history_pending, insert_new
from governance.instants import from_micros

_ORDERED = (
    "SELECT * RENAME (customer AS customer_id) FROM fresh WHERE subject = $1 "
    "ORDER BY customer, occurred_at"
)
_NEWCOMERS = """
CREATE OR REPLACE TEMP TABLE newcomers AS
SELECT subject, customer, min(known_at) AS first_known_at FROM fresh GROUP BY ALL
"""
_INSERT = {
    "sqlite": "INSERT INTO history_chunks (customer_id, subject, segment_id, payload) "
    "VALUES (?, ?, ?, ?)",
    "postgresql": "INSERT INTO history_chunks (customer_id, subject, segment_id, payload) "
    "VALUES (%s, %s, %s, %s)",
}
_AT_ONCE = 100_000
_CHUNKS_AT_ONCE = 2_000


@dataclass(eq=False)
class Prepared:
    """A segment whose files and chunks are written and which does not count yet."""

    segment: Segment
    files: list[Bucket]
    store: HistoryStore

    def prune(self, conn: Connection, doomed: Doomed) -> None:
        """Take out what must not be published; `conn` writes."""
        kept = []
        for bucket in self.files:
            left = prune_bucket(self.store, bucket, doomed)
            kept += [bucket] if left is None else left
            if left is not None:
                self.store.path_of(bucket.path).unlink()
        self.files = kept
        prune_chunks(conn, self.segment.segment_id, doomed)

    def publish(self, conn: Connection) -> None:
        """Make it count, from the commit of this transaction on."""
        if self.files:
            register(conn, self.segment, self.files)
        name = history_pending.c.segment_id == self.segment.segment_id
        conn.execute(delete(history_pending).where(name))

    def give_up(self, conn: Connection) -> None:
        """Remove what was written, because it must be made anew."""
        own = self.segment.segment_id
        conn.execute(delete(history_chunks).where(history_chunks.c.segment_id == own))
        conn.execute(delete(history_pending).where(history_pending.c.segment_id == own))
        for bucket in self.files:
            self.store.path_of(bucket.path).unlink(missing_ok=True)


def prepare(
    connection: duckdb.DuckDBPyConnection,
    database: Transactions,
    store: HistoryStore,
    *,
    source: str,
    source_hash: str,
    now: datetime,
    written: Callable[[int], None],
) -> Prepared:
    """Write the events of `fresh` as bucket files and chunks; `written` hears of each file's rows.

    Holds one bucket in memory at a time and the database only while a bucket's chunks go in.
    """
    segment = Segment(uuid.uuid4().hex, "import", source, source_hash, now)
    with database.write() as conn:
        conn.execute(insert(history_pending).values(segment_id=segment.segment_id, started_at=now))
    connection.execute(_NEWCOMERS)
    prepared = Prepared(segment, [], store)
    for table in cut_between_customers(_sorted(connection)):
        ordered = table if in_order(rows_of_table(table)) else sort_rows(table)
        prepared.files.append(write_bucket(store, ordered, segment.segment_id))
        chunks = list(table_chunks(ordered))
        for start in range(0, len(chunks), _CHUNKS_AT_ONCE):
            with database.write() as conn:
                _insert(conn, segment.segment_id, chunks[start : start + _CHUNKS_AT_ONCE])
        written(len(table))
    return prepared


def name_customers(connection: duckdb.DuckDBPyConnection, conn: Connection) -> None:
    """Make everyone for whom events were prepared a known customer."""
    for batch in connection.sql("FROM newcomers").to_arrow_reader(_AT_ONCE):
        insert_new(
            conn,
            customers,
            [
                {
                    "subject": subject,
                    "customer_id": customer_id,
                    "first_known_at": from_micros(first),
                }
                for subject, customer_id, first in zip(*batch.to_pydict().values(), strict=True)
            ],
        )


def _sorted(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Everything new by subject, customer and `occurred_at`; ties are settled in memory."""
    subjects = connection.execute("SELECT DISTINCT subject FROM fresh ORDER BY 1").fetchall()
    for (subject,) in subjects:
        found = connection.sql(_ORDERED, params=[subject])
        for batch in found.to_arrow_reader(_AT_ONCE):
            yield pa.Table.from_batches([batch]).select(SEGMENT_SCHEMA.names).cast(SEGMENT_SCHEMA)


def _insert(conn: Connection, segment_id: str, chunks: list[CustomerChunk]) -> None:
    conn.exec_driver_sql(
        _INSERT[conn.dialect.name],
        [(each.customer_id, each.subject, segment_id, each.payload) for each in chunks],
    )
