"""What one customer permits, since when and by which words, and everything they ever said."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from governance.consent.notices import find_notice
from governance.consent.record import ConsentEvent, Subject
from governance.consent.registry import ConsentState
from serving.bootstrap import Keepwell
from serving.customer_file.known import Known


class Standing(NamedTuple):
    """One purpose as it stands; `words` are those of the notice the newest word refers to.

    `stoppable`: whether it goes on and the customer could stop it.
    """

    state: ConsentState
    words: str | None
    stoppable: bool


class Permissions(NamedTuple):
    """Where someone stands on every purpose; `said` is all they ever said, newest first."""

    standings: tuple[Standing, ...]
    said: tuple[ConsentEvent, ...]
    subject: Subject


def permissions_of(
    keepwell: Keepwell, conn: Connection, known: Known, *, now: datetime
) -> Permissions:
    """Read what a customer permits now."""
    registry = keepwell.registry
    said = registry.history(conn, known.inside)
    locales = {each.event_id: each.notice_locale for each in said}
    open_ones = set(registry.stoppable(conn, known.inside, now=now))
    standings = tuple(
        Standing(each, _words(conn, each, locales), each.permitted and each.purpose in open_ones)
        for each in registry.states(conn, known.inside, now=now)
    )
    return Permissions(standings, said[::-1], registry.subject(conn, known.inside))


def _words(conn: Connection, state: ConsentState, locales: dict[str, str | None]) -> str | None:
    if state.notice_id is None or state.notice_version is None:
        return None
    locale = locales.get(state.event_id or "")
    found = find_notice(conn, state.notice_id, state.notice_version, locale)
    return None if found is None else found.content
