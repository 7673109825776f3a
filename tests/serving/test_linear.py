"""Threads and processes at once: in the order of commits nothing is done without permission."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import func, select

from governance.log.decision_batch import DecisionBatch
from governance.tables import consent_events, decisions, ledger_entries
from serving.bootstrap import Keepwell, open_home
from serving.interventions.tables import outbox
from serving.permission.consents import withdraw
from serving.scoring.batch import score_everyone
from tests.serving.children import forked
from tests.serving.holding import check_home
from tests.serving.lived import PEOPLE, live
from tests.serving.racing_home import work
from tests.serving.workbench import Workbench, make_workbench

PROCESSES, THREADS = 3, 2
ROUNDS = settings().max_examples // 4
"""15 acts per thread each time, 250 with `--hypothesis-profile=evidence`."""


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    return forked()


@pytest.fixture(params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, fast_path: Path) -> Iterator[Workbench]:
    on_postgres = request.param == "postgres"
    uri = request.getfixturevalue("postgres_uri") if on_postgres else None
    found = make_workbench(fast_path, uri, live)
    yield found
    if found.server is not None:
        found.server.close()


def test_processes_that_score_grant_withdraw_and_send_at_once_leave_one_order(
    bench: Workbench, children: ForkServerContext, tmp_path: Path
) -> None:
    """No verdict stands in the log after a no without a later yes: `check_home` reads it so."""
    bench.fresh().close()
    sent = tmp_path / "sent.txt"
    workers = [
        children.Process(target=work, args=(str(bench.place), seed, THREADS, ROUNDS, str(sent)))
        for seed in range(PROCESSES)
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join(timeout=300)
    assert [each.exitcode for each in workers] == [0] * PROCESSES
    keepwell = open_home(bench.place)
    check_home(keepwell, now=datetime.now(UTC), customers=PEOPLE)
    with keepwell.database.read() as conn:
        words = conn.scalar(select(func.count()).select_from(consent_events)) or 0
        verdicts = conn.scalar(select(func.count()).select_from(decisions)) or 0
        requests = outbox.c.type == "intervention.requested"
        kept = conn.execute(select(outbox.c.message_id, outbox.c.status).where(requests)).all()
    keepwell.close()
    went = Counter(sent.read_text().split() if sent.exists() else [])
    assert set(went.values()) <= {1}, "a message went out twice"
    ended = {row.status for row in kept if row.message_id in went}  # an erasure leaves no row
    assert ended <= {"delivered"}
    assert min(words, verdicts) > ROUNDS


def test_who_withdraws_while_a_batch_is_recorded_is_in_no_batch_and_keeps_no_result(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at permissions and the commit a withdrawal waits."""
    keepwell = bench.fresh()
    now = bench.now + timedelta(seconds=1)
    give, waiting = DecisionBatch.give, list[threading.Thread]()

    def meanwhile(*given: Any, **more: Any) -> None:
        one = threading.Thread(target=_withdraws, args=(keepwell, now))
        one.start()
        one.join(timeout=1)
        waiting.append(one)
        give(*given, **more)

    monkeypatch.setattr(DecisionBatch, "give", meanwhile)
    score_everyone(keepwell, keepwell.target("churn"), out=None, clock=lambda: now)
    for one in waiting:
        one.join(timeout=30)
    check_home(keepwell, now=now, customers=PEOPLE)
    with keepwell.database.read() as conn:
        last = select(ledger_entries.c.kind).order_by(ledger_entries.c.seq.desc()).limit(1)
        assert conn.scalar(last) == "consent"
    keepwell.close()


def _withdraws(keepwell: Keepwell, now: datetime) -> None:
    withdraw(keepwell, PEOPLE[0], "risk_scoring", actor="customer", clock=lambda: now)
