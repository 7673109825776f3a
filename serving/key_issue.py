"""Making and ending keys for a home, and who it is that sits at this machine."""

import os
import pwd
from collections.abc import Collection
from datetime import datetime

from serving.auth import CreatedKey, create_key, revoke_key
from serving.bootstrap import Keepwell


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
        keepwell.journal.append("key_revoked", now=now, detail=key_id)
        revoke_key(conn, keepwell.ledger, key_id, now=now)
