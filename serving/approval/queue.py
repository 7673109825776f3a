"""What waits for a person, in the order in which it runs out, and what people decided before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, or_, select

from governance.pseudonym import PersonIds
from serving.bootstrap import Keepwell
from serving.interventions.deciding.attention import is_changed, waits
from serving.interventions.deciding.contest import CONTESTED
from serving.interventions.deciding.views import (
    InterventionView,
    find_intervention,
    view_of,
    without_refused,
)
from serving.interventions.tables import interventions
from serving.positions import Position, find_position
from serving.tables import review_requests

_MINE = interventions.c


class Waiting(NamedTuple):
    """One contact in the queue; `asks_again` says that the customer asked for a second look."""

    view: InterventionView
    kind: str
    expected_effect: float | None
    looked_at: datetime | None
    asks_again: bool

    @property
    def position(self) -> Position:
        """Where it stands in the queue."""
        return Position(self.view.valid_until, self.view.intervention_id)


class Decided(NamedTuple):
    """One contact that a person decided on, and what became of it."""

    view: InterventionView
    decided_at: datetime
    decided_by: str
    decided_reason: str
    changed: bool

    @property
    def position(self) -> Position:
        """Where it stands among all that were decided."""
        return Position(self.decided_at, self.view.intervention_id)


class Place(NamedTuple):
    """The how manieth of how many waiting one is, and the next after it, if there is another."""

    number: int
    waiting: int
    following: str | None


def waiting(
    keepwell: Keepwell, conn: Connection, *, limit: int, after: str | None = None, now: datetime
) -> list[Waiting]:
    """Give what waits for a yes or no, what runs out first at the top."""
    query = select(interventions).where(waits(now))
    if after is not None:
        query = query.where(_beyond(find_position(after, lambda name: _position(conn, name))))
    query = query.order_by(_MINE.valid_until, _MINE.intervention_id).limit(limit)
    return _queued(keepwell, conn, conn.execute(query).all(), now)


def held(keepwell: Keepwell, conn: Connection, *, limit: int, now: datetime) -> list[Waiting]:
    """Give what is held until somebody has looked again at the decision behind it."""
    query = select(interventions).where(_MINE.status == CONTESTED)
    query = query.order_by(_MINE.valid_until, _MINE.intervention_id).limit(limit)
    return _queued(keepwell, conn, conn.execute(query).all(), now)


def decided(
    keepwell: Keepwell, conn: Connection, *, limit: int, after: str | None = None, now: datetime
) -> list[Decided]:
    """Give what people decided on, the newest first."""
    query = select(interventions).where(_MINE.decided_at.is_not(None))
    if after is not None:
        at, last = find_position(after, lambda name: _position(conn, name))
        earlier = and_(_MINE.decided_at == at, _MINE.intervention_id < last)
        query = query.where(or_(_MINE.decided_at < at, earlier))
    query = query.order_by(_MINE.decided_at.desc(), _MINE.intervention_id.desc()).limit(limit)
    rows = conn.execute(query).all()
    shown = without_refused(conn, keepwell.registry, [view_of(row) for row in rows], now=now)
    return [
        Decided(view, row.decided_at, row.decided_by, row.decided_reason, is_changed(row))
        for view, row in zip(shown, rows, strict=True)
    ]


def next_waiting(conn: Connection, *, after: str | None = None, now: datetime) -> str | None:
    """Give what to decide on next: what runs out after that one, else what runs out first."""
    query = select(_MINE.intervention_id).where(waits(now))
    ordered = query.order_by(_MINE.valid_until, _MINE.intervention_id).limit(1)
    if after is not None:
        ordered = ordered.where(_MINE.intervention_id != after)
        beyond = ordered.where(_beyond(_position(conn, after)))
        found: str | None = conn.execute(beyond).scalar()
        if found is not None:
            return found
    first: str | None = conn.execute(ordered).scalar()
    return first


def place_of(conn: Connection, intervention_id: str, *, now: datetime) -> Place:
    """Say where one stands among those that wait, and which comes next."""
    at, last = _position(conn, intervention_id)
    count = select(func.count()).select_from(interventions).where(waits(now))
    earlier = and_(_MINE.valid_until == at, _MINE.intervention_id < last)
    before = conn.execute(count.where(or_(_MINE.valid_until < at, earlier))).scalar_one()
    following = next_waiting(conn, after=intervention_id, now=now)
    return Place(int(before) + 1, count_waiting(conn, now=now), following)


def count_waiting(conn: Connection, *, now: datetime) -> int:
    """Count what waits for a yes or no."""
    query = select(func.count()).select_from(interventions).where(waits(now))
    return int(conn.execute(query).scalar_one())


def _waits(now: datetime) -> Any:
    return and_(_MINE.status == "proposed", _MINE.valid_until > now)


def _beyond(position: Position) -> Any:
    at, last = position
    same = and_(_MINE.valid_until == at, _MINE.intervention_id > last)
    return or_(_MINE.valid_until > at, same)


def _position(conn: Connection, intervention_id: str) -> Position:
    return Position(find_intervention(conn, intervention_id).valid_until, intervention_id)


def _queued(
    keepwell: Keepwell, conn: Connection, rows: Sequence[Row[Any]], now: datetime
) -> list[Waiting]:
    shown = without_refused(conn, keepwell.registry, [view_of(row) for row in rows], now=now)
    asking = _asking_again(conn, keepwell.persons) if rows else set[str]()
    return [
        Waiting(
            view, row.playbook_class, row.expected_effect, row.looked_at, row.customer_id in asking
        )
        for view, row in zip(shown, rows, strict=True)
    ]


def _asking_again(conn: Connection, persons: PersonIds) -> set[str]:
    mine = review_requests.c
    people = conn.execute(select(mine.person_id).where(mine.status == "open")).scalars()
    return set(persons.customers_of(conn, set(people)).values())
