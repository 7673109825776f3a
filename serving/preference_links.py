"""Links people follow without a login: sealed, about one person, and telling nothing about them.

A preference link opens the page where one person decides; it lives for minutes and is minted by the
company's own site, which has logged the person in. A stop link lives as long as the message it
stands in and can only stop. Both name a random person id, so an erasure makes them lead nowhere;
neither is stored.
"""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection

from governance.consent.purposes import family_of
from governance.errors import InvalidInput
from governance.instants import from_micros, to_micros
from serving.keys import HomeKeys
from serving.link_seals import seal, unseal

if TYPE_CHECKING:  # whoever only seals a link starts without the rest
    from serving.bootstrap import Keepwell

EVERYTHING = "everything"
_PERSON = "person_"


class PreferenceLink(NamedTuple):
    """What a preference link says; `token_id` is kept as evidence of what was done with it."""

    person_id: str
    token_id: str
    expires_at: datetime


class StopLink(NamedTuple):
    """What a stop link says: whose, and what it stops, a purpose of outreach or `everything`."""

    person_id: str
    what: str


class Minted(NamedTuple):
    """A new preference link and when it ends."""

    url: str
    expires_at: datetime


def mint_preference_link(
    keepwell: "Keepwell",
    conn: Connection,
    customer_id: str,
    *,
    base_url: str,
    now: datetime,
    locale: str | None = None,
) -> Minted:
    """Make the link one customer decides by; the caller has made sure that it is them."""
    expires_at = now + timedelta(minutes=keepwell.settings.preferences.link_minutes)
    ends = str(to_micros(expires_at) // 1_000_000)
    person_id = _person(keepwell, conn, customer_id)
    parts = [person_id.removeprefix(_PERSON), secrets.token_hex(8), ends]
    query = {"token": seal(keepwell.keys, "p", parts)} | (
        {} if locale is None else {"lang": locale}
    )
    address = f"{_base(keepwell, base_url)}/preferences?{urlencode(query)}"
    return Minted(address, from_micros(int(ends) * 1_000_000))


def mint_stop_link(
    keepwell: "Keepwell", conn: Connection, customer_id: str, *, what: str, base_url: str
) -> str:
    """Make a link that stops one channel of outreach, or everything, and can do nothing else."""
    if not _is_stoppable(what):
        raise InvalidInput(
            "a stop link stops a channel of outreach, or everything",
            hint="state outreach.<channel>, the channel one lower-case word, or everything",
        )
    person_id = _person(keepwell, conn, customer_id)
    return stop_link(keepwell.keys, person_id, what, base_url=_base(keepwell, base_url))


def stop_link(keys: HomeKeys, person_id: str, what: str, *, base_url: str) -> str:
    """Write the address by which the person stops `what`."""
    token = seal(keys, "s", [person_id.removeprefix(_PERSON), what])
    return f"{base_url.rstrip('/')}/stop?{urlencode({'token': token})}"


def unsubscribe_headers(url: str) -> dict[str, str]:
    """Give the headers that let a mail program offer one-click unsubscription (RFC 8058)."""
    return {
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def open_preference_link(keepwell: "Keepwell", token: str) -> PreferenceLink | None:
    """Read a preference link, whether it has ended or not; None when the seal does not fit."""
    parts = unseal(keepwell.keys, "p", token)
    if parts is None:
        return None
    person, token_id, ends = parts
    return PreferenceLink(_PERSON + person, token_id, from_micros(int(ends) * 1_000_000))


def open_stop_link(keepwell: "Keepwell", token: str) -> StopLink | None:
    """Read a stop link; None when the seal does not fit. Nothing is asked of the database.

    One whose channel nobody can name any more stops everything: a stop link always stops.
    """
    parts = unseal(keepwell.keys, "s", token)
    if parts is None:
        return None
    what = "~".join(parts[1:])
    return StopLink(_PERSON + parts[0], what if _is_stoppable(what) else EVERYTHING)


def _is_stoppable(what: str) -> bool:
    """Whether a stop link can name it: one channel of outreach, or everything."""
    try:
        return what == EVERYTHING or family_of(what) == "outreach"
    except InvalidInput:
        return False


def _person(keepwell: "Keepwell", conn: Connection, customer_id: str) -> str:
    if keepwell.kind == "evaluation":
        raise InvalidInput(
            "an evaluation home knows pseudonyms only; nobody can be given a link",
            hint="ask people in a production home",
        )
    return keepwell.persons.person_id(conn, customer_id)


def _base(keepwell: "Keepwell", asked_at: str) -> str:
    """Give the address that links begin with; whoever asks a real home does not choose it."""
    stated = keepwell.settings.preferences.base_url
    if stated is None and keepwell.kind == "production":
        raise InvalidInput(
            "the home does not say where people reach it, so no link can be made",
            hint="set base_url of [preferences] in keepwell.toml, and restart",
        )
    return stated or asked_at.rstrip("/")
