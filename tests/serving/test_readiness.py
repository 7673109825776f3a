"""When a worker says that it can do its work, and what it says where it cannot."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from serving.http.probes import Probes
from serving.readiness import Readiness
from tests.serving.conftest import Shop
from tests.serving.test_champions import damage
from tests.serving.test_door import bento


def ready(shop: Shop) -> Readiness:
    return Readiness(shop.keepwell, shop.scorer.champions, clock=shop.clock)


def code(found: Readiness) -> str | None:
    obstacle = found.obstacle()
    return None if obstacle is None else obstacle.code


def test_a_home_with_an_approved_model_is_ready(regular: Shop) -> None:
    assert code(ready(regular)) is None


def test_a_home_without_a_model_says_which_command_makes_one(shop: Shop) -> None:
    answer = TestClient(Probes(bento, readiness=ready(shop))).get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_model")
    assert answer.json()["hint"].startswith("keepwell train churn")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_home_whose_only_model_is_damaged_is_not_ready(regular: Shop) -> None:
    [bundle] = regular.keepwell.home.bundles.iterdir()
    damage(regular, bundle.name)
    regular.scorer.warm()
    assert code(ready(regular)) == "model_damaged"


def test_a_home_whose_journal_is_lost_is_not_ready(regular: Shop) -> None:
    regular.keepwell.journal.append("withdrawal", now=regular.clock(), customer_id="bob")
    with regular.keepwell.database.write() as conn:
        conn.exec_driver_sql("UPDATE home SET journal_position = 1000000")
    assert code(ready(regular)) == "journal_lost"


def test_a_draining_worker_is_not_ready_but_alive(regular: Shop) -> None:
    found = ready(regular)
    found.draining = True
    client = TestClient(Probes(bento, readiness=found))
    assert (client.get("/readyz").json()["code"], client.get("/livez").status_code) == (
        "draining",
        200,
    )


def fails() -> None:
    raise OperationalError("SELECT 1", {}, Exception("connection refused"))


def hangs() -> None:
    time.sleep(0.5)


@pytest.mark.parametrize("database", [fails, hangs])
def test_a_database_that_does_not_answer_makes_it_not_ready_soon(
    regular: Shop, monkeypatch: pytest.MonkeyPatch, database: Callable[[], None]
) -> None:
    monkeypatch.setattr("serving.readiness.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(type(regular.keepwell.database), "read", lambda _: database())
    assert code(ready(regular)) == "database_unavailable"


def test_it_looks_once_a_second(regular: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ready(regular)
    assert code(found) is None
    monkeypatch.setattr(type(regular.keepwell.database), "read", lambda _: fails())
    assert code(found) is None
    monkeypatch.setattr("serving.readiness.KEPT_SECONDS", 0.0)
    assert code(found) == "database_unavailable"
