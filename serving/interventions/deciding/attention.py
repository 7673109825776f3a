"""Whether people really decide on proposed contacts: how long each lay before them, how often a no.

A proposal lies before someone from the moment it is opened, or from their own decision before it if
that was later: twenty yeses within a minute had three seconds each, however early they were opened.
Figures are over all who decide; nobody who works here is measured alone.
"""

from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, update

from governance.intervals import Interval, wilson
from serving.interventions.tables import interventions

QUICK_SECONDS = 10.0
"""A decision in less time than this was hardly read."""

_MINE = interventions.c


class Oversight(NamedTuple):
    """How people decided: many quick yeses and no noes look like a rubber stamp.

    Of the `decided`, `approved` were let go as proposed or `changed` before, and `rejected` were
    not. `override_rate` is (changed + rejected) ÷ decided, with its 95 % interval.
    `median_minutes` is how long a proposal waited, `median_seconds` how long it lay before whoever
    decided, and `quick_rate` the share that lay there for less than ten seconds or was never
    opened, among the `timed`. What nothing was decided of is None.
    """

    waiting: int
    decided: int
    approved: int
    changed: int
    rejected: int
    override_rate: Interval | None
    median_minutes: float | None
    timed: int
    median_seconds: float | None
    quick_rate: Interval | None


def waits(now: datetime) -> ColumnElement[bool]:
    """Say of a row of `interventions` whether somebody can still decide on it."""
    return and_(_MINE.status == "proposed", _MINE.valid_until > now)


def oversight(
    conn: Connection,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Oversight:
    """Count how people decided, on what was proposed in [since, until) where these are given."""
    query = select(
        _MINE.status, _MINE.created_at, _MINE.decided_at, _MINE.decided_seconds,
        _MINE.message_before, waits(now).label("waits"),
    ).where(_MINE.needs_person)  # fmt: skip
    if since is not None:
        query = query.where(_MINE.created_at >= since)
    if until is not None:
        query = query.where(_MINE.created_at < until)
    rows = conn.execute(query).all()
    decided = [row for row in rows if row.decided_at is not None]
    waited = [(row.decided_at - row.created_at).total_seconds() / 60 for row in decided]
    lay = [row.decided_seconds for row in decided if row.decided_seconds is not None]
    rejected = sum(row.status == "rejected" for row in decided)
    changed = sum(is_changed(row) for row in decided)
    return Oversight(
        waiting=sum(row.waits for row in rows),
        decided=len(decided),
        approved=len(decided) - rejected - changed,
        changed=changed,
        rejected=rejected,
        override_rate=wilson(rejected + changed, len(decided)),
        median_minutes=median(waited) if waited else None,
        timed=len(lay),
        median_seconds=median(lay) if lay else None,
        quick_rate=wilson(sum(map(is_quick, lay)), len(lay)),
    )


def is_changed(row: Any) -> bool:
    """Whether a person let a contact go with other words than were proposed."""
    return row.message_before is not None and row.status != "rejected"


def is_quick(seconds: float) -> bool:
    """Whether a decision took less time than reading does."""
    return seconds < QUICK_SECONDS


def note_look(conn: Connection, intervention_id: str, *, now: datetime) -> None:
    """Note that somebody opened a proposal to decide on it; what is decided stays as it was."""
    mine = (_MINE.intervention_id == intervention_id) & (_MINE.status == "proposed")
    conn.execute(update(interventions).where(mine).values(looked_at=now))


def seconds_at_hand(conn: Connection, row: Row[Any], *, decider: str, now: datetime) -> float:
    """Give how long a proposal lay before whoever decides now; 0.0 for one nobody opened."""
    if row.looked_at is None:
        return 0.0
    before = conn.execute(
        select(func.max(_MINE.decided_at)).where(_MINE.decided_by == decider)
    ).scalar_one()
    since: datetime = row.looked_at if before is None else max(row.looked_at, before)
    return max(0.0, (now - since).total_seconds())
