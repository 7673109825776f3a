"""How far Keepwell goes by itself: observe → advise → act, each step unlocked by stated evidence.

The setting `mode` says what a company wants; what it may is what somebody unlocked. *advise* needs
an impact assessment that a reviewer signed for, *act* the evidence of `mode_evidence`. An unlock is
signed with the reviewer's enrolled key over the very figures it rests on: a row written by hand
unlocks nothing. Demo homes reach nobody and count as unlocked; evaluation homes never act.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, insert, select, update

from governance.canonical import canonical, digest
from governance.errors import InvalidInput, NotFound, PermissionRefused
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.signing.keys import (
    find_key,
    is_vouched,
    public_text,
    signing_key_from_secret,
)
from serving.interventions.tables import mode_unlocks
from serving.settings import Mode

ORDER: tuple[Mode, ...] = ("observe", "advise", "act")


class ModeStanding(NamedTuple):
    """What was asked for (`stated`), what is `unlocked`, the lower of the two, and why.

    `why` is empty where the stated mode is in force.
    """

    stated: Mode
    unlocked: Mode
    effective: Mode
    why: str


class Unlock(NamedTuple):
    """One step that was unlocked: by whom, when, on what evidence (figures and digests alone)."""

    unlock_id: str
    mode: Mode
    evidence: Mapping[str, Any]
    unlocked_at: datetime
    unlocked_by: str
    revoked_at: datetime | None


def mode_standing(conn: Connection, *, home_kind: str, stated: Mode) -> ModeStanding:
    """Give the mode in force: the lower of what the settings state and what is unlocked."""
    unlocked = unlocked_mode(conn, home_kind=home_kind)
    if ORDER.index(stated) <= ORDER.index(unlocked):
        return ModeStanding(stated, unlocked, stated, "")
    missing = ORDER[ORDER.index(unlocked) + 1]
    why = (
        f"mode = {stated!r} is set, but {missing} is not unlocked: see `keepwell mode show`"
        if home_kind == "production"
        else f"mode = {stated!r} is set, but an {home_kind} home contacts nobody"
    )
    return ModeStanding(stated, unlocked, unlocked, why)


def unlocked_mode(conn: Connection, *, home_kind: str) -> Mode:
    """Give the furthest mode whose unlocks, and those before it, are signed and not taken back."""
    if home_kind == "demo":
        return "act"
    if home_kind != "production":
        return "observe"
    valid = {each.mode for each in list_unlocks(conn) if _holds(conn, each)}
    reached: Mode = "observe"
    for mode in ORDER[1:]:
        if mode not in valid:
            break
        reached = mode
    return reached


def list_unlocks(conn: Connection) -> tuple[Unlock, ...]:
    """Give every unlock there ever was, the newest first."""
    newest = mode_unlocks.c.unlocked_at.desc(), mode_unlocks.c.unlock_id
    return tuple(_unlock(row) for row in conn.execute(select(mode_unlocks).order_by(*newest)))


def unlock(
    conn: Connection,
    ledger: Ledger,
    mode: Mode,
    figures: Mapping[str, Any],
    *,
    key_id: str,
    secret: str,
    now: datetime,
) -> Unlock:
    """Write down that a reviewer unlocked a mode on these figures, signed with their key.

    Whoever calls has checked that the figures suffice (`mode_evidence`). Raises `PermissionRefused`
    for a key that is unknown, over, not this secret's or vouched for by nobody, `InvalidInput` for
    a mode that needs no unlocking.
    """
    if mode == "observe":
        raise InvalidInput("observe needs no unlocking", hint="unlock advise, then act")
    key, private_key = find_key(conn, key_id), signing_key_from_secret(secret)
    if (
        key is None
        or not key.signs_at(now)
        or key.public_key != public_text(private_key.public_key())
    ):
        raise _refused("this is not an enrolled signing key", "unknown_key")
    if not is_vouched(conn, key):
        raise _refused(
            "nobody vouches for this signing key: the name on it proves nothing", "not_vouched"
        )
    unlock_id = str(uuid4())
    message = _message(unlock_id, mode, figures, now)
    signature = private_key.sign(message).hex()
    evidence = {"figures": figures, "key_id": key_id, "signature": signature}
    row = {
        "unlock_id": unlock_id,
        "mode": mode,
        "evidence": canonical(evidence),
        "unlocked_at": now,
        "unlocked_by": key.owner,
    }
    conn.execute(insert(mode_unlocks), row)
    body = {"unlock": unlock_id, "mode": mode, "evidence": digest(evidence), "key_id": key_id}
    ledger.append(conn, "mode_unlocked", body | dict(_digests(figures)), now=now)
    return Unlock(unlock_id, mode, evidence, now, key.owner, None)


def lock(conn: Connection, ledger: Ledger, mode: Mode, *, reason: str, now: datetime) -> int:
    """Take the unlocking of a mode back at once; gives how many unlocks that ended.

    Anyone who may use the command may stop. Raises `NotFound` where nothing was unlocked.
    """
    mine = (mode_unlocks.c.mode == mode) & mode_unlocks.c.revoked_at.is_(None)
    ended = conn.execute(update(mode_unlocks).where(mine).values(revoked_at=now)).rowcount
    if not ended:
        raise NotFound(f"{mode} is not unlocked", hint="see: keepwell mode show")
    ledger.append(conn, "mode_locked", {"mode": mode, "reason": reason.strip()}, now=now)
    return ended


def _digests(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what of the figures stands in the log by itself: the hash of the assessment."""
    return {k: v for k, v in figures.items() if k == "assessment_sha256"}


def _holds(conn: Connection, each: Unlock) -> bool:
    if each.revoked_at is not None:
        return False
    key = find_key(conn, str(each.evidence.get("key_id", "")))
    if key is None or not is_vouched(conn, key):
        return False
    if key.revoked_at is not None and key.revoked_at <= each.unlocked_at:
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_key))
        message = _message(
            each.unlock_id, each.mode, each.evidence.get("figures", {}), each.unlocked_at
        )
        public.verify(bytes.fromhex(str(each.evidence.get("signature", ""))), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(unlock_id: str, mode: str, figures: Mapping[str, Any], at: datetime) -> bytes:
    body = {"unlock_id": unlock_id, "mode": mode, "figures": figures, "unlocked_at": to_text(at)}
    return b"keepwell mode unlock 1\n" + canonical(body).encode()


def _unlock(row: Row[Any]) -> Unlock:
    try:
        evidence: Any = json.loads(row.evidence)
    except ValueError:
        evidence = {}
    return Unlock(
        row.unlock_id,
        row.mode,
        evidence if isinstance(evidence, dict) else {},
        row.unlocked_at,
        row.unlocked_by,
        row.revoked_at,
    )


def _refused(message: str, reason: str) -> PermissionRefused:
    return PermissionRefused(
        message,
        purpose="review",
        reason=reason,
        hint="have it made with the enrolment key: keepwell keys create --scope audit:sign "
        "--owner NAME --enrolment-key KEY",
    )
