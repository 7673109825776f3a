"""A company's file into its home: pseudonyms, erased people and rejects as the home demands."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from features.compaction import sweep
from features.importing.mapping import draft_mapping
from features.importing.result import ImportResult
from features.importing.run import import_source, refuse
from serving.bootstrap import Keepwell


def import_file(
    keepwell: Keepwell,
    mapping: Path,
    source: Path | None,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ImportResult:
    """Import `source` through the mapping file; again changes nothing, and intake goes on.

    What an import that was killed left on disk is deleted. An evaluation home keeps pseudonyms and
    no free text. People who were erased stay out. Raises `ConfigurationError` with every mistake of
    the mapping, `InvalidInput` for an unreadable file.
    """
    draft = draft_mapping(mapping)
    if draft.mistakes:
        refuse(draft, source, store=keepwell.store)
    read = draft.mapping
    evaluation = keepwell.kind == "evaluation"

    def erased(conn: Connection, customer_ids: Sequence[str]) -> set[str]:
        return keepwell.suppression.suppressed_among(conn, customer_ids, now=now)

    def log(conn: Connection, result: ImportResult) -> None:
        if result.events_written:
            keepwell.ledger.append(
                conn,
                "import",
                {
                    "source": result.source,
                    "rows_read": result.rows_read,
                    "events_written": result.events_written,
                    "customers": result.customers,
                },
                now=now,
            )

    result = import_source(
        read,
        source,
        database=keepwell.database,
        store=keepwell.store,
        now=now,
        timezone=None,
        rename=keepwell.pseudonymiser.of_many if evaluation else None,
        suppressed=erased,
        rejects_path=None if dry_run else keepwell.home.rejects / f"{read.name}.csv",
        keep_text=keepwell.settings.keep_text and not evaluation,
        dry_run=dry_run,
        progress=progress,
        published=log,
    )
    if not dry_run:
        with keepwell.database.write() as conn:
            sweep(conn, keepwell.store)
    return result
