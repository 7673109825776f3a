"""What an import did, in numbers; and which lines did not come in, and why."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from features.importing.mapping import SourceMapping
from features.importing.source import LINE, Source
from governance.instants import from_micros


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


def count_import(
    mapping: SourceMapping, opened: Source, *, lost: int, dry_run: bool
) -> ImportResult:
    """Count what was read, told apart and set aside; `lost` are events of erased people."""
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
        customers=int(
            one("SELECT count(DISTINCT customer) FROM identified WHERE subject = 'customer'")
        ),
        rejected=int(one("SELECT count(DISTINCT line) FROM rejected")) + len(opened.unreadable),
        rejects_file=None,
        first_at=None if first is None else from_micros(first),
        last_at=None if last is None else from_micros(last),
        not_selected=unwanted,
        repeated_lines=rows - int(one(f"SELECT count(DISTINCT hash({columns})) FROM source")),
        suppressed=lost,
        labels=int(one("SELECT count(*) FROM label_values")),
        reasons=counted,
        dry_run=dry_run,
        **count_new(connection),
    )


def count_new(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Count what is new, by kind, and what history held."""
    kinds = connection.execute(
        "SELECT kind, count(*) FROM fresh GROUP BY kind ORDER BY kind"
    ).fetchall()
    [(duplicates, conflicts)] = connection.execute(
        "SELECT count(*) FILTER (same), count(*) FILTER (NOT same) FROM compared"
    ).fetchall()
    written = {str(kind): int(count) for kind, count in kinds}
    return {
        "events_written": sum(written.values()),
        "kinds": written,
        "duplicates": int(duplicates),
        "conflicts": int(conflicts),
    }


def write_rejects(
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
    return replace(result, rejects_file=path)
