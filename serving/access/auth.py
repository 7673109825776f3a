"""Who may call: bearer keys with scopes, stored as hashes, shown once.

A key reads `kw_<id>_<secret>`. Only the sha256 of the secret is kept. The secret of a key with
`audit:sign` is also its owner's signing credential: its public half is enrolled when it is made.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from governance.errors import InvalidInput, KeepwellError, NotFound
from governance.log.ledger import Ledger
from governance.signing.keys import enrol, public_text, revoke, signing_key_from_secret
from serving.access.key_check import row_digest
from serving.tables import api_keys

SCOPES = frozenset(
    {
        "score:read",
        "events:write",
        "consent:read",
        "consent:write",
        "intervention:read",
        "intervention:approve",
        "outcomes:read",
        "feedback:write",
        "audit:sign",
        "rights:manage",
        "admin",
    }
)
_NEVER_IMPLIED = frozenset({"audit:sign"})  # signing is asked for by name, not inherited by admin
_NOTE_USE_EVERY = timedelta(hours=1)
_LONGEST_KEY = 200
_BY_ID = select(api_keys).where(api_keys.c.key_id == bindparam("key_id"))


class Unauthenticated(KeepwellError):
    """No key, an unknown key, a wrong secret, or a key that is revoked or expired."""

    code = "unauthenticated"


class ScopeMissing(KeepwellError):
    """The key is good but may not do this; `scope` is what it would need."""

    exit_code = 1
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"this key lacks the scope {scope}",
            hint=f"make one that has it: keepwell keys create --scope {scope}",
        )
        self.scope = scope


class Principal(NamedTuple):
    """Whoever calls: the key's id, its owner and what it may do."""

    key_id: str
    owner: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Tell whether the key has `scope`; `admin` has every one except `audit:sign`."""
        return scope in self.scopes or ("admin" in self.scopes and scope not in _NEVER_IMPLIED)

    def require(self, scope: str) -> None:
        """Pass, or raise `ScopeMissing`."""
        if not self.may(scope):
            raise ScopeMissing(scope)


class CreatedKey(NamedTuple):
    """A new key; `key` is the only copy there will ever be."""

    key_id: str
    key: str
    owner: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


class KeyRecord(NamedTuple):
    """What is known of a key afterwards; never its secret. `successor_id` is what it rotated to."""

    key_id: str
    owner: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    successor_id: str | None = None

    @property
    def prefix(self) -> str:
        """How the key begins, by which its holder recognises it."""
        return f"kw_{self.key_id}_…"

    def state(self, now: datetime) -> Literal["valid", "expired", "revoked"]:
        """Say whether the key opens anything at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.expires_at is None or now < self.expires_at else "expired"


def create_key(
    conn: Connection,
    ledger: Ledger,
    scopes: Collection[str],
    *,
    owner: str,
    now: datetime,
    expires_at: datetime | None = None,
    enrolled_by: str | None = None,
    enrolment_secret: str | None = None,
) -> CreatedKey:
    """Make a key for `owner`; raises `InvalidInput` for no scope, an unknown one or no owner.

    A key with `audit:sign` is enrolled, too: `enrolled_by` is the machine's user who makes it, and
    with the home's `enrolment_secret` it is vouched for.
    """
    unknown = sorted(set(scopes) - SCOPES)
    if unknown or not scopes:
        raise InvalidInput(
            f"unknown scope {', '.join(unknown)}" if unknown else "a key needs at least one scope",
            hint="choose from " + ", ".join(sorted(SCOPES)),
        )
    if not owner.strip():
        raise InvalidInput("a key needs an owner", hint="say whose key this is: --owner NAME")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("the key would already be expired", hint="give a later instant")
    key_id, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    conn.execute(
        insert(api_keys).values(
            key_id=key_id,
            secret_hash=_digest(secret),
            owner=owner.strip(),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
    )
    if "audit:sign" in scopes:
        public_key = public_text(signing_key_from_secret(secret).public_key())
        enrol(
            conn, ledger, key_id, owner, public_key,
            now=now, enrolled_by=enrolled_by, enrolment_secret=enrolment_secret,
            expires_at=expires_at,
        )  # fmt: skip
    row = conn.execute(_BY_ID, {"key_id": key_id}).one()
    body = {"key_id": key_id, "scopes": sorted(set(scopes)), "digest": row_digest(row)}
    ledger.append(conn, "key_created", body, now=now)
    return CreatedKey(
        key_id, f"kw_{key_id}_{secret}", owner.strip(), tuple(sorted(set(scopes))), expires_at
    )


def authenticate(conn: Connection, key: str, *, now: datetime) -> tuple[Principal, bool]:
    """Find out who calls, and whether `note_use` is due; raises `Unauthenticated`.

    The words are the same whatever is wrong with the key.
    """
    key_id, secret = split_key(key)
    row = conn.execute(_BY_ID, {"key_id": key_id}).first()
    expected = row.secret_hash if row is not None else _digest("")
    matches = hmac.compare_digest(_digest(secret), expected)  # the same work for an unknown id
    if row is None or not matches or not _is_valid(row, now):
        raise _unauthenticated()
    due = row.last_used_at is None or row.last_used_at < now - _NOTE_USE_EVERY
    return Principal(row.key_id, row.owner, frozenset(row.scopes)), due


def authenticate_many(
    conn: Connection, keys: Collection[str], *, now: datetime
) -> dict[str, tuple[Principal, bool] | Unauthenticated]:
    """Do `authenticate` for each of some keys, as those of requests that are answered together."""
    found: dict[str, tuple[Principal, bool] | Unauthenticated] = {}
    for key in keys:
        try:
            found[key] = authenticate(conn, key, now=now)
        except Unauthenticated as error:
            found[key] = error
    return found


def principal_of(conn: Connection, key_id: str, *, now: datetime) -> Principal:
    """Give the holder of a key that is good now; raises `Unauthenticated` for any other."""
    row = conn.execute(_BY_ID, {"key_id": key_id}).first()
    if row is None or not _is_valid(row, now):
        raise _unauthenticated()
    return Principal(row.key_id, row.owner, frozenset(row.scopes))


def split_key(key: str) -> tuple[str, str]:
    """Take `kw_<id>_<secret>` apart; raises `Unauthenticated` for any other shape."""
    parts = key.split("_", 2) if len(key) <= _LONGEST_KEY else []
    if len(parts) != 3 or parts[0] != "kw" or not parts[1] or not parts[2]:
        raise _unauthenticated()
    return parts[1], parts[2]


def note_use(conn: Connection, key_id: str, *, now: datetime) -> None:
    """Remember that a key was used; due at most once an hour."""
    conn.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at=now))


