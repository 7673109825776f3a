"""The channels a CRM may be shown permission for: those people can have been asked about."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from governance.errors import InvalidInput
from governance.tables import consent_events, notice_purposes

_USUAL = frozenset({"email"})


def check_channels(conn: Connection, channels: Sequence[str]) -> None:
    """Raise `InvalidInput` for a channel that no notice names and nobody ever spoke of.

    Its flag would say no of everyone, as a misspelt one does; e-mail may always be named.
    """
    unknown = [each for each in channels if each not in _USUAL and not _is_known(conn, each)]
    if unknown:
        raise InvalidInput(
            f"no notice names outreach.{unknown[0]}, and nobody ever said a word about it",
            hint="name a channel people were asked about, as in: --channel email",
        )


def _is_known(conn: Connection, channel: str) -> bool:
    return any(
        conn.execute(select(column).where(column == f"outreach.{channel}").limit(1)).first()
        for column in (notice_purposes.c.purpose, consent_events.c.purpose)
    )
