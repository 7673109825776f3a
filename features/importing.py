"""Own data in: a company's file becomes one immutable history segment and each customer's chunk.

DuckDB does the work in SQL. The segment is written aside, made durable and renamed; then one
transaction of the caller registers it together with the chunks, so that a crash leaves either all
of an import or nothing.
"""

import csv
import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, select, update

from features.buckets import cut_between_customers, write_bucket
from features.expressions import columns_of, text_columns_of
from features.identity import Rename, Suppressed, compare, identify, rename_customers
from features.mapping import Draft, SourceMapping, binding_problems
from features.segment import table_chunks
from features.snapshot import (
    snapshot_instant,
    stage_attributes,
    stage_protected,
    stage_snapshot,
)
from features.source import LINE, Source, open_source
from features.staging import REJECTED, STAGED, Clock, bind_problems, stage_events
from features.store import SEGMENT_SCHEMA, HistoryStore, Segment, hold_history, register
from features.tables import (
    customers,
    given_labels,
    history_chunks,
    insert_new,
    protected_attributes,
    put,
    sources,
)
from governance.errors import ConfigurationError, InvalidInput
from governance.instants import from_micros, to_micros

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ImportResult:
    """What an import did, or with `dry_run` would do.

    `duplicates` are events that history held already; `conflicts` have a known id with other
    content and were not written; `rejected` counts lines set aside for the `reasons` given;
    `not_selected` lines that no event's `where` wanted; `repeated_lines` lines that repeat an
    earlier one exactly (they count: real files hold true duplicates); `suppressed` events of
    erased people. `kinds` counts written events by kind.
    """

    source: str
    rows_read: int
    events_written: int
    customers: int
    duplicates: int
    conflicts: int
    rejected: int
    rejects_file: Path | None
    kinds: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None
    not_selected: int = 0
    repeated_lines: int = 0
    suppressed: int = 0
    labels: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    dry_run: bool = False


