"""What was said of a person under an id that is erased, and still holds for the one that stays."""

from datetime import datetime

from sqlalchemy import Connection

from governance.consent.record import OBJECTED, Subject
from serving.bootstrap import Keepwell
from serving.permission.consents import describe, follow_up


def carry_over(
    keepwell: Keepwell,
    conn: Connection,
    erased: str,
    kept: str,
    *,
    now: datetime,
    words: bool = True,
) -> None:
    """Record for `kept` what counted for it because it was said of `erased`, the same person.

    An objection keeps its instant, so that a later yes of `kept` still lifts it; without `words`
    (after a restore, where the journal brought it back) it is left alone. Of two comings of age the
    later one counts. Both ids are locked.
    """
    said = keepwell.registry.history(conn, erased)
    objected = max((each.occurred_at for each in said if each.state == OBJECTED), default=None)
    if words and objected is not None:
        event = keepwell.registry.object(conn, kept, now=now, occurred_at=objected)
        follow_up(keepwell, conn, [event], now=now)
    about, own = keepwell.registry.subject(conn, erased), keepwell.registry.subject(conn, kept)
    ages = [each for each in (about.adult_from, own.adult_from) if each is not None]
    staff = about.relation if about.relation == "employee" else ""
    if about.adult_from is not None or staff:
        describe(keepwell, conn, kept, Subject(max(ages, default=None), staff), now=now)
