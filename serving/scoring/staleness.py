"""What monitoring last said of the model that serves, and whether it may still be asked."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select

from governance.proof import Approval
from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.tables import model_monitoring as table

STALE = "model_stale"
"""Why nothing is said when a model is past its limits and the settings say stop."""


class Monitored(NamedTuple):
    """One look at one model: what came of it, as plain JSON in `result`."""

    target: str
    model_digest: str
    monitored_at: datetime
    status: str
    result: Mapping[str, Any]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that is not fine, worst first."""
        return tuple(self.result.get("reasons", ()))


def keep(conn: Connection, found: Monitored) -> None:
    """Write down one look, in the caller's transaction."""
    text = json.dumps(found.result, sort_keys=True, allow_nan=False)
    conn.execute(insert(table), {**found._asdict(), "result": text})


def newest(conn: Connection, target: str, model_digest: str) -> Monitored | None:
    """Give the last look at a model; None when nobody looked yet."""
    row = conn.execute(_NEWEST, {"asked": target, "digest": model_digest}).first()
    if row is None:
        return None
    return Monitored(
        row.target, row.model_digest, row.monitored_at, row.status, json.loads(row.result)
    )


def due_targets(keepwell: Keepwell, *, now: datetime) -> tuple[str, ...]:
    """Name the targets whose serving model was looked at too long ago, or before it was signed."""
    every = timedelta(hours=keepwell.settings.monitoring.every_hours)
    due = []
    with keepwell.database.read() as conn:
        for name in keepwell.targets:
            approval = champion(conn, name, now=now)
            if approval is None:
                continue
            last = newest(conn, name, approval.model_digest)
            if last is None or last.monitored_at <= max(now - every, approval.signed_at):
                due.append(name)
    return tuple(due)


def is_stale(conn: Connection, approval: Approval) -> bool:
    """Whether the last look asked for retraining, and nobody signed this very model since.

    One read by primary key.
    """
    asked = {"asked": approval.target, "digest": approval.model_digest}
    row = conn.execute(_STATUS, asked).first()
    if row is None or row.status != "retrain":
        return False
    return bool(row.monitored_at >= approval.signed_at)


_OF_MODEL = (table.c.target == bindparam("asked")) & (table.c.model_digest == bindparam("digest"))
_LAST = table.c.monitored_at.desc()
_NEWEST = select(table).where(_OF_MODEL).order_by(_LAST).limit(1)
_STATUS = select(table.c.status, table.c.monitored_at).where(_OF_MODEL).order_by(_LAST).limit(1)
