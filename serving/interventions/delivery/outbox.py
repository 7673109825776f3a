"""Messages that wait to leave: queued with the decision, stopped with the permission.

A withdrawal cancels what is pending or leased in its own transaction. What is on the wire then is
recorded with both times, not tried again, and followed by `intervention.cancelled`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Connection, Row, and_, or_, select, update

from governance.consent.purposes import OBJECTION
from governance.instants import to_text
from serving.interventions.delivery.messages import CANCELLED, REQUESTED, message_body
from serving.interventions.tables import interventions, outbox

Transport = Literal["webhook", "email"]
"""How a message goes: signed to the company's receiver, or by its mail server to the customer."""


def enqueue(
    conn: Connection,
    kind: str,
    data: Mapping[str, Any],
    *,
    customer_id: str | None,
    intervention_id: str | None,
    due_at: datetime,
    now: datetime,
    transport: Transport = "webhook",
) -> str:
    """Put a message into the outbox in the caller's transaction; gives its id."""
    message_id = str(uuid4())
    body = json.dumps(
        message_body(kind, data, now=now),
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    row = {
        "message_id": message_id,
        "intervention_id": intervention_id,
        "customer_id": customer_id,
        "type": kind,
        "body": body,
        "status": "pending",
        "reason": "",
        "created_at": now,
        "due_at": due_at,
        "attempts": 0,
        "fence": 0,
        "transport": transport,
    }
    conn.execute(outbox.insert(), row)
    return message_id


def cancel_for(conn: Connection, customer_id: str, purpose: str, *, now: datetime) -> int:
    """Stop every contact that rests on `purpose`, in the transaction that takes it back.

    `purpose` may be `objection`, which stops all outreach. Gives the number of interventions
    stopped. What is on the wire is marked, so that it is not tried again; what was already handed
    over is followed by `intervention.cancelled` while it could still be acted upon.
    """
    waiting = conn.execute(
        select(interventions)
        .where(interventions.c.customer_id == customer_id)
        .where(interventions.c.arm == "treated")
        .where(
            or_(
                interventions.c.status.in_(("proposed", "queued", "contested")),
                and_(interventions.c.status == "sent", interventions.c.valid_until > now),
            )
        )
    ).all()
    stopped = 0
    for each in waiting:
        permissions = json.loads(each.permissions)
        outreach = each.playbook_class == "outreach"
        if purpose not in permissions and not (purpose == OBJECTION and outreach):
            continue
        stopped += 1
        _stop(conn, each, purpose if purpose == OBJECTION else f"{purpose}: withdrawn", now)
    return stopped


def announce_cancelled(
    conn: Connection, intervention_id: str, customer_id: str | None, *, now: datetime
) -> None:
    """Tell the receiver, who may have got the request, that it no longer holds.

    An e-mail of our own went to the customer; no receiver holds a request then, and none is told.
    """
    went = and_(outbox.c.intervention_id == intervention_id, outbox.c.type == REQUESTED)
    if conn.execute(select(outbox.c.transport).where(went)).scalar() == "email":
        return
    enqueue(
        conn,
        CANCELLED,
        {"intervention_id": intervention_id, "cancelled_at": to_text(now)},
        customer_id=customer_id,
        intervention_id=intervention_id,
        due_at=now,
        now=now,
    )


def end_intervention(
    conn: Connection, intervention_id: str | None, status: str, reason: str, now: datetime
) -> None:
    """Write how an intervention ended and why; does nothing without one."""
    conn.execute(
        update(interventions)
        .where(interventions.c.intervention_id == intervention_id)
        .values(status=status, reason=reason[:80], ended_at=now)
    )


def _stop(conn: Connection, each: Row[Any], reason: str, now: datetime) -> None:
    requests = and_(outbox.c.intervention_id == each.intervention_id, outbox.c.type == REQUESTED)
    conn.execute(
        update(outbox)
        .where(requests, outbox.c.status == "on_wire")
        .values(stop_asked_at=now, reason=reason[:80])
    )
    tried = conn.execute(
        select(outbox.c.message_id).where(
            requests, outbox.c.on_wire_at.is_not(None), outbox.c.status != "on_wire"
        )
    ).first()
    conn.execute(
        update(outbox)
        .where(requests, outbox.c.status.in_(("pending", "leased", "held")))
        .values(status="cancelled", reason=reason[:80], finished_at=now, leased_until=None)
    )
    if tried is not None:
        announce_cancelled(conn, each.intervention_id, each.customer_id, now=now)
    end_intervention(conn, each.intervention_id, "cancelled", reason, now)


def erase_customer(conn: Connection, customer_id: str, *, now: datetime) -> int:
    """Delete every intervention and message of a customer; gives how many interventions there were.

    A receiver that may hold a request is told that it no longer holds, without saying whose it was.
    """
    found = conn.execute(
        select(interventions).where(interventions.c.customer_id == customer_id)
    ).all()
    reached = conn.execute(
        select(outbox.c.intervention_id).where(
            outbox.c.customer_id == customer_id,
            outbox.c.type == REQUESTED,
            outbox.c.transport == "webhook",
            outbox.c.on_wire_at.is_not(None),
        )
    ).scalars()
    holding = {each.intervention_id for each in found if each.valid_until > now} & set(reached)
    conn.execute(outbox.delete().where(outbox.c.customer_id == customer_id))
    conn.execute(interventions.delete().where(interventions.c.customer_id == customer_id))
    for intervention_id in sorted(holding):
        announce_cancelled(conn, intervention_id, None, now=now)
    return len(found)


def export_customer(conn: Connection, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Give everything held here about a customer, as plain JSON."""
    return {
        table.name: [
            {
                name: to_text(value) if isinstance(value, datetime) else value
                for name, value in row._mapping.items()
                if value is not None
            }
            for row in conn.execute(
                select(table)
                .where(table.c.customer_id == customer_id)
                .order_by(table.c.created_at, *table.primary_key)
            )
        ]
        for table in (interventions, outbox)
    }


def forget_finished(conn: Connection, *, before: datetime) -> int:
    """Delete messages that came to their end before an instant; gives their number."""
    old = and_(outbox.c.finished_at.is_not(None), outbox.c.finished_at < before)
    return conn.execute(outbox.delete().where(old)).rowcount


def forget_ended(conn: Connection, *, before: datetime) -> int:
    """Delete contacts that ended, and holdouts that were over, before an instant."""
    c = interventions.c
    over = or_(c.ended_at < before, and_(c.arm == "holdout", c.holdout_until < before))
    waiting = select(outbox.c.intervention_id).where(
        outbox.c.finished_at.is_(None), outbox.c.intervention_id.is_not(None)
    )
    gone = and_(over, c.intervention_id.not_in(waiting))
    return conn.execute(interventions.delete().where(gone)).rowcount
