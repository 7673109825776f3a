"""Which staged events are new: kept ids, content digests, occurrences, and what history holds.

All in SQL over the tables that `features.staging` fills: `staged` becomes `identified`, and what
history does not hold yet becomes `fresh`.
"""

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, select

from features.expressions import quote_text
from features.staging import COMPANY
from features.store import HistoryStore, buckets, digest_halves
from features.tables import live_events

Rename = Callable[[Sequence[str]], Sequence[str]]
Suppressed = Callable[[Sequence[str]], set[str]]


def rename_customers(
    connection: duckdb.DuckDBPyConnection, rename: Rename | None, suppressed: Suppressed | None
) -> int:
    """Make `renames` from ids to the ones to keep; count the events of erased people."""
    found = []
    if rename is not None or suppressed is not None:
        found = connection.execute(
            f"SELECT DISTINCT customer FROM staged WHERE customer <> {quote_text(COMPANY)} "
            "UNION SELECT customer FROM protected_values ORDER BY 1"
        ).fetchall()
    known = [str(customer) for (customer,) in found]
    kept = list(rename(known)) if rename is not None else known
    erased = suppressed(kept) if suppressed is not None else set()
    table = pa.table(
        {
            "customer": pa.array(known, pa.string()),
            "renamed": pa.array(kept, pa.string()),
            "erased": pa.array([each in erased for each in kept], pa.bool_()),
        }
    )
    connection.register("given_renames", table)
    connection.execute("CREATE TEMP TABLE renames AS SELECT * FROM given_renames")
    connection.unregister("given_renames")
    for name in ("protected_values", "label_values"):
        connection.execute(
            f"DELETE FROM {name} USING renames "
            f"WHERE {name}.customer = renames.customer AND renames.erased"
        )
        connection.execute(
            f"UPDATE {name} SET customer = renames.renamed FROM renames "
            f"WHERE {name}.customer = renames.customer"
        )
    if not erased:
        return 0
    [(lost,)] = connection.execute(
        "SELECT count(*) FROM staged JOIN renames USING (customer) WHERE erased"
    ).fetchall()
    return int(lost)


def identify(
    connection: duckdb.DuckDBPyConnection, known_at: int | None, *, keep_text: bool
) -> None:
    """Make `identified`: kept ids, `known_at`, digests as `content_digest`, occurrences."""
    fields = ", ".join(
        f"coalesce(strlen({field}) || ':' || {field} || ',', '-,')"
        for field in (
            "subject",
            "kind",
            "event_id",
            "CAST(occurred_at AS VARCHAR)",
            "CAST(value_micros AS VARCHAR)",
            "currency",
            "text" if keep_text else "CAST(NULL AS VARCHAR)",
            "properties",
            "corrects",
            "retracts",
        )
    )
    known = "occurred_at" if known_at is None else str(known_at)
    connection.execute(
        f"""
        CREATE TEMP TABLE identified AS
        SELECT * EXCLUDE (digest), CAST('0x' || left(digest, 16) AS UBIGINT) AS digest_high,
            CAST('0x' || substr(digest, 17, 16) AS UBIGINT) AS digest_low
        FROM (SELECT staged.* REPLACE (
                coalesce(renamed, staged.customer) AS customer,
                {"text" if keep_text else "CAST(NULL AS VARCHAR)"} AS text,
                coalesce(known_at, {known}) AS known_at
            ),
            sha256(concat({fields})) AS digest, CAST(1 AS INTEGER) AS occurrence
        FROM staged LEFT JOIN renames ON staged.customer = renames.customer
            AND staged.subject <> 'company'
        WHERE NOT coalesce(erased, false))
        """
    )
    connection.execute("DROP TABLE staged")
    same = "hash(subject, customer, digest_high, digest_low)"
    connection.execute(
        f"""
        CREATE TEMP TABLE repeated AS SELECT {same} AS same FROM identified
        WHERE event_id IS NULL GROUP BY ALL HAVING count(*) > 1
        """
    )
    connection.execute(
        f"""
        UPDATE identified SET occurrence = numbered.place FROM (
            SELECT rowid AS row, row_number() OVER (
                PARTITION BY subject, customer, digest_high, digest_low ORDER BY line) AS place
            FROM identified WHERE event_id IS NULL AND {same} IN (SELECT same FROM repeated)
        ) AS numbered WHERE identified.rowid = numbered.row AND numbered.place > 1
        """
    )


def compare(connection: duckdb.DuckDBPyConnection, conn: Connection, store: HistoryStore) -> None:
    """Make `fresh`, `compared` (identities that history holds) and count what is what."""
    paths = [str(store.path_of(bucket.path)) for bucket in buckets(conn)]
    live = _live_identities(conn)
    parts = []
    if paths:
        files = ", ".join(quote_text(path) for path in paths)
        parts.append(
            "SELECT subject, customer_id, kind, event_id, occurrence, digest_high, digest_low "
            f"FROM read_parquet([{files}])"
        )
    if live is not None:
        connection.register("live", live)
        parts.append("SELECT * FROM live")
    if not parts:
        connection.execute("CREATE TEMP VIEW fresh AS SELECT * FROM identified")
        connection.execute(
            "CREATE TEMP VIEW compared AS SELECT *, false AS same FROM identified WHERE false"
        )
        return
    name = "coalesce({0}.event_id, '~' || {0}.digest_high || '.' || {0}.digest_low)"
    connection.execute(
        f"""
        CREATE TEMP TABLE compared AS
        SELECT identified.rowid AS row, identified.line, identified.kind,
            identified.digest_high = history.digest_high
                AND identified.digest_low = history.digest_low AS same
        FROM identified JOIN ({" UNION ALL ".join(parts)}) AS history
        ON identified.subject = history.subject AND identified.customer = history.customer_id
            AND identified.kind = history.kind AND identified.occurrence = history.occurrence
            AND {name.format("identified")} = {name.format("history")}
        """
    )
    connection.execute(
        "CREATE TEMP TABLE fresh AS SELECT * FROM identified "
        "WHERE rowid NOT IN (SELECT row FROM compared)"
    )


def _live_identities(conn: Connection) -> pa.Table | None:
    events = live_events.c
    columns = (
        events.subject,
        events.customer_id,
        events.kind,
        events.event_id,
        events.occurrence,
        events.digest,
    )
    rows = conn.execute(select(*columns).where(events.segment_id.is_(None))).all()
    if not rows:
        return None
    named = {column.name: [row[k] for row in rows] for k, column in enumerate(columns)}
    high, low = digest_halves(named.pop("digest"))
    return pa.table({**named, "digest_high": high, "digest_low": low})
