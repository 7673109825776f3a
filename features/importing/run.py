"""Own data in: a company's file becomes one immutable history segment and each customer's chunk.

DuckDB does the work in SQL. Files and chunks are written first, unseen by anyone; then one short
transaction looks what came in meanwhile and publishes, so that a crash leaves either all of an
import or nothing, and intake goes on while it runs.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

import duckdb
from sqlalchemy import Connection, select, update

from features.holding import Transactions, held, hold_history, hold_intake
from features.importing.expressions import columns_of, text_columns_of
from features.importing.identity import (
    Rename,
    compare,
    forget_people,
    identify,
    live_identities,
    note_live,
    rename_customers,
)
from features.importing.mapping import Draft, SourceMapping, binding_problems
from features.importing.publishing import Prepared, name_customers, prepare
from features.importing.result import ImportResult, count_import, count_new, write_rejects
from features.importing.snapshot import (
    snapshot_instant,
    stage_attributes,
    stage_protected,
    stage_snapshot,
)
from features.importing.source import Source, open_source
from features.importing.staging import REJECTED, STAGED, Clock, bind_problems, stage_events
from features.store import HistoryStore, Segment, buckets, segments
from features.tables import (
    given_labels,
    insert_new,
    protected_attributes,
    put,
    sources,
)
from governance.errors import ConfigurationError, InvalidInput
from governance.instants import to_micros

Progress = Callable[[str], None]


def import_source(
    mapping: SourceMapping,
    source: Path | None = None,
    *,
    database: Transactions,
    store: HistoryStore,
    now: datetime,
    timezone: str | None = None,
    rename: Rename | None = None,
    suppressed: Callable[[Connection, Sequence[str]], set[str]] | None = None,
    rejects_path: Path | None = None,
    keep_text: bool = True,
    dry_run: bool = False,
    progress: Progress | None = None,
    published: Callable[[Connection, ImportResult], None] | None = None,
) -> ImportResult:
    """Import one file through its mapping; importing it again writes nothing.

    On the first import of a source an event is known when it occurred, later at `now`, unless the
    mapping says when. `timezone` stands in where the mapping names none for naive times. `rename`
    turns customer ids into the ones to keep (pseudonyms), `suppressed` names those of them who
    were erased; it is asked again while publishing. `published` is called within the publishing
    transaction. One import runs at a time in a home, another waits. Raises `ConfigurationError`
    listing every mistake of the mapping, `InvalidInput` for a file that cannot be read.
    """
    path = source or mapping.source_path
    if path is None:
        raise InvalidInput("no source file is named", hint="state --source or [source] path")
    say = progress or (lambda _: None)
    zone = mapping.timezone or timezone

    def erased_among(customer_ids: Sequence[str]) -> set[str]:
        if suppressed is None:
            return set()
        with database.read() as conn:
            return suppressed(conn, customer_ids)

    with held(store, waiting=lambda: say("waiting for another import or compaction to end")):
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
            lost, people = rename_customers(connection, rename, erased_among)
            with database.read() as conn:
                first_time = _is_first(conn, mapping.name)
            say("telling events apart")
            identify(connection, None if first_time else to_micros(now), keep_text=keep_text)
            run = _Run(mapping, opened, path, database, store, now, say, rejects_path)

            def also(conn: Connection, result: ImportResult, prepared: Prepared) -> ImportResult:
                gone = set() if suppressed is None else suppressed(conn, sorted(people))
                if gone:
                    result = run.leave_out(conn, prepared, gone, result)
                _write_stated(connection, conn, labels_as_of)
                _mark(conn, mapping, now)
                if published is not None:
                    published(conn, result)
                return result

            while True:
                before = run.compare()
                result = run.told(count_import(mapping, opened, lost=lost, dry_run=dry_run))
                if dry_run:
                    return result
                done = run.publish(before, result, also)
                if done is not None:
                    return run.told(done) if done.conflicts > result.conflicts else done


class _Run(NamedTuple):
    """One import under way, after its events were told apart."""

    mapping: SourceMapping
    opened: Source
    path: Path
    database: Transactions
    store: HistoryStore
    now: datetime
    say: Progress
    rejects_path: Path | None

    def told(self, result: ImportResult) -> ImportResult:
        """Write what did not come in to the rejects file, if there is to be one."""
        if self.rejects_path is None:
            return result
        return write_rejects(self.opened.connection, self.opened, self.rejects_path, result)

    def publish(
        self,
        before: frozenset[str],
        result: ImportResult,
        also: Callable[[Connection, ImportResult, Prepared], ImportResult],
    ) -> ImportResult | None:
        """Write and publish what is new; None if someone else published since `before`."""
        prepared = self.prepare(result)
        with self.database.write() as conn:
            hold_history(conn)
            hold_intake(conn)
            if _segment_ids(conn) != before:
                prepared.give_up(conn)
                return None
            result = also(conn, self.settle(conn, prepared, result), prepared)
            prepared.publish(conn)
            if prepared.files:
                name_customers(self.opened.connection, conn)
        return result

    def compare(self) -> frozenset[str]:
        """Find out what history holds already; gives the segments it then had."""
        self.say("comparing with history")
        for patience in (2, 1, 0):
            with self.database.read() as conn:
                before = _segment_ids(conn)
                paths = [self.store.path_of(bucket.path) for bucket in buckets(conn)]
                live = live_identities(conn)
            try:
                compare(self.opened.connection, paths, live)
            except duckdb.IOException:  # an erasure replaced a file just now
                if not patience:
                    raise
            else:
                break
        return before

    def prepare(self, result: ImportResult) -> Prepared:
        """Write files and chunks, then take out what came in while that was done."""
        total, done = result.events_written, 0
        if not total:
            return Prepared(Segment("", "import", self.mapping.name, "", self.now), [], self.store)

        def written(rows: int) -> None:
            nonlocal done
            done += rows
            self.say(f"written {done:,} of {total:,} events")

        self.say(f"writing {total:,} events")
        prepared = prepare(
            self.opened.connection,
            self.database,
            self.store,
            source=self.mapping.name,
            source_hash=_hash(self.path),
            now=self.now,
            written=written,
        )
        with self.database.read() as conn:
            live = live_identities(conn)
        doomed = note_live(self.opened.connection, live)
        if doomed:
            with self.database.write() as conn:
                prepared.prune(conn, doomed)
        return prepared

    def settle(self, conn: Connection, prepared: Prepared, result: ImportResult) -> ImportResult:
        """Take out what came in until this very moment, and count anew if anything did."""
        connection = self.opened.connection
        doomed = note_live(connection, live_identities(conn))
        if doomed:
            prepared.prune(conn, doomed)
        [(held,)] = connection.execute("SELECT count(*) FROM compared").fetchall()
        if held == result.duplicates + result.conflicts:
            return result
        return replace(result, **count_new(connection))

    def leave_out(
        self, conn: Connection, prepared: Prepared, gone: set[str], result: ImportResult
    ) -> ImportResult:
        """Take out people who were erased since this import began."""
        connection = self.opened.connection
        lost = forget_people(connection, sorted(gone))
        prepared.prune(conn, dict.fromkeys(sorted(gone)))
        suppressed = result.suppressed + lost
        return replace(result, suppressed=suppressed, **count_new(connection))


def _segment_ids(conn: Connection) -> frozenset[str]:
    return frozenset(segment.segment_id for segment in segments(conn))


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
