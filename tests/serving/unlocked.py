"""Modes unlocked as a reviewer does it: a vouched key signs for figures that suffice."""

from datetime import UTC, datetime
from pathlib import Path

from governance.log.ledger import Ledger
from governance.signing.keys import create_enrolment_key
from serving.access.auth import create_key
from serving.bootstrap import Keepwell
from serving.database import Database
from serving.interventions.policy.modes import unlock, unlocked_mode

AT = datetime(2026, 1, 1, tzinfo=UTC)
ASSESSED = {"assessment_sha256": "a" * 64, "assessment_bytes": 2_000}
SUFFICIENT = {"decided": 60, "override_rate": 0.2, "median_seconds": 45.0, "experiments": 1}


def unlock_modes(database: Database, ledger: Ledger, secret_file: Path | None = None) -> None:
    """Unlock advise and act; does nothing where that was done before."""
    with database.read() as conn:  # callers may be writing already
        if unlocked_mode(conn, home_kind="production") == "act":
            return
    with database.write() as conn:
        secret = create_enrolment_key(conn, ledger, now=AT)
        if secret is None and secret_file is not None:
            secret = secret_file.read_text()
        made = create_key(
            conn, ledger, ["audit:sign"], owner="Ruth", now=AT, enrolment_secret=secret
        )
        own = made.key.split("_", 2)[2]
        unlock(conn, ledger, "advise", ASSESSED, key_id=made.key_id, secret=own, now=AT)
        unlock(conn, ledger, "act", SUFFICIENT, key_id=made.key_id, secret=own, now=AT)


def unlock_home(keepwell: Keepwell) -> None:
    """Unlock a home whose enrolment secret, where there is one, a test has noted beside it."""
    unlock_modes(keepwell.database, keepwell.ledger, enrolment_file(keepwell))


def enrolment_file(keepwell: Keepwell) -> Path:
    """Name the file a test notes the enrolment secret in."""
    return keepwell.home.root / "enrolment.txt"
