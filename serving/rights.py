"""What people may ask for: their data, erasure, to be left alone, a person's second look."""

from datetime import datetime
from typing import Any

from features.events import Event, keepwell_event
from features.live import append
from governance.decision import new_decision_id
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.consents import follow_up
from serving.customers import unknown_customer
from serving.locks import lock_customers


def export(keepwell: Keepwell, customer_id: str, *, now: datetime) -> dict[str, Any]:
    raise unknown_customer()


def erase(keepwell: Keepwell, customer_id: str, *, now: datetime) -> dict[str, Any]:
    raise unknown_customer()


def object_to_processing(keepwell: Keepwell, customer_id: str, *, now: datetime) -> dict[str, Any]:
    """Record an objection (art. 21): no marketing outreach, nor the scoring done for it.

    What waits to be sent is stopped in the same transaction. Only a later explicit consent lifts
    the objection, for its own purpose.
    """
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        event = keepwell.registry.object(conn, inside, now=now)
        follow_up(keepwell, conn, [event], now=now)
    return {"event_id": event.event_id, "effective_at": to_text(event.recorded_at)}


def request_review(
    keepwell: Keepwell, customer_id: str, *, reason: str, now: datetime
) -> dict[str, Any]:
    """Record that a customer contests a decision; what they say goes into their own history.

    The log learns that a person asked, not what they said.
    """
    inside = keepwell.inside_id(customer_id)
    request_id = new_decision_id()
    with keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        person = keepwell.persons.find(conn, inside)
        if person is None:
            raise unknown_customer()
        append(conn, [_request(inside, request_id, reason, now)])
        keepwell.ledger.append(
            conn, "review_requested", {"person": person, "request": request_id}, now=now
        )
    return {"request_id": request_id, "received_at": to_text(now)}


def _request(customer_id: str, request_id: str, reason: str, now: datetime) -> Event:
    return keepwell_event(
        "rights_review_requested",
        customer_id,
        event_id=request_id,
        occurred_at=now,
        known_at=now,
        properties={"reason": reason},
    )
