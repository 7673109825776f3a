"""Making and ending keys for a home, and who it is that sits at this machine."""

import os
import pwd
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from governance.errors import InvalidInput
from governance.instants import to_text
from serving.access.auth import CreatedKey, create_key, find_key, revoke_key, rotate_key
from serving.bootstrap import Keepwell

OVERLAP = timedelta(hours=24)
_LONGEST_OVERLAP = timedelta(days=90)


class Rotated(NamedTuple):
    """A key's successor, and when the key itself ends."""

    successor: CreatedKey
    old_id: str
    old_ends_at: datetime


def machine_user() -> str:
    """Name the user this process runs as, by the machine's own list and not the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return f"user {os.getuid()}"


def issue_key(
    keepwell: Keepwell,
    scopes: Collection[str],
    *,
    owner: str,
    now: datetime,
    expires_at: datetime | None = None,
    enrolment_secret: str | None = None,
) -> CreatedKey:
    """Make a key, logged; raises what `create_key` and `enrol` do.

    A signing key is vouched for with the home's `enrolment_secret`; without it, a production home
    lets it approve nothing.
    """
    with keepwell.database.write() as conn:
        return create_key(
            conn,
            keepwell.ledger,
            scopes,
            owner=owner,
            now=now,
            expires_at=expires_at,
            enrolled_by=machine_user(),
            enrolment_secret=enrolment_secret,
        )


def end_key(keepwell: Keepwell, key_id: str, *, now: datetime) -> None:
    """End a key at once, with what it could sign; a restored backup does not bring it back."""
    with keepwell.database.write() as conn:
        find_key(conn, key_id)
        keepwell.journal.append("key_revoked", now=now, detail=key_id)
        revoke_key(conn, keepwell.ledger, key_id, now=now)


def replace_key(
    keepwell: Keepwell,
    key_id: str,
    *,
    now: datetime,
    overlap: timedelta | None = None,
    expires_at: datetime | None = None,
    enrolment_secret: str | None = None,
) -> Rotated:
    """Give a key's successor, with the same owner and scopes; both work for `overlap` (a day).

    A signing key has no overlap, and in a production home no successor without the
    `enrolment_secret`: it would approve nothing. Raises `InvalidInput` saying so, and what
    `rotate_key` raises. A restored backup does not let the old key live longer.
    """
    with keepwell.database.write() as conn:
        old = find_key(conn, key_id)
        signs = "audit:sign" in old.scopes
        overlap = (timedelta(0) if signs else OVERLAP) if overlap is None else overlap
        if not timedelta(0) <= overlap <= _LONGEST_OVERLAP:
            raise InvalidInput("the overlap must be between 0 hours and 90 days")
        if signs and overlap:
            raise InvalidInput(
                "a signing key ends when its successor is made: a reviewer signs with one key",
                hint="leave --overlap-hours out; what was signed before stays signed",
            )
        if signs and enrolment_secret is None and keepwell.kind == "production":
            raise InvalidInput(
                "nobody would vouch for the new signing key, so it could approve nothing",
                hint="add the home's enrolment key: --enrolment-key kwe_…",
            )
        ends_at = now + overlap
        if old.expires_at is not None:
            ends_at = min(ends_at, old.expires_at)
        made = rotate_key(
            conn,
            keepwell.ledger,
            key_id,
            ends_at=ends_at,
            now=now,
            expires_at=expires_at,
            enrolled_by=machine_user(),
            enrolment_secret=enrolment_secret,
        )
        if signs:
            keepwell.journal.append("key_revoked", now=now, detail=key_id)
        else:
            keepwell.journal.append("key_ending", now=now, detail=f"{key_id} {to_text(ends_at)}")
    return Rotated(made, key_id, ends_at)
