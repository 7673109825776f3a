"""After a restore the journal knows more than the database: what people asked for is done again.

The database remembers up to where it knows the journal, in the very transactions that wrote to it.
A database from a backup remembers less; what the journal holds beyond that is replayed. A journal
that holds less than the database knows, or other lines, is not the home's: nothing is served from
then on, because what people asked for since the last backup could not be brought back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import Connection, bindparam, select, update

from features.history import customer_ids
from governance.consent.record import ConsentEvent
from governance.errors import IntegrityBroken, InvalidInput
from governance.log.journal import Mark
from governance.rights import Replayed, replay_journal
from serving.access.auth import end_key_at, knows_key, revoke_key
from serving.bootstrap import Keepwell
from serving.record.review_journal import follow_reviews
from serving.tables import home

Standing = Literal["settled", "behind", "lost"]
"""`behind`: the database is; `lost`: the journal is gone, cut short or another."""

_KNOWN = select(home.c.journal_position, home.c.journal_seal).where(home.c.id == 1)
_SET = (
    update(home)
    .where(home.c.id == 1)
    .values(journal_position=bindparam("known"), journal_seal=bindparam("seal"))
)
_NOTE = _SET.where(home.c.journal_position < bindparam("known"))


class FollowUp(Protocol):
    """What does everything that recorded words ask for: see `consents.follow_up`."""

    def __call__(
        self, keepwell: Keepwell, conn: Connection, events: Sequence[ConsentEvent], *, now: datetime
    ) -> None:
        """Stop, forget, remember and log, in the words' own transaction."""


def note_journal(keepwell: Keepwell, conn: Connection) -> None:
    """Remember that this database knows the journal as it stands; call it after journalling.

    A journal that was lost stays lost, whatever is written to the new one: `standing` tells.
    """
    if standing(keepwell, conn) == "behind":
        _set(conn, keepwell.journal.mark(), only_further=True)


def standing(keepwell: Keepwell, conn: Connection) -> Standing:
    """Say how the journal stands to what this database knows of it."""
    known, seal = conn.execute(_KNOWN).one()
    position = keepwell.journal.position
    if position < known or (seal is not None and keepwell.journal.seal(known) != seal):
        return "lost"
    return "behind" if known < position else "settled"


def accept_loss(keepwell: Keepwell, *, now: datetime) -> int:
    """Go on with the journal as it is, although it is not the one this database knows.

    For whoever has no copy of it: what people asked for since the backup, if the database was
    restored too, is not known any more. The log keeps that this was said. Gives how many bytes were
    known; raises `InvalidInput` when the journal is there.
    """
    with keepwell.database.write() as conn:
        if standing(keepwell, conn) != "lost":
            raise InvalidInput(
                "the journal is the one this database knows", hint="there is nothing to accept"
            )
        known, mark = int(conn.execute(_KNOWN).one().journal_position), keepwell.journal.mark()
        _set(conn, mark)
        body = {"known": known, "found": mark.position}
        keepwell.ledger.append(conn, "journal_lost", body, now=now)
    return known


def _set(conn: Connection, mark: Mark, *, only_further: bool = False) -> None:
    conn.execute(_NOTE if only_further else _SET, {"known": mark.position, "seal": mark.seal})


def bring_back(keepwell: Keepwell, *, follow_up: FollowUp, now: datetime) -> Replayed | None:
    """Do again what the journal holds beyond what this database remembers; None if nothing.

    Withdrawals and objections, contested decisions and revoked keys are settled here, with what
    follows from them. The
    customers in `erasures` must be erased on all floors before anything is served: see
    `rights.settle`. Until that is done this database does not say that it knows the journal.
    Raises `IntegrityBroken` when the journal is not the one this database knows.
    """
    journal = keepwell.journal
    with keepwell.database.read() as conn:
        how = standing(keepwell, conn)
        known, seal = conn.execute(_KNOWN).one()
    if how == "lost":
        raise IntegrityBroken(
            "the journal of erasures and withdrawals is gone, cut short or another: this database "
            f"knows {known:,} bytes of it, {journal.position:,} were found",
            hint=f"put {journal.path.name} back from where it is kept; where no copy is left: "
            "keepwell ledger accept-lost-journal",
        )
    if how == "settled":
        return None
    with keepwell.database.write() as conn:
        written = journal.mark()
        found = replay_journal(
            conn, keepwell.registry, journal, customer_ids(conn), now=now, after=known
        )
        for key_id in found.revoked_keys:
            if knows_key(conn, key_id):
                revoke_key(conn, keepwell.ledger, key_id, now=now)
        for key_id, ends_at in found.ending_keys:
            if knows_key(conn, key_id):
                end_key_at(conn, keepwell.ledger, key_id, ends_at, now=now)
        follow_up(keepwell, conn, found.words, now=now)
        follow_reviews(keepwell, conn, found.reviews, now=now)
        _set(conn, Mark(known, seal) if found.erasures else written)
    return found
