"""One customer on one page: what happened, where they stand, what was decided about them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.history import customer_ids, read_customer
from governance.consent import ConsentEvent, ConsentState, Refusal
from governance.decision import RecordedDecision, of_person
from governance.errors import NotFound
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.interventions.desk import of_customer

NEWEST_EVENTS = 200


def list_customers(
    keepwell: Keepwell, *, limit: int, after: str = ""
) -> tuple[list[str], str | None]:
    """Give up to `limit` customers in order of id, and what to pass as `after` for more."""
    with keepwell.database.read() as conn:
        found = customer_ids(conn, after=after, limit=limit + 1)
    page = found[:limit]
    return page, page[-1] if len(found) > limit else None


def show_customer(
    keepwell: Keepwell, customer_id: str, *, clock: Callable[[], datetime]
) -> dict[str, Any]:
    """Show one customer to the person serving them (`operations`): history, scores, contacts.

    The newest 200 events come out, newest first. Raises `NotFound` for an unknown customer and for
    one who may not be shown alike.
    """
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.read() as conn:
        now = clock()
        permit = keepwell.registry.permit(conn, inside, "operations", now=now)
        if isinstance(permit, Refusal):
            raise unknown_customer()
        histories = read_customer(conn, permit, inside)
        if not len(histories):
            raise unknown_customer()
        events = histories.events(0)
        return {
            "customer_id": customer_id,
            "home": keepwell.kind,
            "events": events[::-1][:NEWEST_EVENTS],
            "events_total": len(events),
            "consents": [
                state_json(each) for each in keepwell.registry.states(conn, inside, now=now)
            ],
            "decisions": decisions_of(keepwell, conn, inside),
            "interventions": of_customer(conn, inside),
        }


def decisions_of(keepwell: Keepwell, conn: Connection, customer_id: str) -> list[dict[str, Any]]:
    """Give everything that was decided about a customer, newest first."""
    person = keepwell.persons.find(conn, customer_id)
    if person is None:
        return []
    return [decision_json(each) for each in reversed(of_person(conn, person))]


def unknown_customer() -> NotFound:
    """Say that nothing is known, in the words used whatever the reason."""
    return NotFound("no such customer", hint="see GET /v1/customers for those there are")


def decision_json(found: RecordedDecision, *, may_see_refusals: bool = True) -> dict[str, Any]:
    """Shape one decision; a refusal looks like an unknown customer to those who may not know."""
    outcome, reason = found.outcome, found.reason
    if outcome == "unknown" or (outcome == "refused" and not may_see_refusals):
        outcome, reason = "not_available", reason if may_see_refusals else ""
    return {
        "decision_id": found.decision_id,
        "kind": found.kind,
        "outcome": outcome,
        "reason": reason or None,
        "purpose": found.purpose,
        "target": found.target,
        "recorded_at": to_text(found.recorded_at),
        "as_of": None if found.as_of is None else to_text(found.as_of),
        "model_digest": found.model_digest,
        "event_digest": found.event_digest,
        "feature_digest": found.feature_digest,
        "result": found.result,
        "result_forgotten": found.result_forgotten,
        "ledger_entry": found.ledger_seq,
    }


def state_json(state: ConsentState) -> dict[str, Any]:
    """Shape where a person stands on one purpose."""
    return {
        "purpose": state.purpose,
        "permitted": state.permitted,
        "state": state.state,
        "reason": state.reason or None,
        "basis": state.basis,
        "event_id": state.event_id,
        "expires_at": None if state.expires_at is None else to_text(state.expires_at),
    }


def consent_event_json(event: ConsentEvent) -> dict[str, Any]:
    """Shape one recorded word."""
    return {
        "event_id": event.event_id,
        "purpose": event.purpose,
        "state": event.state,
        "occurred_at": to_text(event.occurred_at),
        "recorded_at": to_text(event.recorded_at),
        "expires_at": None if event.expires_at is None else to_text(event.expires_at),
        "actor": event.actor,
        "mechanism": event.mechanism,
        "evidence": event.evidence,
        "explicit": event.explicit,
        "notice_id": event.notice_id,
        "notice_version": event.notice_version,
    }
