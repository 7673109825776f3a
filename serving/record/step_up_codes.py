"""Codes by which someone shows that a message reaches them, before they read what is held of them.

Eight digits from the system's own randomness, of which a keyed digest is kept. Only the newest code
of a person counts, once, for ten minutes and five tries; three are made within an hour and six
within a day. Guessing has 30 in 100,000,000 a day for each person at most.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from governance.instants import to_text
from governance.pseudonym import keyed_token
from serving.tables import step_up_codes

DIGITS = 8
LASTS = timedelta(minutes=10)
MOST_TRIES = 5
MOST_WITHIN = ((timedelta(hours=1), 3), (timedelta(days=1), 6))
KEPT = timedelta(days=1)
"""How long it is remembered that codes were made, which is what bounds their number."""

Tried = Literal["right", "wrong", "used_up", "none"]
"""What came of a try: `none` says that there is no code, or none that still counts."""

_MINE = step_up_codes.c


class NewCode(NamedTuple):
    """A code that was just made; it is kept nowhere but in the message that carries it."""

    code: str
    expires_at: datetime


def new_code(conn: Connection, key: bytes, person_id: str, *, now: datetime) -> NewCode | None:
    """Make a code for a person, in place of any before; None when there were too many lately.

    The caller holds the person's lock, so that two requests cannot count past each other.
    """
    for span, most in MOST_WITHIN:
        recent = and_(_MINE.person_id == person_id, _MINE.sent_at > now - span)
        made = conn.execute(select(func.count()).select_from(step_up_codes).where(recent))
        if made.scalar_one() >= most:
            return None
    past = and_(_MINE.person_id == person_id, _MINE.sent_at <= now - KEPT)
    conn.execute(delete(step_up_codes).where(past))
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    code_id = str(uuid4())
    row = {
        "code_id": code_id,
        "person_id": person_id,
        "code_hash": _digest(key, code_id, code),
        "sent_at": now,
        "expires_at": now + LASTS,
        "attempts": 0,
    }
    conn.execute(insert(step_up_codes), row)
    return NewCode(code, now + LASTS)


def try_code(conn: Connection, key: bytes, person_id: str, code: str, *, now: datetime) -> Tried:
    """Try a code; the try is counted before it is looked at, and the caller commits either way.

    Spaces and hyphens do not count. A right code counts once.
    """
    newest = conn.execute(
        select(step_up_codes).where(_MINE.person_id == person_id).order_by(_MINE.sent_at.desc())
    ).first()
    if newest is None or newest.used_at is not None or newest.expires_at <= now:
        return "none"
    mine = and_(_MINE.code_id == newest.code_id, _MINE.used_at.is_(None))
    counted = conn.execute(
        update(step_up_codes)
        .where(mine, _MINE.attempts < MOST_TRIES)
        .values(attempts=_MINE.attempts + 1)
    )
    if counted.rowcount != 1:
        return "used_up"
    given = "".join(each for each in code if each not in " -\u00a0\u2013")
    if not hmac.compare_digest(_digest(key, newest.code_id, given), newest.code_hash):
        return "wrong"
    used = conn.execute(update(step_up_codes).where(mine).values(used_at=now))
    return "right" if used.rowcount == 1 else "none"


def forget_codes(conn: Connection, person_id: str) -> int:
    """Delete every code of a person; gives how many there were."""
    return conn.execute(delete(step_up_codes).where(_MINE.person_id == person_id)).rowcount


def forget_old_codes(conn: Connection, *, before: datetime) -> int:
    """Delete codes made before an instant; gives how many."""
    return conn.execute(delete(step_up_codes).where(_MINE.sent_at < before)).rowcount


def export_codes(conn: Connection, person_id: str) -> list[dict[str, Any]]:
    """Give when codes were made, tried and used for a person; the digests lead nowhere."""
    rows = conn.execute(
        select(step_up_codes).where(_MINE.person_id == person_id).order_by(_MINE.sent_at)
    )
    return [
        {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in row._mapping.items()
            if value is not None and name not in ("person_id", "code_hash")
        }
        for row in rows
    ]


def _digest(key: bytes, code_id: str, code: str) -> str:
    return keyed_token(key, "step-up code", f"{code_id} {code}")
