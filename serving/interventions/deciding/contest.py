"""Contacts that rest on a contested decision wait until a person has looked at it again.

proposed | queued ──contested──▶ contested ──stands──▶ as it was before
                                     └──── overturned ──▶ cancelled

What was sent stays sent, with `contested` as its reason: nothing of it can wait. While it may still
be acted upon, a sender who asks is told no, and an overturned decision cancels it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from governance.pseudonym import PersonIds
from serving.interventions.delivery.messages import REQUESTED
from serving.interventions.delivery.outbox import announce_cancelled, end_intervention
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import interventions, outbox
from serving.tables import review_requests

CONTESTED = "contested"
_IN_PLACE = ("open", "overturned")


def rests_on(each: Row[Any], decision_id: str | None) -> bool:
    """Whether an intervention rests on a decision; None stands for every score."""
    if decision_id is None:
        return each.score_decision_id is not None
    return decision_id in (each.decision_id, each.score_decision_id)


def is_contested(each: Row[Any]) -> bool:
    """Whether an intervention waits, or was sent and is contested since."""
    return bool(each.status == CONTESTED or (each.status, each.reason) == ("sent", CONTESTED))


def hold(
    conn: Connection, customers: Collection[str], decision_id: str | None, *, now: datetime
) -> int:
    """Hold what could still be acted upon, sent or not; gives the number of interventions.

    What is on the wire cannot be held: it is not tried again, and followed by a cancellation.
    """
    held = 0
    for each in _treated(conn, customers):
        sent = each.status == "sent" and each.valid_until > now
        if not (each.status in ("proposed", "queued") or sent) or not rests_on(each, decision_id):
            continue
        requests = _requests(each)
        conn.execute(
            update(outbox)
            .where(requests, outbox.c.status == "on_wire")
            .values(stop_asked_at=now, reason=CONTESTED)
        )
        conn.execute(
            update(outbox)
            .where(requests, outbox.c.status.in_(("pending", "leased")))
            .values(status="held", reason=CONTESTED, leased_until=None)
        )
        _set(conn, each, "sent" if sent else CONTESTED, CONTESTED)
        held += 1
    return held


def release(
    conn: Connection,
    customers: Collection[str],
    decision_id: str | None,
    *,
    still_contested: Collection[str | None],
) -> int:
    """Let go on as before what no other open request holds; gives the number of interventions.

    Permission is looked at again at the next attempt, as at every one.
    """
    released = 0
    for each in _held(conn, customers, decision_id):
        if any(rests_on(each, other) for other in still_contested):
            continue
        waiting = conn.execute(
            update(outbox)
            .where(_requests(each), outbox.c.status == "held")
            .values(status="pending", reason="")
        ).rowcount
        before = "sent" if each.sent_at is not None else "queued" if waiting else "proposed"
        _set(conn, each, before, "")
        released += 1
    return released


def stop(
    conn: Connection, customers: Collection[str], decision_id: str | None, *, now: datetime
) -> int:
    """Stop for good what rests on an overturned decision; gives the number of interventions.

    A receiver that may hold the request is told that it no longer holds.
    """
    stopped = _held(conn, customers, decision_id)
    for each in stopped:
        reached = conn.execute(
            select(outbox.c.message_id).where(_requests(each), outbox.c.on_wire_at.is_not(None))
        ).first()
        conn.execute(
            update(outbox)
            .where(_requests(each), outbox.c.status == "held")
            .values(status="cancelled", reason="overturned", finished_at=now)
        )
        if reached is not None:
            announce_cancelled(conn, each.intervention_id, each.customer_id, now=now)
        end_intervention(conn, each.intervention_id, "cancelled", "overturned", now)
    return len(stopped)


def approvers(conn: Connection, customers: Collection[str], decision_id: str | None) -> set[str]:
    """Name whoever said yes to a contact that rests on a decision."""
    return {
        each.decided_by
        for each in _treated(conn, customers)
        if each.decided_by and each.status != "rejected" and rests_on(each, decision_id)
    }


def contested_candidates(
    conn: Connection, persons: PersonIds, candidates: Sequence[Candidate]
) -> dict[str, str]:
    """Give those who contest what a contact would rest on, or whose score was overturned."""
    requests = review_requests.c
    rows = conn.execute(
        select(requests.person_id, requests.decision_id, requests.status).where(
            requests.status.in_(_IN_PLACE)
        )
    ).all()
    decisions = {row.decision_id for row in rows if row.decision_id is not None}
    asking = {row.person_id for row in rows if row.decision_id is None and row.status == "open"}
    everyone = set(persons.customers_of(conn, asking).values())
    return {
        c.customer_id: CONTESTED
        for c in candidates
        if c.score_decision_id in decisions
        or (c.score_decision_id is not None and c.customer_id in everyone)
    }


def _treated(conn: Connection, customers: Collection[str]) -> Sequence[Row[Any]]:
    return conn.execute(
        select(interventions).where(
            interventions.c.customer_id.in_(sorted(customers)), interventions.c.arm == "treated"
        )
    ).all()


def _held(conn: Connection, customers: Collection[str], decision_id: str | None) -> list[Row[Any]]:
    found: Iterable[Row[Any]] = _treated(conn, customers)
    return [each for each in found if is_contested(each) and rests_on(each, decision_id)]


def _requests(each: Row[Any]) -> Any:
    return and_(outbox.c.intervention_id == each.intervention_id, outbox.c.type == REQUESTED)


def _set(conn: Connection, each: Row[Any], status: str, reason: str) -> None:
    conn.execute(
        update(interventions)
        .where(interventions.c.intervention_id == each.intervention_id)
        .values(status=status, reason=reason)
    )
