"""Sessions of staff in a browser: opened with a key, and good for nothing the key is not.

The browser holds a token in a cookie; only its sha256 is kept here. Each look asks for the key
again, so a revoked key ends its sessions at once. A form carries `form_seal` of the token, which
another site cannot know.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from governance.errors import KeepwellError
from governance.log.ledger import Ledger
from serving.access.auth import Principal, Unauthenticated, principal_of
from serving.tables import staff_sessions

LONGEST = timedelta(hours=10)
IDLE = timedelta(hours=1)
_NOTE_EVERY = timedelta(minutes=5)
_TOKEN_LENGTH = 43  # of 32 random bytes, in base64
_BY_HASH = select(staff_sessions).where(staff_sessions.c.token_hash == bindparam("token_hash"))


class ForeignForm(KeepwellError):
    """A form that was not made for the session it came with."""

    exit_code = 1
    code = "foreign_form"


def open_session(conn: Connection, ledger: Ledger, caller: Principal, *, now: datetime) -> str:
    """Open a session for the holder of a key and give its token, the only copy there will be.

    Sessions that are over are cleared away.
    """
    token = secrets.token_urlsafe(32)
    mine = staff_sessions.c
    conn.execute(delete(staff_sessions).where((mine.ends_at <= now) | (mine.seen_at <= now - IDLE)))
    conn.execute(
        insert(staff_sessions).values(
            token_hash=_digest(token),
            key_id=caller.key_id,
            opened_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
        )
    )
    ledger.append(conn, "session_opened", {"key_id": caller.key_id}, now=now)
    return token


def session_principal(conn: Connection, token: str, *, now: datetime) -> tuple[Principal, bool]:
    """Find out whose session it is, and whether `note_seen` is due.

    Raises `Unauthenticated` for a session that is over, for one whose key no longer opens anything,
    and for what is none.
    """
    row = None
    if len(token) == _TOKEN_LENGTH:
        row = conn.execute(_BY_HASH, {"token_hash": _digest(token)}).first()
    if row is None or now >= row.ends_at or now >= row.seen_at + IDLE:
        raise Unauthenticated("the session is over", hint="log in again with your key")
    return principal_of(conn, row.key_id, now=now), now >= row.seen_at + _NOTE_EVERY


def note_seen(conn: Connection, token: str, *, now: datetime) -> None:
    """Remember that a session was used; due every five minutes."""
    mine = staff_sessions.c.token_hash == _digest(token)
    conn.execute(update(staff_sessions).where(mine).values(seen_at=now))


def count_sessions(conn: Connection, key_ids: Sequence[str], *, now: datetime) -> int:
    """Count the sessions of some keys that are not over."""
    mine = staff_sessions.c
    query = select(func.count()).where(
        mine.key_id.in_(key_ids), mine.ends_at > now, mine.seen_at > now - IDLE
    )
    return int(conn.execute(query).scalar_one())


def close_session(conn: Connection, token: str) -> None:
    """End a session; again changes nothing."""
    conn.execute(delete(staff_sessions).where(staff_sessions.c.token_hash == _digest(token)))


def form_seal(token: str) -> str:
    """Give what each form of a session carries, so that no other site can send one."""
    return hmac.digest(token.encode(), b"form", "sha256").hex()


def is_own_form(token: str, sent: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(form_seal(token).encode(), sent.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
