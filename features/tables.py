"""The tables of this floor: what happened, in a form that one indexed read per customer brings in.

Parquet segments hold the same history for batch work, each as one or more files ("buckets");
`history_segments` and `history_buckets` are the manifest and the truth about which files count.
Protected attributes lie apart: the fairness audit alone reads them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite

from governance.instants import UtcInstant

metadata = MetaData()

history_segments = Table(
    "history_segments",
    metadata,
    Column("segment_id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),  # import | compaction | merge
    Column("source", String(200), nullable=False),
    Column("source_hash", String(64), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
)

history_buckets = Table(
    "history_buckets",
    metadata,
    Column("path", String(200), primary_key=True),
    Column("segment_id", String(40), nullable=False),
    Column("subject", String(20)),  # nothing: of every kind, as files of older versions are
    Column("first_customer", String(200)),  # nothing: not known, look into the file
    Column("last_customer", String(200)),
    Column("rows", BigInteger, nullable=False),
    Column("versions", BigInteger, nullable=False),  # rows that correct or retract another
    Column("first_occurred_at", UtcInstant, nullable=False),
    Column("last_occurred_at", UtcInstant, nullable=False),
    Column("first_known_at", UtcInstant, nullable=False),
    Column("last_known_at", UtcInstant, nullable=False),
)

history_chunks = Table(
    "history_chunks",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("subject", String(20), primary_key=True),
    Column("segment_id", String(40), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

history_pending = Table(
    "history_pending",
    metadata,
    Column("segment_id", String(40), primary_key=True),  # being written: no one reads its chunks
    Column("started_at", UtcInstant, nullable=False),
)

history_retired = Table(
    "history_retired",
    metadata,
    Column("path", String(200), primary_key=True),  # a replaced file, deleted by a later sweep
    Column("retired_at", UtcInstant, nullable=False),
)

live_events = Table(
    "live_events",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("subject", String(20), primary_key=True),
    Column("kind", String(200), primary_key=True),
    Column("event_name", String(200), primary_key=True),  # own id, or content and occurrence
    Column("event_id", String(200)),
    Column("occurrence", Integer, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("known_at", BigInteger, nullable=False),
    Column("value_micros", BigInteger),
    Column("currency", String(200)),
    Column("text", Text),
    Column("properties", Text),  # canonical JSON
    Column("corrects", String(200)),
    Column("retracts", String(200)),
    Column("digest", LargeBinary(16), nullable=False),
    Column("segment_id", String(40)),  # the compaction that copied it to Parquet
)
Index(
    "live_events_to_compact",
    live_events.c.known_at,
    sqlite_where=live_events.c.segment_id.is_(None),
    postgresql_where=live_events.c.segment_id.is_(None),
)

customers = Table(
    "customers",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("subject", String(20), primary_key=True),
    Column("first_known_at", UtcInstant, nullable=False),
)

identity_links = Table(
    "identity_links",
    metadata,
    Column("other_id", String(200), primary_key=True),  # whose events count for keep_id
    Column("linked_at", UtcInstant, primary_key=True),  # when that was known
    Column("keep_id", String(200), nullable=False),
    Column("unlinked_at", UtcInstant),  # when it was known to be wrong
)
Index("identity_links_by_keep", identity_links.c.keep_id)

account_members = Table(
    "account_members",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("joined_at", UtcInstant, primary_key=True),
    Column("known_at", UtcInstant, nullable=False),
    Column("left_at", UtcInstant),
    Column("left_known_at", UtcInstant),
)
Index("account_members_by_account", account_members.c.account_id)

protected_attributes = Table(
    "protected_attributes",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("value", String(200), nullable=False),
)

given_labels = Table(
    "given_labels",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("target", String(100), primary_key=True),
    Column("as_of", UtcInstant, primary_key=True),
    Column("value", Float, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("first_imported_at", UtcInstant, nullable=False),
    Column("last_imported_at", UtcInstant, nullable=False),
    Column("snapshot", Boolean, nullable=False),
)


def insert_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, leaving those alone whose primary key already exists."""
    build = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(build(table).on_conflict_do_nothing(), list(rows))


def put(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, overwriting those whose primary key already exists."""
    build = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key]
    statement = build(table)
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    if rows:
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))
