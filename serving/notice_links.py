"""The link to a notice: sealed, ending, about one contact and one person, and telling nothing.

It stands in the message that contacts someone and opens the page that says why they were contacted.
Whoever holds it can read what is no secret and stop things; anything about the person needs a code
that is sent to them. What a code opens is a second, short token, which is never part of an address.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from governance.instants import from_micros, to_micros
from serving.keys import HomeKeys
from serving.link_seals import seal, unseal

NOTICE_LASTS = timedelta(days=90)
"""How long a notice can be opened after its message was written; stopping has no such end."""

OPENED_LASTS = timedelta(minutes=15)
"""How long someone who gave the right code may read what is held about them."""

_PERSON = "person_"
_NOTICE, _OPENED = "n", "o"


class NoticeLink(NamedTuple):
    """What a notice link says: which contact, of whom, and until when it can be opened."""

    person_id: str
    intervention_id: str
    expires_at: datetime


def notice_link(
    keys: HomeKeys, intervention_id: str, person_id: str, *, expires_at: datetime, base_url: str
) -> str:
    """Write the address of the notice about one contact; it ends at `expires_at`, to the second."""
    token = _token(keys, _NOTICE, intervention_id, person_id, expires_at)
    return f"{base_url.rstrip('/')}/notice?{urlencode({'token': token})}"


def open_notice_link(keys: HomeKeys, token: str, *, now: datetime) -> NoticeLink | None:
    """Read a notice link; None when the seal does not fit or it has ended."""
    return _read(keys, _NOTICE, token, now)


def opened_token(keys: HomeKeys, link: NoticeLink, *, now: datetime) -> str:
    """Write what lets someone who gave the right code read on; it belongs in a form, not a link."""
    return _token(keys, _OPENED, link.intervention_id, link.person_id, now + OPENED_LASTS)


def read_opened(
    keys: HomeKeys, link: NoticeLink, token: str, *, now: datetime
) -> NoticeLink | None:
    """Read what a right code gave; None when it has ended or belongs to another notice."""
    found = _read(keys, _OPENED, token, now)
    if found is None or found[:2] != link[:2]:
        return None
    return found


def _token(
    keys: HomeKeys, kind: str, intervention_id: str, person_id: str, expires_at: datetime
) -> str:
    ends = str(to_micros(expires_at) // 1_000_000)
    return seal(keys, kind, [person_id.removeprefix(_PERSON), intervention_id, ends])


def _read(keys: HomeKeys, kind: str, token: str, now: datetime) -> NoticeLink | None:
    parts = unseal(keys, kind, token)
    if parts is None:
        return None
    person, intervention_id, ends = parts
    found = NoticeLink(_PERSON + person, intervention_id, from_micros(int(ends) * 1_000_000))
    return found if now < found.expires_at else None
