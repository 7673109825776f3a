"""Answers kept for a day: a request sent again under its Idempotency-Key does nothing twice.

A row begins as a claim, is marked in the transaction of the effect itself, and ends with the
answer:

    running ──effect commits──▶ acted ──answer is known──▶ kept
                                  └──── person withdraws or is erased ────▶ gone

What is kept is the least: keyed digests instead of key and request, and no answer that rests on
what a person has taken back since.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, event, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.errors import InvalidInput, KeepwellError
from governance.instants import to_text
from serving.database import Database
from serving.tables import kept_answers

KEPT_FOR = timedelta(hours=24)
CLAIMED_FOR = timedelta(minutes=2)
"""After this long nobody works on a request any more: whoever did was killed."""
_MINE = kept_answers.c
_OPEN = ("running", "acted")
_TRIES = 3


class KeyReused(InvalidInput):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_key_reused"


class KeyInUse(KeepwellError):
    """The first request with this Idempotency-Key is still being worked on."""

    exit_code = 1
    code = "idempotency_key_in_use"


class AnswerGone(KeepwellError):
    """It was done; what was answered is not known any more."""

    exit_code = 1
    code = "answer_not_kept"


class Claim(NamedTuple):
    """The right to do what a request asks for; `token` tells it from a later claim to the same."""

    name: str
    token: str


class KeptAnswer(NamedTuple):
    """What the first request was answered."""

    status: int
    body: str


CURRENT: ContextVar[Claim | None] = ContextVar("keepwell_claim", default=None)
"""The claim under which this request does what it does."""


def digest_of(secret: bytes, *parts: bytes) -> str:
    """Give 64 hex digits that tell nothing without `secret`; each part counts by itself."""
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (b"kept answer", *parts))
    return hmac.new(secret, framed, hashlib.sha256).hexdigest()


def claim(
    conn: Connection, name: str, *, request: str, customer_id: str | None, now: datetime
) -> Claim | KeptAnswer:
    """Claim a key for a request, or give what the first one with it was answered.

    `name` and `request` are digests. Raises `KeyReused`, `KeyInUse` or `AnswerGone`. A claim left
    by a process that was killed before it did anything is taken over.
    """
    made = Claim(name, secrets.token_hex(16))
    conn.execute(delete(kept_answers).where(_MINE.name == name, _MINE.kept_until <= now))
    for _ in range(_TRIES):
        if _insert(conn, made, request, customer_id, now):
            return made
        there = select(kept_answers).where(_MINE.name == name).with_for_update()
        row = conn.execute(there).one_or_none()
        if row is not None:  # else whoever had it gave it back at this very moment
            return _found(conn, row, made, request, now)
    raise _in_use()


def _found(
    conn: Connection, row: Row[Any], made: Claim, request: str, now: datetime
) -> Claim | KeptAnswer:
    """Say what a row that is there means for another request with its key."""
    if row.state != "gone" and not hmac.compare_digest(row.request, request):
        raise KeyReused(
            "this Idempotency-Key came before, with another request",
            hint="use a new key for every new request",
        )
    if row.state == "kept":
        return KeptAnswer(row.status, row.body)
    if row.state in _OPEN and now < row.claimed_until:
        raise _in_use()
    if row.state != "running":
        raise AnswerGone(
            "this was done before; what was answered then is not kept any more",
            hint="look at what it did; to do it again use a new key",
        )
    values = {"claim": made.token, "claimed_until": now + CLAIMED_FOR}
    conn.execute(update(kept_answers).where(_MINE.name == made.name).values(values))
    return made


def _in_use() -> KeyInUse:
    return KeyInUse(
        "the first request with this Idempotency-Key is not answered yet",
        hint="send it again after Retry-After seconds",
    )


def keep(conn: Connection, held: Claim, answer: KeptAnswer) -> None:
    """Keep what was answered, unless the person it concerns has stopped or gone meanwhile."""
    conn.execute(
        update(kept_answers)
        .where(*_of(held), _MINE.state.in_(_OPEN))
        .values(state="kept", status=answer.status, body=answer.body)
    )


def let_go(conn: Connection, held: Claim, *, now: datetime) -> None:
    """Give a claim back where nothing was done; where it was, its answer is lost."""
    conn.execute(delete(kept_answers).where(*_of(held), _MINE.state == "running"))
    conn.execute(update(kept_answers).where(*_of(held)).values(claimed_until=now))


def forget_answers(conn: Connection, customer_ids: Collection[str]) -> int:
    """Take away every answer that concerns these customers; that something was done stays.

    Whoever is answered at this moment keeps the claim: what is told then is what holds from now on.
    """
    held = CURRENT.get()
    others = [] if held is None else [_MINE.claim != held.token]
    gone = {"state": "gone", "status": None, "body": None, "request": "", "customer_id": None}
    theirs = _MINE.customer_id.in_(sorted(set(customer_ids)))
    return conn.execute(update(kept_answers).where(theirs, *others).values(gone)).rowcount


def export_customer(conn: Connection, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Give the answers kept that concern a customer, as plain JSON."""
    rows = conn.execute(
        select(_MINE.state, _MINE.status, _MINE.body, _MINE.kept_until)
        .where(_MINE.customer_id == customer_id)
        .order_by(_MINE.kept_until, _MINE.name)
    )
    return {
        "kept_answers": [
            {
                "state": row.state,
                "status": row.status,
                "body": row.body,
                "kept_until": to_text(row.kept_until),
            }
            for row in rows
        ]
    }


def tidy_answers(database: Database, *, now: datetime) -> int:
    """Delete what was kept for a day, if there is any; gives how many."""
    with database.read() as conn:
        if conn.execute(select(_MINE.name).where(_MINE.kept_until <= now).limit(1)).first() is None:
            return 0
    with database.write() as conn:
        return conn.execute(delete(kept_answers).where(_MINE.kept_until <= now)).rowcount


def mark_effects(database: Database) -> None:
    """From now on note under which claim a write commits, in the very transaction."""
    if not event.contains(database.engine, "commit", _mark):
        event.listen(database.engine, "commit", _mark)


def _mark(conn: Connection) -> None:
    """Note the effect with its claim; raises `KeyInUse`, so that it rolls back, without one.

    Whoever stood still for longer than `CLAIMED_FOR` may have lost the claim to a later request.
    """
    held = CURRENT.get()
    if held is None or not conn.get_execution_options().get("keepwell_write", False):
        return
    mine = update(kept_answers).where(*_of(held), _MINE.state == "running").values(state="acted")
    if conn.execute(mine).rowcount:
        return
    if conn.execute(select(_MINE.name).where(*_of(held)).with_for_update()).first() is None:
        raise _in_use()


def _insert(
    conn: Connection, made: Claim, request: str, customer_id: str | None, now: datetime
) -> bool:
    build = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = {
        "name": made.name,
        "claim": made.token,
        "request": request,
        "customer_id": customer_id,
        "state": "running",
        "claimed_until": now + CLAIMED_FOR,
        "kept_until": now + KEPT_FOR,
    }
    statement = build(kept_answers).on_conflict_do_nothing().returning(_MINE.name)
    return conn.execute(statement, row).first() is not None


def _of(held: Claim) -> tuple[Any, ...]:
    return _MINE.name == held.name, _MINE.claim == held.token