def import_source(
    mapping: SourceMapping,
    source: Path | None = None,
    *,
    conn: Connection,
    store: HistoryStore,
    now: datetime,
    timezone: str | None = None,
    rename: Rename | None = None,
    suppressed: Suppressed | None = None,
    rejects_path: Path | None = None,
    keep_text: bool = True,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Import one file through its mapping; importing it again writes nothing.

    `conn` is in a write transaction that the caller commits. On the first import of a source an
    event is known when it occurred, later at `now`, unless the mapping says when. `timezone`
    stands in where the mapping names none for naive times. `rename` turns customer ids into the
    ones to keep (pseudonyms), `suppressed` names those of them who were erased. Raises
    `ConfigurationError` listing every mistake of the mapping, `InvalidInput` for a file that
    cannot be read.
    """
    path = source or mapping.source_path
    if path is None:
        raise InvalidInput("no source file is named", hint="state --source or [source] path")
    say = progress or (lambda _: None)
    hold_history(conn)
    zone = mapping.timezone or timezone
    store.root.mkdir(parents=True, exist_ok=True)
    say(f"reading {path.name}")
    with open_source(
        path,
        scratch=store.scratch,
        store=store.root,
        delimiter=mapping.delimiter,
        header=mapping.header,
        columns=mapping.columns,
        numeric=_counted_columns(mapping),
        textual=_text_columns(mapping),
    ) as opened:
        _check(mapping, opened, zone)
        connection = opened.connection
        for statement in (STAGED, REJECTED):
            connection.execute(statement)
        stage_events(mapping, opened, Clock(now, zone))
        stage_attributes(mapping, opened)
        stage_protected(mapping, opened)
        labels_as_of = stage_snapshot(mapping, opened, zone)
        lost = rename_customers(connection, rename, suppressed)
        first_time = _is_first(conn, mapping.name)
        say("comparing with history")
        identify(connection, None if first_time else to_micros(now), keep_text=keep_text)
        compare(connection, conn, store)
        result = _result(mapping, opened, lost=lost, dry_run=dry_run)
        if rejects_path is not None:
            result = _write_rejects(connection, opened, rejects_path, result)
        if dry_run:
            return result
        if result.events_written:
            say(f"writing {result.events_written:,} events")
            _write(connection, conn, store, mapping.name, _hash(path), now)
        _write_stated(connection, conn, labels_as_of)
        _mark(conn, mapping, now)
        return result


def _counted_columns(mapping: SourceMapping) -> frozenset[str]:
    values = [event.value for event in mapping.events if event.value is not None]
    return frozenset().union(*(columns_of(value) - text_columns_of(value) for value in values))


def _text_columns(mapping: SourceMapping) -> frozenset[str]:
    taken_apart = (text_columns_of(text) for _, text in mapping.expressions())
    return frozenset().union(*taken_apart) - _counted_columns(mapping)


def refuse(draft: Draft, source: Path | None, *, store: HistoryStore) -> NoReturn:
    """Raise `ConfigurationError` with a draft's mistakes and those that only its source shows."""
    mapping, mistakes = draft.mapping, list(draft.mistakes)
    hint = "the documentation lists every key of a mapping file"
    path = source or mapping.source_path
    if path is not None:
        try:
            with open_source(
                path,
                scratch=store.root / ".scratch",
                store=store.root,
                delimiter=mapping.delimiter,
                header=mapping.header,
                columns=mapping.columns,
                numeric=_counted_columns(mapping),
                textual=_text_columns(mapping),
            ) as opened:
                found = binding_problems(mapping, list(opened.types))
                mistakes += found + bind_problems(mapping, opened)
                hint += "; the source's columns are " + ", ".join(opened.types)
        except InvalidInput as problem:
            mistakes.append(problem.message)
    raise ConfigurationError(mistakes, source=f"mapping {mapping.name}", hint=hint)


def _check(mapping: SourceMapping, opened: Source, zone: str | None) -> None:
    problems = binding_problems(mapping, list(opened.types)) + bind_problems(mapping, opened)
    if mapping.snapshot is not None:
        try:
            snapshot_instant(mapping, zone)
        except ConfigurationError as found:
            problems += found.problems
    if problems:
        raise ConfigurationError(
            problems,
            source=f"mapping {mapping.name}",
            hint="the source's columns are " + ", ".join(opened.types),
        )


def _is_first(conn: Connection, name: str) -> bool:
    return conn.execute(select(sources.c.source).where(sources.c.source == name)).first() is None


def _result(mapping: SourceMapping, opened: Source, *, lost: int, dry_run: bool) -> ImportResult:
    connection = opened.connection

    def one(query: str) -> Any:
        [(found,)] = connection.execute(query).fetchall()
        return found

    wheres = [event.where for event in mapping.events]
    unwanted = 0
    if wheres and None not in wheres and mapping.snapshot is None:
        wanted = " OR ".join(f"coalesce(TRY({where}), false)" for where in wheres)
        unwanted = int(
            one(
                f"SELECT count(*) FROM source WHERE NOT ({wanted}) "
                f"AND {LINE} NOT IN (SELECT line FROM rejected)"
            )
        )
    kinds = connection.execute("SELECT kind, count(*) FROM fresh GROUP BY kind ORDER BY kind")
    kinds_written = {str(kind): int(count) for kind, count in kinds.fetchall()}
    reasons = connection.execute(
        "SELECT reason, count(DISTINCT line) FROM rejected GROUP BY reason ORDER BY reason"
    ).fetchall()
    counted = {str(reason): int(count) for reason, count in reasons}
    if opened.unreadable:
        counted["unreadable line"] = len(opened.unreadable)
    first, last = (one(f"SELECT {which}(occurred_at) FROM identified") for which in ("min", "max"))
    rows = int(one("SELECT count(*) FROM source"))
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in opened.types)
    return ImportResult(
        source=mapping.name,
        rows_read=rows + len(opened.unreadable),
        events_written=sum(kinds_written.values()),
        customers=int(
            one("SELECT count(DISTINCT customer) FROM identified WHERE subject = 'customer'")
        ),
        duplicates=int(one("SELECT count(*) FROM compared WHERE same")),
        conflicts=int(one("SELECT count(*) FROM compared WHERE NOT same")),
        rejected=int(one("SELECT count(DISTINCT line) FROM rejected")) + len(opened.unreadable),
        rejects_file=None,
        kinds=kinds_written,
        first_at=None if first is None else from_micros(first),
        last_at=None if last is None else from_micros(last),
        not_selected=unwanted,
        repeated_lines=rows - int(one(f"SELECT count(DISTINCT hash({columns})) FROM source")),
        suppressed=lost,
        labels=int(one("SELECT count(*) FROM label_values")),
        reasons=counted,
        dry_run=dry_run,
    )


