"""Scores a withdrawal takes back: those kept beside contacts, and those that left the house."""

from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, update

from governance.instants import to_text
from governance.tables import decisions
from serving.interventions.delivery.messages import SCORE_CHANGED, SCORE_WITHDRAWN
from serving.interventions.delivery.outbox import enqueue
from serving.interventions.tables import interventions, outbox

_NOTHING = "{}"
"""What is left of a message that told a score."""


def forget_contact_scores(conn: Connection, customer_id: str, purpose: str) -> int:
    """Take the score from every contact, planned or past, that rests on `purpose`.

    That there was a contact stays, and in which arm; how likely someone seemed to leave does not.
    """
    rests = interventions.c.permissions.contains(f'"{purpose}"', autoescape=True)
    done = conn.execute(
        update(interventions)
        .where(interventions.c.customer_id == customer_id, rests)
        .where(interventions.c.probability.is_not(None))
        .values(probability=None, stratum="")
    )
    return done.rowcount


def forget_told_scores(conn: Connection, customer_id: str, purpose: str, *, now: datetime) -> int:
    """Stop every `score.changed` that rests on `purpose`, and forget the number in those that left.

    One that is on the wire is not tried again. Gives how many there were.
    """
    rests = and_(
        outbox.c.customer_id == customer_id,
        outbox.c.type == SCORE_CHANGED,
        outbox.c.body.contains(f'"{purpose}"', autoescape=True),
    )
    conn.execute(
        update(outbox).where(rests, outbox.c.status == "on_wire").values(stop_asked_at=now)
    )
    reason = f"{purpose}: withdrawn"[:80]
    conn.execute(
        update(outbox)
        .where(rests, outbox.c.status.in_(("pending", "leased")))
        .values(status="cancelled", reason=reason, finished_at=now, leased_until=None)
    )
    return conn.execute(update(outbox).where(rests).values(body=_NOTHING)).rowcount


def forget_told_score(conn: Connection, message_id: str) -> None:
    """Forget the number in one message that will not leave."""
    conn.execute(update(outbox).where(outbox.c.message_id == message_id).values(body=_NOTHING))


def holds_score(conn: Connection, person_id: str, purpose: str) -> bool:
    """Whether a score is kept that was made for `purpose`, or names it among its own.

    Contacts and what was worked out besides are no scores: no receiver was ever given one.
    """
    named = decisions.c.result.contains(f'"{purpose}"', autoescape=True)
    query = select(decisions.c.decision_id).where(
        decisions.c.person_id == person_id,
        decisions.c.kind == "score",
        decisions.c.result.is_not(None),
        or_(decisions.c.purpose == purpose, named),
    )
    return conn.execute(query.limit(1)).first() is not None


def announce_withdrawn(conn: Connection, customer_id: str, purpose: str, *, now: datetime) -> None:
    """Tell the receiver to delete what it holds of this customer's scores for `purpose`.

    It goes out like every message, again and again until the receiver acknowledges it.
    """
    enqueue(
        conn,
        SCORE_WITHDRAWN,
        {"customer_id": customer_id, "purpose": purpose, "withdrawn_at": to_text(now)},
        customer_id=customer_id,
        intervention_id=None,
        due_at=now,
        now=now,
    )
