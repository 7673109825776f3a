"""Killed at any point, what people asked for is as if never asked or done in full; never half."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from multiprocessing.context import ForkServerContext

import pytest
from sqlalchemy import select

from features.compaction import tidy
from features.history import read_everything_of
from features.store import buckets
from governance.proof import Permit
from governance.review.candidates import find_model
from governance.review.reviews import champion
from serving.access.auth import list_keys
from serving.bootstrap import Keepwell, open_home
from serving.interventions.tables import interventions
from serving.permission.consents import withdraw
from serving.record.review_requests import list_requests, open_of
from serving.rights.acts import erase, object_to_processing, settle
from serving.rights.review_queue import request_review
from tests.serving.children import forked
from tests.serving.dying_promises import COMMITTED, act_and_die, all_points, do
from tests.serving.holding import check_home
from tests.serving.lived import ANN, BOB, CLEO, PEOPLE, live, read_key
from tests.serving.workbench import Workbench, make_workbench

A_WHILE = timedelta(minutes=2)
"""Longer than a lease."""


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    """Give what starts children quickly: one clean process that has imported everything."""
    return forked()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return make_workbench(tmp_path_factory.mktemp("lived"), None, live)


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, postgres_uri: str) -> Iterator[Workbench]:
    found = make_workbench(tmp_path_factory.mktemp("lived"), postgres_uri, live)
    yield found
    assert found.server is not None
    found.server.close()


def permits(keepwell: Keepwell, customer_id: str, purpose: str, bench: Workbench) -> bool:
    with keepwell.database.read() as conn:
        now = bench.now + A_WHILE
        return isinstance(keepwell.registry.permit(conn, customer_id, purpose, now=now), Permit)


def statuses(keepwell: Keepwell, customer_id: str) -> list[str]:
    """How every intervention of a customer stands."""
    query = select(interventions.c.status).where(interventions.c.customer_id == customer_id)
    with keepwell.database.read() as conn:
        return sorted(conn.execute(query).scalars())


def contested(keepwell: Keepwell) -> bool:
    """Whether Ann's request is open and what waits for her is held."""
    with keepwell.database.read() as conn:
        person = keepwell.persons.find(conn, ANN)
        return person is not None and len(open_of(conn, person)) == 1


def served(keepwell: Keepwell, bench: Workbench) -> int:
    """Say whether the first or the second model is champion."""
    with keepwell.database.read() as conn:
        found = champion(conn, "churn", now=bench.now + A_WHILE)
        newest = find_model(conn, "churn").model_digest
    assert found is not None
    return 2 if found.model_digest == newest else 1


def revoked(keepwell: Keepwell) -> bool:
    with keepwell.database.read() as conn:
        ended = {each.key_id for each in list_keys(conn) if each.revoked_at is not None}
    return read_key(keepwell).split("_")[1] in ended


def overturned(keepwell: Keepwell) -> bool:
    """Whether the decision that Ann contested was overturned."""
    with keepwell.database.read() as conn:
        return [each.status for each in list_requests(conn)] == ["overturned"]


def let_go(keepwell: Keepwell) -> bool:
    """Whether what is older than a month is gone: rows, files, and the old report."""
    with keepwell.database.read() as conn:
        orders = [
            e for each in PEOPLE for e in read_everything_of(conn, each) if e["kind"] == "order"
        ]
        named = {each.path for each in buckets(conn)}
    there = {each.name for each in keepwell.home.history.glob("*.parquet")}
    return len(orders) == 1 and there == named and not list(keepwell.home.reports.iterdir())


