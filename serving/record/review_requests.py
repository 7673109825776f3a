"""Requests for a second look at a decision, as they are kept: without words, by random person id.

What the customer says, and the answer, lie in the customer's own history alone.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select, update

from features.history import read_everything_of
from features.links import counted_for, merged_ids
from governance.errors import NotFound
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.positions import Position, find_position
from serving.tables import review_requests

REQUESTED, DECIDED = "rights_review_requested", "rights_review_decided"
_MINE = review_requests.c


class ReviewRequest(NamedTuple):
    """One request for a second look; `upheld` and `overturned` speak of the decision.

    `decision_id` is None where a customer contests whatever is decided about them; `appeal_of` is
    the request whose answer an appeal contests.
    """

    request_id: str
    person_id: str
    decision_id: str | None
    appeal_of: str | None
    received_at: datetime
    due_at: datetime
    status: str
    decided_by: str | None
    decided_at: datetime | None

    @property
    def position(self) -> Position:
        """Where it stands in the queue."""
        return Position(self.received_at, self.request_id)

    def overdue(self, now: datetime) -> bool:
        """Whether it waits longer than the settings allow."""
        return self.status == "open" and now > self.due_at

    def to_json(self, *, now: datetime) -> dict[str, Any]:
        """Give plain JSON without the random person id, which is for the log alone."""
        shaped = {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
            if name != "person_id"
        }
        return {**shaped, "overdue": self.overdue(now)}


class Shown(NamedTuple):
    """A request with what was said; the words are None once the customer was erased."""

    request: ReviewRequest
    customer_id: str | None
    reason: str | None
    answer: str | None

    def to_json(self, *, now: datetime) -> dict[str, Any]:
        """Give plain JSON."""
        return {
            **self.request.to_json(now=now),
            "customer_id": self.customer_id,
            "reason": self.reason,
            "answer": self.answer,
        }


def load_request(conn: Connection, request_id: str) -> ReviewRequest:
    """Read one request; raises `NotFound`."""
    row = conn.execute(select(review_requests).where(_MINE.request_id == request_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such request", hint="see: keepwell rights review list")
    return _request(row)


def list_requests(
    conn: Connection, *, limit: int = 50, after: str | None = None, status: str | None = None
) -> list[ReviewRequest]:
    """Give requests, the oldest first; `after` is the last id or position of the page before."""
    query = select(review_requests)
    if after is not None:
        at, last = find_position(after, lambda name: load_request(conn, name).position)
        query = query.where(
            or_(
                _MINE.received_at > at,
                and_(_MINE.received_at == at, _MINE.request_id > last),
            )
        )
    if status is not None:
        query = query.where(_MINE.status == status)
    rows = conn.execute(query.order_by(_MINE.received_at, _MINE.request_id).limit(limit))
    return [_request(row) for row in rows]


def show_request(keepwell: Keepwell, request_id: str) -> Shown:
    """Give one request with what the customer said and was answered."""
    with keepwell.database.read() as conn:
        found = load_request(conn, request_id)
        customer_id = keepwell.persons.customer_of(conn, found.person_id)
        if customer_id is None:
            return Shown(found, None, None, None)
        said = {
            event["kind"]: event["properties"].get("reason")
            for event in read_everything_of(conn, customer_id)
            if event["event_id"] == request_id and event["kind"] in (REQUESTED, DECIDED)
        }
    return Shown(found, customer_id, said.get(REQUESTED), said.get(DECIDED))


def contests_of(conn: Connection, decision_id: str) -> list[ReviewRequest]:
    """Give every request about a decision, oldest first; an appeal comes after what it appeals."""
    query = select(review_requests).where(_MINE.decision_id == decision_id)
    return [_request(row) for row in conn.execute(query.order_by(_MINE.received_at))]


def requests_of(conn: Connection, person_id: str) -> list[ReviewRequest]:
    """Give every request of one person, oldest first."""
    query = select(review_requests).where(_MINE.person_id == person_id)
    return [_request(row) for row in conn.execute(query.order_by(_MINE.received_at))]


def ids_of(conn: Connection, customer_id: str) -> set[str]:
    """Give every id of one person: those merged into this one, and the one it was merged into."""
    return {customer_id, *merged_ids(conn, customer_id), *counted_for(conn, [customer_id])}


def close_for_erasure(conn: Connection, person_id: str, *, now: datetime) -> int:
    """Let the open requests of someone who is being erased count as withdrawn; gives how many."""
    return conn.execute(
        update(review_requests)
        .where(_MINE.person_id == person_id, _MINE.status == "open")
        .values(status="withdrawn", decided_at=now)
    ).rowcount


def open_of(conn: Connection, person_id: str) -> list[ReviewRequest]:
    """Give the requests of one person that nobody has decided on yet."""
    return [each for each in requests_of(conn, person_id) if each.status == "open"]


def _request(row: Row[Any]) -> ReviewRequest:
    return ReviewRequest(**{name: row._mapping[name] for name in ReviewRequest._fields})
