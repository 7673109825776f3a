"""Which staged events are new: kept ids, content digests, occurrences, and what history holds.

All in SQL over the tables that `staging` fills: `staged` becomes `identified`, and what history
does not hold yet becomes `fresh`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, select

from features.importing.expressions import quote_text
from features.importing.staging import COMPANY
from features.pruning import Version
from features.store import digest_halves
from features.tables import live_events

Rename = Callable[[Sequence[str]], Sequence[str]]
Suppressed = Callable[[Sequence[str]], set[str]]


def rename_customers(
    connection: duckdb.DuckDBPyConnection, rename: Rename | None, suppressed: Suppressed | None
) -> tuple[int, frozenset[str]]:
    """Make `renames` from ids to the ones to keep.

    Gives the number of events of erased people, and who else there is, by the ids to keep.
    """
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
    others = frozenset(kept).difference(erased)
    if not erased:
        return 0, others
    [(lost,)] = connection.execute(
        "SELECT count(*) FROM staged JOIN renames USING (customer) WHERE erased"
    ).fetchall()
    return int(lost), others


def identify(
    connection: duckdb.DuckDBPyConnection, known_at: int | None, *, keep_text: bool
) -> None:
    """Make `identified`: kept ids, `known_at`, digests as `content_digest`, occurrences."""
    fields = _content_sql(connection, keep_text=keep_text)
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
            sha256({fields}) AS digest, CAST(1 AS INTEGER) AS occurrence
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


def _content_sql(connection: duckdb.DuckDBPyConnection, *, keep_text: bool) -> str:
    """SQL for what is digested: an event's fields as netstrings.

    A field that no staged event has, or that all have alike, is written out once: half the work.
    """
    fields = (
        *("subject", "kind", "event_id", "occurred_at", "value_micros", "currency", "text"),
        *("properties", "corrects", "retracts"),
    )
    asked = ", ".join(f"count({field}), min({field}), max({field})" for field in fields)
    [counted] = connection.execute(f"SELECT count(*), {asked} FROM staged").fetchall()
    parts = []
    for k, field in enumerate(fields):
        present, low, high = counted[1 + 3 * k : 4 + 3 * k]
        value = f"CAST({field} AS VARCHAR)"
        written = f"strlen({value}), ':', {value}, ','"
        if not present or (field == "text" and not keep_text):
            parts.append("'-,'")
        elif present == counted[0] and low == high:
            parts.append(quote_text(f"{len(str(low).encode())}:{low},"))
        elif present == counted[0]:
            parts.append(written)
        else:
            parts.append(f"CASE WHEN {field} IS NULL THEN '-,' ELSE concat({written}) END")
    return f"concat({', '.join(parts)})"


def compare(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], live: pa.Table) -> None:
    """Make `compared`, what of `identified` history holds, and `fresh`, the rest.

    `paths` are the files of history and `live` what is in none of them.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE compared "
        "(row BIGINT, line BIGINT, kind VARCHAR, same BOOLEAN)"
    )
    if paths:
        files = ", ".join(quote_text(str(path)) for path in paths)
        _note_held(
            connection,
            "(SELECT subject, customer_id, kind, event_id, occurrence, digest_high, digest_low "
            f"FROM read_parquet([{files}]))",
        )
    note_live(connection, live)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW fresh AS SELECT * FROM identified "
        "WHERE rowid NOT IN (SELECT row FROM compared)"
    )


def note_live(
    connection: duckdb.DuckDBPyConnection, live: pa.Table
) -> dict[str, frozenset[Version]]:
    """Add to `compared` what of `fresh` came in live; give those versions by customer."""
    if not len(live):
        return {}
    connection.register("live", live)
    _note_held(connection, "live")
    found = connection.execute(
        "SELECT customer, subject, identified.kind, digest_high, digest_low, occurrence "
        "FROM identified JOIN found ON identified.rowid = found.row"
    ).fetchall()
    connection.unregister("live")
    versions: dict[str, set[Version]] = {}
    for customer_id, *version in found:
        versions.setdefault(customer_id, set()).add(tuple(version))
    return {customer_id: frozenset(own) for customer_id, own in versions.items()}


def _note_held(connection: duckdb.DuckDBPyConnection, history: str) -> None:
    name = "coalesce({0}.event_id, '~' || {0}.digest_high || '.' || {0}.digest_low)"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE found AS
        SELECT own.rowid AS row, own.line, own.kind,
            own.digest_high = history.digest_high AND own.digest_low = history.digest_low AS same
        FROM identified AS own JOIN {history} AS history
        ON own.subject = history.subject AND own.customer = history.customer_id
            AND own.kind = history.kind AND own.occurrence = history.occurrence
            AND {name.format("own")} = {name.format("history")}
        WHERE own.rowid NOT IN (SELECT row FROM compared)
        """
    )
    connection.execute("INSERT INTO compared SELECT * FROM found")


def forget_people(connection: duckdb.DuckDBPyConnection, customers: Sequence[str]) -> int:
    """Take people who were erased meanwhile out of everything staged; count their new events."""
    connection.register("gone", pa.table({"customer": pa.array(list(customers), pa.string())}))
    whose = "customer IN (SELECT customer FROM gone)"
    own = f"{whose} AND subject <> {quote_text(COMPANY)}"
    [(lost,)] = connection.execute(f"SELECT count(*) FROM fresh WHERE {own}").fetchall()
    connection.execute(
        "INSERT INTO compared SELECT rowid, line, kind, NULL FROM identified "
        f"WHERE {own} AND rowid NOT IN (SELECT row FROM compared)"
    )
    for name in ("protected_values", "label_values", *(["newcomers"] if lost else [])):
        connection.execute(f"DELETE FROM {name} WHERE {whose}")
    connection.unregister("gone")
    return int(lost)


def live_identities(conn: Connection) -> pa.Table:
    """Give the identities of the live events that are in no segment."""
    events = live_events.c
    columns = (
        *(events.subject, events.customer_id, events.kind, events.event_id, events.occurrence),
        events.digest,
    )
    rows = conn.execute(select(*columns).where(events.segment_id.is_(None))).all()
    found = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    high, low = digest_halves(found.pop())
    names = ("subject", "customer_id", "kind", "event_id", "occurrence")
    types = (pa.string(), pa.string(), pa.string(), pa.string(), pa.int32())
    arrays = [pa.array(each, kind) for each, kind in zip(found, types, strict=True)]
    return pa.table([*arrays, high, low], names=[*names, "digest_high", "digest_low"])
