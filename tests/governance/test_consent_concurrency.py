"""Permission among several workers: withdrawals are in force at commit, and order is one."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry, Refusal
from governance.log.journal import Journal
from governance.proof import Permit
from governance.rights import replay_journal
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
REGISTRY = ConsentRegistry(PurposeRules(), home_kind="production")
ROOT = Path(__file__).parents[2]


def yes(customer_id: str = "anna") -> ConsentChange:
    return ConsentChange(
        customer_id=customer_id,
        purpose="risk_scoring",
        state="given",
        occurred_at=NOW,
        mechanism="button",
        evidence="form 1",
    )


def withdraw(database: Database, customer_id: str = "anna") -> None:
    with database.write() as conn:
        REGISTRY.withdraw(conn, customer_id, "risk_scoring", now=LATER)


def test_a_withdrawal_is_seen_by_every_read_that_starts_after_its_commit(
    database: Database,
) -> None:
    elsewhere = Database(database.url)
    with database.write() as conn:
        REGISTRY.record(conn, yes(), now=NOW)
    with elsewhere.read() as conn:
        assert isinstance(REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER), Permit)
    withdraw(database)
    with elsewhere.read() as conn:
        assert isinstance(REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER), Refusal)
    elsewhere.close()


@pytest.mark.parametrize("bulk", [False, True])
def test_a_withdrawal_waits_for_the_score_being_written_and_no_longer(
    database: Database, bulk: bool
) -> None:
    with database.write() as conn:
        REGISTRY.record(conn, yes(), now=NOW)
        REGISTRY.record(conn, yes("bert"), now=NOW)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as conn:
            if bulk:
                REGISTRY.permit_many(conn, "risk_scoring", ["anna", "bert"], now=LATER, hold=True)
            else:
                REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER)
            waiting = pool.submit(withdraw, database)
            with pytest.raises(StillWaiting):
                waiting.result(timeout=0.2)
        waiting.result(timeout=10)
    with database.read() as conn:
        assert isinstance(REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER), Refusal)


def test_someone_elses_withdrawal_does_not_wait(postgres_database: Database) -> None:
    with postgres_database.write() as conn:
        REGISTRY.record(conn, yes(), now=NOW)
        REGISTRY.record(conn, yes("bert"), now=NOW)
    with ThreadPoolExecutor(1) as pool, postgres_database.write() as conn:
        REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER)
        pool.submit(withdraw, postgres_database, "bert").result(timeout=10)


def test_words_of_many_workers_are_numbered_without_gaps_in_the_order_of_commits(
    database: Database,
) -> None:
    def talk(worker: int) -> None:
        for number in range(6):
            with database.write() as conn:
                if (worker + number) % 2:
                    REGISTRY.record(conn, yes(), now=NOW)
                else:
                    REGISTRY.withdraw(conn, "anna", "risk_scoring", now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, range(4)))
    with database.read() as conn:
        said = REGISTRY.history(conn, "anna")
        verdict = REGISTRY.permit(conn, "anna", "risk_scoring", now=NOW)
    assert [event.sequence for event in said] == list(range(1, 25))
    assert verdict == Refusal("risk_scoring", "withdrawn")  # all at one instant: a tie is a no


def test_a_process_killed_before_its_commit_forgets_no_withdrawal(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """The line is on disk before the commit, so replaying the journal finds it."""
    key = b"k" * 32
    with sqlite_database.write() as conn:
        REGISTRY.record(conn, yes(), now=NOW)
    child = textwrap.dedent(
        f"""
        import os, signal
        from datetime import datetime
        from pathlib import Path
        from governance.consent.registry import ConsentRegistry
        from governance.log.journal import Journal
        from governance.consent.purposes import PurposeRules
        from serving.database import Database

        journal = Journal(Path({str(tmp_path / "journal")!r}), {key!r})
        registry = ConsentRegistry(PurposeRules(), home_kind="production", journal=journal)
        now = datetime.fromisoformat({LATER.isoformat()!r})
        with Database({sqlite_database.url!r}).write() as conn:
            registry.withdraw(conn, "anna", "risk_scoring", now=now)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", child], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == -signal.SIGKILL
    journal = Journal(tmp_path / "journal", key)
    with sqlite_database.write() as conn:
        assert len(REGISTRY.history(conn, "anna")) == 1
        replay_journal(conn, REGISTRY, journal, ["anna"], now=LATER)
        verdict = REGISTRY.permit(conn, "anna", "risk_scoring", now=LATER)
    assert verdict == Refusal("risk_scoring", "withdrawn")
