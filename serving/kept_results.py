"""Results that take seconds to work out, kept with their time, so that pages show them at once.

A result is a JSON document about groups, never about anyone. It lies beside the figures of the
dashboard, under its kind.
"""

import json
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select

from serving.tables import dashboard_figures

ResultKind = Literal["experiment", "suggestions"]
_MINE = dashboard_figures.c


class KeptResult(NamedTuple):
    """What was worked out of `name`, and when."""

    name: str
    taken_at: datetime
    document: Any


def keep_result(
    conn: Connection, kind: ResultKind, name: str, document: Any, *, now: datetime
) -> None:
    """Put a result in the place of the one before it."""
    key = _key(kind, name)
    conn.execute(delete(dashboard_figures).where(_MINE.name == key))
    row = {
        "name": key,
        "layer": kind,
        "taken_at": now,
        "document": json.dumps(document, allow_nan=False, separators=(",", ":")),
    }
    conn.execute(insert(dashboard_figures), row)


def kept_result(conn: Connection, kind: ResultKind, name: str) -> KeptResult | None:
    """Give the last result of one name; None where nothing was worked out yet."""
    query = select(dashboard_figures).where(_MINE.name == _key(kind, name))
    row = conn.execute(query).one_or_none()
    return None if row is None else _read(kind, row)


def kept_results(conn: Connection, kind: ResultKind) -> dict[str, KeptResult]:
    """Give the last results of a kind by their names."""
    rows = conn.execute(select(dashboard_figures).where(_MINE.layer == kind)).all()
    return {found.name: found for found in (_read(kind, row) for row in rows)}


def _key(kind: ResultKind, name: str) -> str:
    return f"{kind}:{name}"


def _read(kind: ResultKind, row: Row[Any]) -> KeptResult:
    return KeptResult(row.name.removeprefix(f"{kind}:"), row.taken_at, json.loads(row.document))
