"""After a restore the journal knows more than the database: what people asked for is done again.

The database remembers up to where it knows the journal, in the very transactions that wrote to it.
A database from a backup remembers less; what the journal holds beyond that is replayed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, bindparam, case, select, update

from features.history import customer_ids
from governance.consent.record import ConsentEvent
from governance.rights import Replayed, replay_journal
from serving.auth import knows_key, revoke_key
from serving.bootstrap import Keepwell
from serving.record.review_journal import follow_reviews
from serving.tables import home

_KNOWN = select(home.c.journal_position).where(home.c.id == 1)
_NOTE = (
    update(home)
    .where(home.c.id == 1)
    .values(
        journal_position=case(
            (home.c.journal_position < bindparam("written"), bindparam("written")),
            else_=home.c.journal_position,
        )
    )
)
_SET = update(home).where(home.c.id == 1).values(journal_position=bindparam("known"))


class FollowUp(Protocol):
    """What does everything that recorded words ask for: see `consents.follow_up`."""

    def __call__(
        self, keepwell: Keepwell, conn: Connection, events: Sequence[ConsentEvent], *, now: datetime
    ) -> None:
        """Stop, forget, remember and log, in the words' own transaction."""


def note_journal(keepwell: Keepwell, conn: Connection) -> None:
    """Remember that this database knows the journal as it stands; call it after journalling."""
    conn.execute(_NOTE, {"written": keepwell.journal.position})


def unsettled(keepwell: Keepwell, conn: Connection) -> bool:
    """Whether the journal holds more than this database knows, as after a restore."""
    known: int = conn.execute(_KNOWN).scalar_one()
    return known < keepwell.journal.position


def bring_back(keepwell: Keepwell, *, follow_up: FollowUp, now: datetime) -> Replayed | None:
    """Do again what the journal holds beyond what this database remembers; None if nothing.

    Withdrawals and objections, contested decisions and revoked keys are settled here, with what
    follows from them. The
    customers in `erasures` must be erased on all floors before anything is served: see
    `rights.settle`. Until that is done this database does not say that it knows the journal.
    """
    journal = keepwell.journal
    with keepwell.database.read() as conn:
        known = conn.execute(_KNOWN).scalar_one()
    if known >= journal.position:
        return None
    with keepwell.database.write() as conn:
        written = journal.position
        found = replay_journal(
            conn, keepwell.registry, journal, customer_ids(conn), now=now, after=known
        )
        for key_id in found.revoked_keys:
            if knows_key(conn, key_id):
                revoke_key(conn, keepwell.ledger, key_id, now=now)
        follow_up(keepwell, conn, found.words, now=now)
        follow_reviews(keepwell, conn, found.reviews, now=now)
        conn.execute(_SET, {"known": known if found.erasures else written})
    return found