def list_keys(conn: Connection) -> tuple[KeyRecord, ...]:
    """List every key ever made, oldest first."""
    rows = conn.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
    return tuple(_record(row) for row in rows)


def revoke_key(conn: Connection, ledger: Ledger, key_id: str, *, now: datetime) -> None:
    """End a key at once, with what it could sign; raises `NotFound`. Again changes nothing."""
    row = find_key(conn, key_id)
    if row.revoked_at is None:
        conn.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(revoked_at=now))
        if "audit:sign" in row.scopes:
            revoke(conn, key_id, now=now)
        ledger.append(conn, "key_revoked", {"key_id": key_id}, now=now)


def rotate_key(
    conn: Connection,
    ledger: Ledger,
    key_id: str,
    *,
    ends_at: datetime,
    now: datetime,
    expires_at: datetime | None = None,
    enrolled_by: str | None = None,
    enrolment_secret: str | None = None,
) -> CreatedKey:
    """Make a successor with the same owner and scopes; the key of `key_id` ends at `ends_at`.

    Without `expires_at` the successor lives as long as its predecessor was to. A signing key ends
    at `now`: a reviewer signs with one key, and what it signed stays signed. Raises `NotFound`, or
    `InvalidInput` for a key that has ended or was rotated before.
    """
    old = find_key(conn, key_id)
    if old.state(now) != "valid":
        raise InvalidInput(
            f"key {key_id} is {old.state(now)}; only a key that works can be rotated",
            hint="make a new one with: keepwell keys create",
        )
    if old.successor_id is not None:
        raise InvalidInput(
            f"key {key_id} was rotated before, to {old.successor_id}",
            hint=f"rotate that one, or end this one now: keepwell keys revoke {key_id}",
        )
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    made = create_key(
        conn, ledger, old.scopes,
        owner=old.owner, now=now, expires_at=expires_at,
        enrolled_by=enrolled_by, enrolment_secret=enrolment_secret,
    )  # fmt: skip
    end_key_at(conn, ledger, key_id, ends_at, now=now, successor_id=made.key_id)
    if "audit:sign" in old.scopes:
        revoke_key(conn, ledger, key_id, now=now)
    return made


def end_key_at(
    conn: Connection,
    ledger: Ledger,
    key_id: str,
    ends_at: datetime,
    *,
    now: datetime,
    successor_id: str | None = None,
) -> None:
    """Let a key end at `ends_at`, or when it was to end anyway if that is sooner; logged.

    Again, as a journal may have it done, changes nothing.
    """
    old = find_key(conn, key_id)
    if old.expires_at is not None and old.expires_at <= ends_at and successor_id is None:
        return
    ends_at = ends_at if old.expires_at is None else min(ends_at, old.expires_at)
    successor_id = successor_id or old.successor_id
    conn.execute(
        update(api_keys)
        .where(api_keys.c.key_id == key_id)
        .values(expires_at=ends_at, successor_id=successor_id)
    )
    row = conn.execute(_BY_ID, {"key_id": key_id}).one()
    body = {"key_id": key_id, "successor": successor_id, "digest": row_digest(row)}
    ledger.append(conn, "key_rotated", body, now=now)


def find_key(conn: Connection, key_id: str) -> KeyRecord:
    """Read what is known of one key; raises `NotFound`."""
    row = conn.execute(_BY_ID, {"key_id": key_id}).first()
    if row is None:
        raise NotFound("no key has this id", hint="see: keepwell keys list")
    return _record(row)


def knows_key(conn: Connection, key_id: str) -> bool:
    """Whether a key of this id was ever made here."""
    return conn.execute(_BY_ID, {"key_id": key_id}).first() is not None


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        row.key_id,
        row.owner,
        tuple(row.scopes),
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used_at,
        row.successor_id,
    )


def _is_valid(row: Row[tuple[object, ...]], now: datetime) -> bool:
    return row.revoked_at is None and (row.expires_at is None or now < row.expires_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _unauthenticated() -> Unauthenticated:
    return Unauthenticated(
        "the bearer key is missing, unknown, expired or revoked",
        hint="send the header: Authorization: Bearer kw_…",
    )
