"""Scores a withdrawal takes back: those kept beside contacts, and those that left the house."""

from datetime import datetime

from sqlalchemy import Connection, update

from governance.instants import to_text
from serving.interventions.outbox import enqueue
from serving.interventions.tables import interventions

WITHDRAWN = "score.withdrawn"


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


def announce_withdrawn(conn: Connection, customer_id: str, purpose: str, *, now: datetime) -> None:
    """Tell the receiver to delete what it holds of this customer's scores for `purpose`.

    It goes out like every message, again and again until the receiver acknowledges it.
    """
    enqueue(
        conn,
        WITHDRAWN,
        {"customer_id": customer_id, "purpose": purpose, "withdrawn_at": to_text(now)},
        customer_id=customer_id,
        intervention_id=None,
        due_at=now,
        now=now,
    )
