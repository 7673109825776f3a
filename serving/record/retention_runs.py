"""When retention was applied and what went: so that a replay knows why it cannot say."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from serving.tables import retention_runs

HISTORY = ("events", "texts", "consent words")


class RetentionRun(NamedTuple):
    """One run: how much went, by kind."""

    applied_at: datetime
    gone: Mapping[str, int]


def note_run(conn: Connection, gone: Mapping[str, int], *, now: datetime) -> None:
    """Write down one run, in the caller's transaction."""
    text = json.dumps(dict(gone), sort_keys=True)
    conn.execute(insert(retention_runs).values(applied_at=now, result=text))


def last_run(conn: Connection) -> RetentionRun | None:
    """Give the newest run; None where there was none."""
    query = select(retention_runs).order_by(retention_runs.c.applied_at.desc()).limit(1)
    row = conn.execute(query).first()
    return None if row is None else RetentionRun(row.applied_at, json.loads(row.result))


def forgot_since(conn: Connection, instant: datetime) -> bool:
    """Whether a run after `instant` took history that a decision of then may rest on."""
    query = select(retention_runs.c.result).where(retention_runs.c.applied_at >= instant)
    runs = [json.loads(text) for text in conn.execute(query).scalars()]
    return any(gone.get(kind, 0) for gone in runs for kind in HISTORY)
