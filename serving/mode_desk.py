"""Unlocking and locking modes of a home, by an enrolled key, written in the log."""

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from governance.errors import InvalidInput
from serving.access.auth import Unauthenticated, split_key
from serving.bootstrap import Keepwell
from serving.interventions.choosing.mode_evidence import (
    ActEvidence,
    act_evidence,
    assessment,
    require_enough,
)
from serving.interventions.policy.modes import (
    ModeStanding,
    Unlock,
    list_unlocks,
    lock,
    mode_standing,
    unlock,
)
from serving.settings import Mode


class HomeMode(NamedTuple):
    """Where a home stands, what was unlocked, and what mode act would rest on now."""

    standing: ModeStanding
    unlocks: tuple[Unlock, ...]
    evidence: ActEvidence


def home_mode(keepwell: Keepwell, *, now: datetime) -> HomeMode:
    """Look at where a home stands."""
    with keepwell.database.read() as conn:
        stated = keepwell.settings.mode
        return HomeMode(
            mode_standing(conn, home_kind=keepwell.kind, stated=stated),
            list_unlocks(conn),
            _evidence(keepwell, conn, now),
        )


def unlock_advise(keepwell: Keepwell, file: Path, *, key: str | None, now: datetime) -> Unlock:
    """Unlock advise on an impact assessment that the owner of `key` stands for."""
    _require_production(keepwell)
    return _unlock(keepwell, "advise", assessment(file), key, now)


def unlock_act(keepwell: Keepwell, *, key: str | None, now: datetime) -> Unlock:
    """Unlock act; raises `GateRefused` naming everything that is missing."""
    _require_production(keepwell)
    with keepwell.database.read() as conn:
        evidence = _evidence(keepwell, conn, now)
    require_enough(evidence)
    return _unlock(keepwell, "act", evidence.to_json(), key, now)


def lock_mode(keepwell: Keepwell, mode: Mode, *, reason: str, now: datetime) -> int:
    """Take a mode back at once; raises `NotFound` where it is not unlocked."""
    with keepwell.database.write() as conn:
        return lock(conn, keepwell.ledger, mode, reason=reason, now=now)


def _unlock(
    keepwell: Keepwell, mode: Mode, figures: dict[str, Any], key: str | None, now: datetime
) -> Unlock:
    if key is None:
        raise InvalidInput(
            "a mode is unlocked with an enrolled key, and none was given",
            hint="make one: keepwell keys create --scope audit:sign --owner NAME",
        )
    try:
        key_id, secret = split_key(key)
    except Unauthenticated:
        raise InvalidInput(
            "what was given as the key is not one of Keepwell's keys",
            hint="give it whole, as `keepwell keys create` printed it: kw_…",
        ) from None
    with keepwell.database.write() as conn:
        return unlock(conn, keepwell.ledger, mode, figures, key_id=key_id, secret=secret, now=now)


def _evidence(keepwell: Keepwell, conn: Connection, now: datetime) -> ActEvidence:
    return act_evidence(
        conn,
        keepwell.targets,
        home_kind=keepwell.kind,
        fairness_required="act" in keepwell.settings.gate.fairness_blocks,
        now=now,
    )


def _require_production(keepwell: Keepwell) -> None:
    if keepwell.kind == "demo":
        raise InvalidInput(
            "a demo home reaches nobody: it counts as unlocked, and says so",
            hint="a production home is made with: keepwell init",
        )
    if keepwell.kind == "evaluation":
        raise InvalidInput(
            "an evaluation home contacts nobody, so nothing can be unlocked",
            hint="a production home is made with: keepwell init",
        )
