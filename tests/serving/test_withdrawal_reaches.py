"""A withdrawal reaches every place a score may be: workers, tables, pages, files, receivers."""

import json
from pathlib import Path
from random import Random

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from serving.bootstrap import Keepwell, open_home
from serving.http.api import create_app
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.dispatch import dispatch
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import interventions, outbox
from serving.permission.consents import withdraw
from serving.record.dossier import write_dossier
from serving.scoring.batch import VALID_FOR, score_everyone
from tests.serving.conftest import Shop
from tests.serving.holding import places_of
from tests.serving.lived import NOTE, awake_desk, candidate

HERE = "http://127.0.0.1:9/"


@pytest.fixture
def other(regular: Shop) -> Shop:
    """Give another worker of the same home, which has just scored Ann."""
    worker = Shop(open_home(regular.keepwell.home.root), regular.clock)
    assert score(worker) == "scored"
    return worker


def score(shop: Shop) -> str:
    return shop.scorer.score(["ann"], targets=["churn"]).results[0].status


def ann_withdraws(shop: Shop) -> None:
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)


def probability(shop: Shop) -> float:
    [found] = shop.scorer.score(["ann"], targets=["churn"]).results
    number = found.scores["churn"].probability
    assert number is not None
    return number


def test_another_worker_that_scored_just_before_keeps_nothing(regular: Shop, other: Shop) -> None:
    ann_withdraws(regular)
    assert score(other) == "not_available"
    other.keepwell.close()


def test_the_number_is_in_no_table_afterwards(regular: Shop) -> None:
    """Whatever is added one day: a cache, a feature store, a copy beside a contact."""
    regular.permit("ann", "outreach.email")
    number = probability(regular)
    run_interventions(
        awake_desk(regular.keepwell),
        NOTE,
        [candidate("ann", number, None)],
        outside_contacts={},
        clock=regular.clock,
    )
    with regular.keepwell.database.read() as conn:
        before = places_of(conn, str(number))
    ann_withdraws(regular)
    with regular.keepwell.database.read() as conn:
        after = places_of(conn, str(number))
        row = conn.execute(select(interventions)).one()
    assert before == ["decisions.result", "interventions.probability"]
    assert after == []
    assert (row.probability, row.stratum, row.status) == (None, "", "cancelled")


def test_its_page_and_its_replay_go(regular: Shop) -> None:
    [found] = regular.scorer.score(["ann"], targets=["churn"]).results
    pages = write_dossier(regular.keepwell, found.decision_id, now=regular.clock())
    assert all(page.exists() for page in pages)
    ann_withdraws(regular)
    assert not any(page.exists() for page in pages)


def test_the_same_request_again_is_judged_again(regular: Shop) -> None:
    """No idempotency store: the key of a repeated request brings no earlier answer back."""
    app = create_app(regular.keepwell, regular.scorer, clock=regular.clock)
    headers = {"Authorization": f"Bearer {regular.key()}", "Idempotency-Key": "once"}
    with TestClient(app, headers=headers) as client:
        body = {"inputs": [{"customer_id": "ann"}]}
        first = client.post("/v1/scores", json=body)
        ann_withdraws(regular)
        again = client.post("/v1/scores", json=body)
    assert first.json()["results"][0]["status"] == "scored"
    assert first.headers["cache-control"] == "no-store"
    assert again.json()["results"][0]["status"] == "refused"


def test_a_row_in_a_file_says_until_when_it_may_be_used(regular: Shop, tmp_path: Path) -> None:
    target, out = regular.keepwell.target("churn"), tmp_path / "scores.parquet"
    score_everyone(regular.keepwell, target, out=out, clock=regular.clock)
    [row] = pq.read_table(out).to_pylist()
    assert abs(row["expires_at"] - (regular.clock() + VALID_FOR)).total_seconds() < 1


def with_webhook(regular: Shop, url: str) -> Keepwell:
    settings = regular.keepwell.home.settings_file
    only = '["intervention.requested", "intervention.cancelled", "score.withdrawn"]'
    written = f'\n[webhook]\nurl = "{url}"\nevents = {only}\n'
    settings.write_text(settings.read_text() + written)
    return open_home(regular.keepwell.home.root)


def test_a_receiver_is_told_to_delete_the_score_until_it_acknowledges(regular: Shop) -> None:
    shop = Shop(with_webhook(regular, HERE), regular.clock)
    score(shop)
    ann_withdraws(shop)
    told: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        told.append(request)
        return httpx.Response(503 if len(told) == 1 else 204)

    endpoint = Endpoint(HERE, shop.keepwell.keys.webhook, reach=Reach(private=True))
    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        for _ in range(3):
            desk = awake_desk(shop.keepwell)
            dispatch(desk, endpoint, client, clock=shop.clock, rng=Random(1))
            shop.pass_days(1)
    assert [json.loads(each.content)["type"] for each in told] == ["score.withdrawn"] * 2
    assert told[0].headers["webhook-id"] == told[1].headers["webhook-id"]
    shop.keepwell.close()


def test_who_was_never_scored_is_not_announced(regular: Shop) -> None:
    shop = Shop(with_webhook(regular, HERE), regular.clock)
    ann_withdraws(shop)
    with shop.keepwell.database.read() as conn:
        assert conn.execute(select(outbox)).all() == []
    shop.keepwell.close()


def test_the_message_names_who_and_what_and_no_score(regular: Shop) -> None:
    shop = Shop(with_webhook(regular, HERE), regular.clock)
    score(shop)
    ann_withdraws(shop)
    with shop.keepwell.database.read() as conn:
        data = json.loads(conn.execute(select(outbox.c.body)).scalar_one())["data"]
    assert set(data) == {"customer_id", "purpose", "withdrawn_at"}
    shop.keepwell.close()