KEPT: Mapping[str, Callable[[Keepwell, Workbench], bool]] = {
    "grant": lambda home, bench: permits(home, ANN, "research_text", bench),
    "withdraw": lambda home, bench: (
        not permits(home, ANN, "risk_scoring", bench) and statuses(home, ANN) == ["cancelled"]
    ),
    "object": lambda home, bench: (
        not permits(home, ANN, "outreach.email", bench) and statuses(home, ANN) == ["cancelled"]
    ),
    "import": lambda home, bench: (
        permits(home, BOB, "research_text", bench) and not permits(home, ANN, "risk_scoring", bench)
    ),
    "erase": lambda home, bench: (
        not permits(home, ANN, "risk_scoring", bench) and statuses(home, ANN) == []
    ),
    "clear": lambda home, bench: statuses(home, CLEO) == ["queued"],
    "send": lambda home, bench: statuses(home, ANN) == ["sent"],
    "contest": lambda home, bench: contested(home),
    "decide": lambda home, bench: overturned(home),
    "retain": lambda home, bench: let_go(home),
    "sign": lambda home, bench: served(home, bench) == 2,
    "revoke": lambda home, bench: revoked(home),
    "settle": lambda home, bench: (
        not any(permits(home, each, "risk_scoring", bench) for each in PEOPLE)
        and [statuses(home, each) for each in PEOPLE] == [["cancelled"], [], []]
    ),
}
"""What each act promises, once it is done."""
JOURNALLED = {
    "withdraw": {"journalled", "recorded", "noted", "stopped", "forgotten", "pages_dropped",
                 "remembered", "logged"},
    "object": {"recorded", "stopped", "remembered", "logged"},
    "revoke": {"journalled", "revoked"},
    "decide": {"journalled", "noted", "stopped", "logged"},
    "erase": {"journalled", "history_gone", "messages_gone", "noted", "sweeping"},
}  # fmt: skip
"""Points after which a no is on disk, so that the next start brings it about by itself."""


def restored(bench: Workbench) -> Keepwell:
    """Give a home from a backup, whose journal knows of a withdrawal and two erasures since."""
    keepwell, now = bench.fresh(), bench.now
    keepwell.close()
    bench.back_up()
    withdraw(keepwell, ANN, "risk_scoring", actor="customer", clock=lambda: now)
    object_to_processing(keepwell, ANN, now=now)
    erase(keepwell, BOB, now=now)
    erase(keepwell, CLEO, now=now)
    keepwell.close()
    return bench.restore()


def disputed(bench: Workbench) -> Keepwell:
    """Give a home in which Ann contests what was decided about her."""
    keepwell = bench.fresh()
    request_review(keepwell, ANN, reason="I do not think so", clock=lambda: bench.now)
    return keepwell


def aged(bench: Workbench) -> Keepwell:
    """Give a home with its history in files, and a report of long ago."""
    keepwell = bench.fresh()
    tidy(keepwell.database, keepwell.store, now=bench.now)
    report = keepwell.home.reports / "old.html"
    report.write_text("old")
    os.utime(report, (0, 0))
    return keepwell


PREPARED: Mapping[str, Callable[[Workbench], Keepwell]] = {
    "settle": restored, "decide": disputed, "retain": aged,
}  # fmt: skip


def is_killed(children: ForkServerContext, bench: Workbench, act: str, point: str) -> None:
    keepwell = PREPARED.get(act, Workbench.fresh)(bench)
    assert not KEPT[act](keepwell, bench)
    keepwell.close()
    given = (str(bench.place), act, point, (bench.now + timedelta(seconds=1)).isoformat())
    child = children.Process(target=act_and_die, args=given)
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL


def all_is_made_good(bench: Workbench, act: str, point: str) -> None:
    keepwell, later = open_home(bench.place), bench.now + A_WHILE
    check_home(keepwell, now=later, customers=PEOPLE)
    settle(keepwell, now=later)
    check_home(keepwell, now=later, customers=PEOPLE)
    if point == COMMITTED or point in JOURNALLED.get(act, ()):
        assert act == "settle" or KEPT[act](keepwell, bench)
    if not KEPT[act](keepwell, bench):
        do(act, keepwell, later)
    assert KEPT[act](keepwell, bench)
    check_home(keepwell, now=later, customers=PEOPLE)
    keepwell.close()


@pytest.mark.parametrize(("act", "point"), all_points())
def test_a_process_killed_at_any_point_leaves_a_home_that_holds(
    on_sqlite: Workbench, children: ForkServerContext, act: str, point: str
) -> None:
    is_killed(children, on_sqlite, act, point)
    all_is_made_good(on_sqlite, act, point)


@pytest.mark.parametrize(
    ("act", "point"),
    [(act, point) for act, point in all_points() if act in ("withdraw", "erase", "settle")],
)
def test_it_holds_on_postgres_too(
    on_postgres: Workbench, children: ForkServerContext, act: str, point: str
) -> None:
    is_killed(children, on_postgres, act, point)
    all_is_made_good(on_postgres, act, point)
