"""Complaints of customers, counted by category, and the log of harms a model did or might do.

What a customer says lies in their own history; here stands that someone complained, and of what
kind. A harm is about a model and names nobody.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Row, insert, select, update

from features.events import keepwell_event
from features.history import read_everything_of
from features.live import append
from governance.audit.process_record import Harm
from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from serving.access.auth import Principal
from serving.bootstrap import Keepwell
from serving.locks import lock_customers
from serving.rights.customers import require_known
from serving.tables import complaints, harms

Clock = Callable[[], datetime]
CATEGORIES = ("contact", "score", "data", "privacy", "discrimination", "rights", "other")
CLOSED = ("resolved", "rejected", "withdrawn")
RECEIVED, ANSWERED = "rights_complaint_received", "rights_complaint_closed"
_NAMES_SOMEONE = re.compile(r"\S+@\S+\.\S+|\+?\d[\d /-]{7,}\d")


class Complaint(NamedTuple):
    """One complaint as it is counted; `person_id` leads nowhere after an erasure."""

    complaint_id: str
    person_id: str
    category: str
    received_at: datetime
    status: str
    closed_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON without the random person id."""
        return {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
            if name != "person_id"
        }


class ComplaintShown(NamedTuple):
    """A complaint with its words; they are None once the customer was erased."""

    complaint: Complaint
    customer_id: str | None
    text: str | None
    answer: str | None


def add_complaint(
    keepwell: Keepwell, customer_id: str, *, category: str, text: str, clock: Clock
) -> Complaint:
    """Record a complaint; the words go into the customer's history alone.

    Raises `InvalidInput` for another category or no words, `NotFound` for an unknown customer.
    """
    text = text.strip()
    if not text:
        raise InvalidInput("a complaint needs what the customer says")
    if category not in CATEGORIES:
        raise InvalidInput(
            "what was given is no category of complaint", hint=f"known are {', '.join(CATEGORIES)}"
        )
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        now = clock()
        require_known(keepwell, conn, inside)
        person = keepwell.persons.person_id(conn, inside)
        made = Complaint(str(uuid4()), person, category, now, "open", None)
        conn.execute(insert(complaints), made._asdict())
        _say(conn, RECEIVED, inside, made, {"category": category, "text": text}, now)
        body = {"person": person, "complaint": made.complaint_id, "category": category}
        keepwell.ledger.append(conn, "complaint_received", body, now=now)
    return made


def close_complaint(
    keepwell: Keepwell,
    complaint_id: str,
    *,
    outcome: str,
    text: str,
    by: Principal,
    clock: Clock,
) -> Complaint:
    """Answer a complaint; the answer goes into the customer's history alone.

    Raises `InvalidInput` for another outcome, no answer or a complaint that is not open.
    """
    by.require("rights:manage")
    text = text.strip()
    if not text:
        raise InvalidInput("closing a complaint needs an answer; the customer will read it")
    if outcome not in CLOSED:
        raise InvalidInput(
            "what was given is no way to close a complaint", hint=f"known are {', '.join(CLOSED)}"
        )
    with keepwell.database.write() as conn:
        found = _load(conn, complaint_id)
        inside = keepwell.persons.customer_of(conn, found.person_id)
        if inside is not None:
            lock_customers(conn, [inside])
        now = clock()
        found = _load(conn, complaint_id)
        if found.status != "open":
            raise InvalidInput(f"the complaint is {found.status}, only an open one can be closed")
        mine = complaints.c.complaint_id == complaint_id
        changed = {"status": outcome, "closed_at": now, "closed_by": by.key_id}
        conn.execute(update(complaints).where(mine).values(changed))
        if inside is not None:
            _say(conn, ANSWERED, inside, found, {"outcome": outcome, "text": text}, now)
        body = {"complaint": complaint_id, "outcome": outcome, "key": by.key_id}
        keepwell.ledger.append(conn, "complaint_closed", body, now=now)
        return _load(conn, complaint_id)


def show_complaint(keepwell: Keepwell, complaint_id: str) -> ComplaintShown:
    """Give one complaint with what the customer said and was answered; raises `NotFound`."""
    with keepwell.database.read() as conn:
        found = _load(conn, complaint_id)
        customer_id = keepwell.persons.customer_of(conn, found.person_id)
        if customer_id is None:
            return ComplaintShown(found, None, None, None)
        said = {
            event["kind"]: event["properties"].get("text")
            for event in read_everything_of(conn, customer_id)
            if event["event_id"] == complaint_id and event["kind"] in (RECEIVED, ANSWERED)
        }
    return ComplaintShown(found, customer_id, said.get(RECEIVED), said.get(ANSWERED))


def list_complaints(conn: Connection, *, status: str | None = None) -> list[Complaint]:
    """Give complaints, oldest first."""
    query = select(complaints)
    if status is not None:
        query = query.where(complaints.c.status == status)
    return [_complaint(row) for row in conn.execute(query.order_by(complaints.c.received_at))]


def complaints_of(conn: Connection, person_id: str) -> list[Complaint]:
    """Give every complaint of one person, oldest first."""
    query = select(complaints).where(complaints.c.person_id == person_id)
    return [_complaint(row) for row in conn.execute(query.order_by(complaints.c.received_at))]


def close_for_erasure(conn: Connection, person_id: str, *, now: datetime) -> int:
    """Let the open complaints of someone who is being erased count as withdrawn."""
    return conn.execute(
        update(complaints)
        .where(complaints.c.person_id == person_id, complaints.c.status == "open")
        .values(status="withdrawn", closed_at=now)
    ).rowcount


def note_harm(keepwell: Keepwell, target: str, *, text: str, now: datetime) -> Harm:
    """Write down something a model did or might do wrong, for its next report.

    Raises `InvalidInput` where the text holds an address or a number to call: it must name nobody.
    """
    keepwell.target(target)
    said = text.strip()
    if not said:
        raise InvalidInput("a harm was noted without words", hint="say what went wrong: --text")
    if _NAMES_SOMEONE.search(said):
        raise InvalidInput(
            "the text seems to hold an address or a telephone number",
            hint="reports print it: say what happened without saying to whom",
        )
    with keepwell.database.write() as conn:
        row = {"harm_id": str(uuid4()), "target": target, "noted_at": now, "text": said}
        conn.execute(insert(harms), row)
        body = {"harm": row["harm_id"], "target": target}
        keepwell.ledger.append(conn, "harm_noted", body, now=now)
    return Harm(now, target, said)


def list_harms(conn: Connection, *, target: str | None = None) -> list[Harm]:
    """Give the harms noted for a target, or all, oldest first."""
    query = select(harms)
    if target is not None:
        query = query.where(harms.c.target == target)
    rows = conn.execute(query.order_by(harms.c.noted_at))
    return [Harm(row.noted_at, row.target, row.text) for row in rows]


def _say(
    conn: Connection,
    kind: str,
    customer_id: str,
    complaint: Complaint,
    said: dict[str, str],
    now: datetime,
) -> None:
    event = keepwell_event(
        kind,
        customer_id,
        event_id=complaint.complaint_id,
        occurred_at=now,
        known_at=now,
        properties=said,
    )
    append(conn, [event])


def _load(conn: Connection, complaint_id: str) -> Complaint:
    row = conn.execute(
        select(complaints).where(complaints.c.complaint_id == complaint_id)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such complaint", hint="see: keepwell rights complaint list")
    return _complaint(row)


def _complaint(row: Row[Any]) -> Complaint:
    return Complaint(**{name: row._mapping[name] for name in Complaint._fields})