def _write_rejects(
    connection: duckdb.DuckDBPyConnection, opened: Source, path: Path, result: ImportResult
) -> ImportResult:
    """Write line, event, reason and mapping key of what did not come in; never its content."""
    found: list[tuple[Any, ...]] = connection.execute(
        """
        SELECT line, event, reason, col FROM rejected
        UNION ALL SELECT line, kind, 'same id with other content', 'id' FROM compared WHERE NOT same
        ORDER BY ALL
        """
    ).fetchall()
    lines = [*found, *((line, "", "unreadable line", "") for line in opened.unreadable)]
    if not lines:
        return result
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "event", "reason", "column"))
        writer.writerows(sorted(lines))
    return ImportResult(**{**result.__dict__, "rejects_file": path})


def _write(
    connection: duckdb.DuckDBPyConnection,
    conn: Connection,
    store: HistoryStore,
    source: str,
    source_hash: str,
    now: datetime,
) -> None:
    segment_id = uuid.uuid4().hex
    ordered = connection.sql(
        """
        SELECT subject, customer AS customer_id, kind, event_id, occurrence, occurred_at,
            known_at, value_micros, currency, text, properties, corrects, retracts,
            digest_high, digest_low
        FROM fresh ORDER BY subject, customer, occurred_at, known_at, digest_high,
            digest_low, occurrence
        """
    ).to_arrow_reader(100_000)
    tables = (pa.Table.from_batches([batch]).cast(SEGMENT_SCHEMA) for batch in ordered)
    written = []
    for table in cut_between_customers(tables):
        written.append(write_bucket(store, table, segment_id))
        people, batch = [], []
        for subject, customer_id, first_known_at, payload in table_chunks(table):
            whose = {"subject": subject, "customer_id": customer_id}
            people.append({**whose, "first_known_at": from_micros(first_known_at)})
            batch.append({**whose, "segment_id": segment_id, "payload": payload})
        conn.execute(history_chunks.insert(), batch)
        insert_new(conn, customers, people)
    register(conn, Segment(segment_id, "import", source, source_hash, now), written)


def _write_stated(
    connection: duckdb.DuckDBPyConnection, conn: Connection, labels_as_of: datetime | None
) -> None:
    stated = connection.execute("SELECT customer, name, value FROM protected_values").fetchall()
    put(
        conn,
        protected_attributes,
        [
            {"customer_id": customer, "name": name, "value": value}
            for customer, name, value in stated
        ],
    )
    labels = connection.execute("SELECT customer, name, value FROM label_values").fetchall()
    put(
        conn,
        given_labels,
        [
            {"customer_id": c, "target": name, "as_of": labels_as_of, "value": float(value)}
            for c, name, value in labels
        ],
    )


def _mark(conn: Connection, mapping: SourceMapping, now: datetime) -> None:
    first = {
        "source": mapping.name,
        "first_imported_at": now,
        "last_imported_at": now,
        "snapshot": mapping.snapshot is not None,
    }
    insert_new(conn, sources, [first])
    conn.execute(
        update(sources).where(sources.c.source == mapping.name).values(last_imported_at=now)
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
