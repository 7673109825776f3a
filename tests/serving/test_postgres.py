"""The same home on PostgreSQL: score, withdraw, erase, from several threads at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from governance.log.ledger import verify
from serving.bootstrap import create_home
from serving.database import Database
from serving.http.api import create_app
from serving.http.door import Door
from serving.permission.consents import withdraw
from serving.record.replay import replay
from serving.rights import acts
from serving.rights.acts import erase
from serving.settings import Settings
from serving.settings_permission import PreferenceSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.racing import withdraw_while_scoring
from tests.serving.test_ethics import PEOPLE, measured
from tests.serving.test_ethics import groups as people_in_groups
from tests.serving.test_preferences import Person, announce
from tests.serving.test_retention import applied, with_limits
from tests.serving.test_review_queue import case_of


@pytest.fixture
def shop(tmp_path: Path, postgres_uri: str) -> Iterator[Shop]:
    """Give a production home whose database is a PostgreSQL of its own."""
    server = Database(postgres_uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS shop WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE shop"))
    server.close()
    url = server.engine.url.set(database="shop").render_as_string(hide_password=False)
    clock = Clock()
    settings = Settings(
        database_url=url, preferences=PreferenceSettings(base_url="http://testserver")
    )
    keepwell = create_home(tmp_path / "home", settings, now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


def test_a_home_on_postgres_scores_refuses_and_replays(regular: Shop) -> None:
    scored = regular.scorer.score(["ann", "nobody"], targets=["churn"]).results
    assert [each.status for each in scored] == ["scored", "not_available"]
    again = replay(regular.keepwell, scored[0].decision_id, now=regular.clock())
    assert again.outcome == "same"
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    assert regular.scorer.score(["ann"], targets=["churn"]).results[0].status == "not_available"
    erase(regular.keepwell, "ann", now=regular.clock())


def test_scores_at_the_same_time_do_not_fork_the_log(regular: Shop) -> None:
    scorer = regular.scorer
    scorer.warm()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: scorer.score(["ann"], targets=["churn"]), range(40)))
    with regular.keepwell.database.read() as conn:
        found = verify(conn, regular.keepwell.keys.ledger_public)
    assert {each.results[0].status for each in answers} == {"scored"}
    assert found.outcome == "intact"


def test_no_call_that_begins_after_a_withdrawal_is_scored(regular: Shop) -> None:
    race = withdraw_while_scoring(regular, "ann")
    assert "scored" in race.before
    assert set(race.after) == {"not_available"}
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.keys.ledger_public).outcome == "intact"


def test_an_erasure_and_a_withdrawal_do_not_stand_against_each_other(
    regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    regular.order("bob", 3)
    regular.permit("bob")
    logged = Event()
    log = acts._log

    def log_and_linger(*args: Any) -> None:
        log(*args)
        logged.set()
        sleep(0.5)  # the withdrawal comes meanwhile, and waits

    monkeypatch.setattr(acts, "_log", log_and_linger)
    with ThreadPoolExecutor(1) as pool:
        erasure = pool.submit(erase, regular.keepwell, "ann", now=regular.clock())
        logged.wait(10)
        withdraw(regular.keepwell, "bob", "risk_scoring", actor="customer", clock=regular.clock)
        assert erasure.result()["events"] > 0


def test_an_id_that_postgres_cannot_hold_is_the_callers_mistake(regular: Shop) -> None:
    app = create_app(regular.keepwell, regular.scorer, clock=regular.clock)
    door = Door(app, inner=app, body_bytes=10_000, concurrency=4)
    http = TestClient(door, headers={"Authorization": f"Bearer {regular.key()}"})
    inputs = [{"customer_id": "ann"}, {"customer_id": "a\x00b"}]
    assert http.post("/v1/scores", json={"inputs": inputs}).status_code == 422
    for path in ("/v1/customers/%00", "/v1/customers?after=%00", "/v1/decisions/%00"):
        assert http.get(path).status_code == 422
    nul = {"customer_id": "a\x00b", "kind": "order", "occurred_at": "2026-05-01T00:00:00Z"}
    done = http.post("/v1/events", json={"events": [nul, {**nul, "customer_id": "bob"}]}).json()
    assert (done["rejected"], done["written"]) == (1, 1)


def test_deciding_stopping_and_scoring_at_once_neither_wait_for_ever_nor_disagree(
    regular: Shop,
) -> None:
    announce(regular, "risk_scoring")
    ann = Person(regular)
    page = ann.press(ann.open().form("allow", "risk_scoring"))
    stop = ann.link("stop-link")
    allow = ann.press(page.form("stop", "everything")).form("allow", "risk_scoring")
    regular.scorer.warm()

    def act(number: int) -> int:
        scoring = {"inputs": [{"customer_id": "ann"}]}
        answer: httpx.Response = (
            lambda: ann.browser.post("/preferences", data=allow.fields),
            lambda: ann.browser.post(stop),
            lambda: ann.site.delete("/v1/customers/ann/consents"),
            lambda: ann.site.post("/v1/scores", json=scoring),
        )[number % 4]()
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(act, range(32))) == {200}
    newest = max(
        ann.history(), key=lambda each: (each.occurred_at, not each.permits, each.sequence)
    )
    assert ann.permits() == newest.permits
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.keys.ledger_public).outcome == "intact"


def test_a_contested_contact_is_held_and_let_go_on(regular: Shop) -> None:
    case = case_of(regular)
    case.runs()
    request = case.contests()
    assert case.claims() is None
    case.decides(request, "upheld")
    assert case.status() == ("queued", "")


def test_what_happened_is_counted_by_month_and_by_group(shop: Shop) -> None:
    people_in_groups(shop, permitting=PEOPLE[:50])
    found = measured(shop, "churn")
    assert [each.n for each in found.exposure or ()] == [25, 25]


def test_what_was_kept_long_enough_goes(regular: Shop) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    regular.pass_days(40)
    told = applied(with_limits(regular, events_days=50, decisions_days=30))
    assert told == {"events": 3, "decisions": 1}
