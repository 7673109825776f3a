"""Letting this floor's old records go: verdicts, superseded words of consent, lapsed tokens.

Of a verdict its commitment stays, so that the log goes on proving everything around it, and what
kind of verdict it was: a tally without a person. The last word on every purpose always stays.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from governance.tables import consent_events, decision_batches, decisions


class Retired(NamedTuple):
    """How many verdicts were retired, and up to which entry of the log."""

    decisions: int
    through: int


def retire_decisions(conn: Connection, *, before: datetime, now: datetime) -> Retired:
    """Cut verdicts of before an instant off from their person, features and result.

    The caller logs `through` as `decisions_through` under the kind `retention`: what is retired
    beyond it was tampered with.
    """
    old = decisions.c.recorded_at < before
    nothing = dict.fromkeys(
        ("person_id", "as_of", "event_digest", "feature_digest", "result", "result_digest")
    )
    count = conn.execute(
        update(decisions)
        .where(old, decisions.c.retired_at.is_(None))
        .values(**nothing, salt="", retired_at=now)
    ).rowcount
    entry = func.coalesce(decision_batches.c.ledger_seq, decisions.c.ledger_seq)
    batch = decision_batches.c.batch == decisions.c.ledger_seq
    newest = select(func.max(entry)).select_from(decisions.outerjoin(decision_batches, batch))
    return Retired(count, max(conn.execute(newest.where(old)).scalar_one() or 0, 0))


def forget_superseded(conn: Connection, *, before: datetime) -> tuple[int, ...]:
    """Delete words that a later word on the same purpose replaced, both of before an instant.

    Gives the sequence numbers of what went, for the caller to log as `words`: what else is gone was
    tampered with. The last word stays, whatever it says, and every word of the same moment.
    """
    later = consent_events.alias("later")
    is_later: ColumnElement[bool] = (
        (later.c.customer_id == consent_events.c.customer_id)
        & (later.c.purpose == consent_events.c.purpose)
        & (later.c.occurred_at > consent_events.c.occurred_at)
    )
    superseded = select(later.c.seq).where(is_later, later.c.recorded_at < before).exists()
    newer = select(later.c.seq).where(is_later, later.c.recorded_at >= before).exists()
    old = consent_events.c.recorded_at < before
    gone = delete(consent_events).where(old, superseded, ~newer).returning(consent_events.c.seq)
    return tuple(conn.execute(gone).scalars())
