"""One customer on one page: what happened, where they stand, what was decided about them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.history import customer_ids, read_customer, read_everything_of
from governance.consent.registry import Refusal
from governance.errors import NotFound
from governance.log.decision import of_person
from serving.bootstrap import Keepwell
from serving.interventions.deciding.views import interventions_of, without_refused
from serving.links import person_permit
from serving.record.review_requests import requests_of
from serving.record.tellable import tellable
from serving.scoring.shapes import decision_json, state_json

NEWEST_EVENTS = 200


def list_customers(
    keepwell: Keepwell, *, limit: int, after: str = "", prefix: str = ""
) -> tuple[list[str], str | None]:
    """Give up to `limit` customers in order of id, and what to pass as `after` for more.

    With a `prefix` those whose id begins with it.
    """
    with keepwell.database.read() as conn:
        found = customer_ids(conn, after=after, limit=limit + 1, prefix=prefix)
    page = found[:limit]
    return page, page[-1] if len(found) > limit else None


def show_customer(
    keepwell: Keepwell, customer_id: str, *, clock: Callable[[], datetime], sees_scores: bool
) -> dict[str, Any]:
    """Show one customer to the person serving them (`operations`): history, decisions, contacts.

    The newest 200 events come out, newest first; estimates only with `sees_scores`. Raises
    `NotFound` for an unknown customer and for one who may not be shown alike.
    """
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.read() as conn:
        now = clock()
        permit = person_permit(keepwell, conn, inside, "operations", now=now)
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
            "decisions": _decisions_of(keepwell, conn, inside, now=now, sees_scores=sees_scores),
            "review_requests": _requests_of(keepwell, conn, inside, now),
            "interventions": [
                each.to_json(may_see_refusals=True, sees_scores=sees_scores)
                for each in without_refused(
                    conn, keepwell.registry, interventions_of(conn, inside), now=now
                )
            ],
        }


def _decisions_of(
    keepwell: Keepwell, conn: Connection, customer_id: str, *, now: datetime, sees_scores: bool
) -> list[dict[str, Any]]:
    """Give everything that was decided about a customer, newest first, as it may be told now."""
    person = keepwell.persons.find(conn, customer_id)
    if person is None:
        return []
    decided = tellable(keepwell, conn, of_person(conn, person), now=now)
    return [decision_json(each, sees_scores=sees_scores) for each in reversed(decided)]


def _requests_of(
    keepwell: Keepwell, conn: Connection, customer_id: str, now: datetime
) -> list[dict[str, Any]]:
    person = keepwell.persons.find(conn, customer_id)
    if person is None:
        return []
    return [each.to_json(now=now) for each in requests_of(conn, person)]


def unknown_customer() -> NotFound:
    """Say that nothing is known, in the words used whatever the reason."""
    return NotFound("no such customer", hint="see GET /v1/customers for those there are")


def require_known(keepwell: Keepwell, conn: Connection, customer_id: str) -> None:
    """Raise `NotFound` unless something is held about the customer."""
    if not (
        keepwell.persons.find(conn, customer_id)
        or keepwell.registry.history(conn, customer_id)
        or read_everything_of(conn, customer_id)
    ):
        raise unknown_customer()
