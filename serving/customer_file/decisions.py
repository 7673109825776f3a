"""Everything that was decided about one customer, newest first, and how far it is contested."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from governance.log.decision import RecordedDecision, load, of_person
from serving.bootstrap import Keepwell
from serving.customer_file.known import Known
from serving.record.review_requests import ReviewRequest, requests_of
from serving.record.tellable import tellable

ROWS = 50
"""How many decisions one page shows."""


class Decided(NamedTuple):
    """One decision in a list: `about` is its target or playbook, `contested` how far it is."""

    decision_id: str
    kind: str
    about: str
    purpose: str
    outcome: str
    reason: str
    recorded_at: datetime
    gone: bool
    contested: str


class Decisions(NamedTuple):
    """One page of decisions; `older` leads to the next, `requests` are all second looks asked."""

    rows: tuple[Decided, ...]
    kinds: Mapping[str, int]
    total: int
    older: int | None
    requests: tuple[ReviewRequest, ...]


def decisions_about(
    keepwell: Keepwell,
    conn: Connection,
    known: Known,
    *,
    now: datetime,
    kind: str | None = None,
    skip: int = 0,
    limit: int = ROWS,
) -> Decisions:
    """Give `limit` decisions after the newest `skip`, of one kind where it is named."""
    person = keepwell.persons.find(conn, known.inside)
    if person is None:
        return Decisions((), {}, 0, None, ())
    everything = of_person(conn, person)
    kinds: dict[str, int] = {}
    for each in everything:
        kinds[each.kind] = kinds.get(each.kind, 0) + 1
    wanted = [each for each in reversed(everything) if kind in (None, each.kind)]
    requests = requests_of(conn, person)
    contested = {each.decision_id: each.status for each in requests if each.decision_id}
    page = tellable(keepwell, conn, wanted[skip : skip + limit], now=now)
    rows = tuple(_decided(each, contested.get(each.decision_id, "")) for each in page)
    older = skip + limit if len(wanted) > skip + limit else None
    return Decisions(rows, kinds, len(wanted), older, tuple(requests))


def told_decision(
    keepwell: Keepwell, conn: Connection, decision_id: str, *, now: datetime
) -> RecordedDecision:
    """Read one decision as it may be told now; raises `NotFound`."""
    [found] = tellable(keepwell, conn, [load(conn, decision_id)], now=now)
    return found


def own_decision(
    keepwell: Keepwell, conn: Connection, known: Known, decision_id: str, *, now: datetime
) -> RecordedDecision | None:
    """Read one decision about this very customer as it may be told now; None for any other."""
    person = keepwell.persons.find(conn, known.inside)
    found = told_decision(keepwell, conn, decision_id, now=now)
    return found if person is not None and found.person_id == person else None


def _decided(found: RecordedDecision, contested: str) -> Decided:
    result: Mapping[str, Any] = found.result or {}
    return Decided(
        found.decision_id,
        found.kind,
        result.get("playbook") or found.target or "",
        found.purpose,
        found.outcome,
        found.reason,
        found.recorded_at,
        found.result_forgotten,
        contested,
    )
