"""Contested decisions outlive a restore: that one is contested, and that one was overturned.

Both are lines of the journal, which say nothing of what anyone said. Answers that let something go
on are not: as with every line, one whose transaction then failed may only deny more. A person looks
again at what was upheld after the backup.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from governance.log.journal import JournalEntry
from serving.bootstrap import Keepwell
from serving.interventions.deciding.contest import hold, stop
from serving.record.review_requests import ReviewRequest, ids_of
from serving.tables import api_keys, review_requests

_KIND = "review"
_NONE = "-"


class _Line(NamedTuple):
    request_id: str
    status: str
    decision_id: str | None
    appeal_of: str | None
    key_id: str | None


def note_review(
    keepwell: Keepwell,
    customer_id: str,
    found: ReviewRequest,
    *,
    now: datetime,
    key_id: str | None = None,
) -> None:
    """Put an open or overturned request on disk before the transaction that makes it so commits."""
    line = _Line(found.request_id, found.status, found.decision_id, found.appeal_of, key_id)
    detail = " ".join(part or _NONE for part in line)
    keepwell.journal.append(_KIND, now=now, customer_id=customer_id, detail=detail)


def follow_reviews(
    keepwell: Keepwell,
    conn: Connection,
    reviews: Iterable[tuple[str, JournalEntry]],
    *,
    now: datetime,
) -> None:
    """Do again what a restored database does not know: hold what is contested, stop the rest."""
    for customer_id, entry in reviews:
        line = _Line(*(None if part == _NONE else part for part in entry.detail.split(" ")))  # type: ignore[arg-type]
        _put(keepwell, conn, customer_id, line, entry.at)
        theirs = ids_of(conn, customer_id)
        hold(conn, theirs, line.decision_id, now=now)
        if line.status == "overturned":
            stop(conn, theirs, line.decision_id, now=now)


def _put(keepwell: Keepwell, conn: Connection, customer_id: str, line: _Line, at: datetime) -> None:
    owner = conn.execute(
        select(api_keys.c.owner).where(api_keys.c.key_id == line.key_id)
    ).scalar_one_or_none()
    state = {
        "status": line.status,
        "decided_by": owner,
        "decided_key": line.key_id,
        "decided_at": None if line.status == "open" else at,
    }
    mine = review_requests.c.request_id == line.request_id
    if conn.execute(update(review_requests).where(mine).values(state)).rowcount:
        return
    row = {
        "request_id": line.request_id,
        "person_id": keepwell.persons.person_id(conn, customer_id),
        "decision_id": line.decision_id,
        "appeal_of": line.appeal_of,
        "received_at": at,
        "due_at": at + timedelta(days=keepwell.settings.rights.review_days),
    }
    conn.execute(insert(review_requests), row | state)
