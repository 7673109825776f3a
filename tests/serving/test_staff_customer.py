"""The pages of one customer over HTTP: whose they are, what a key opens, what is never told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.http.api import create_app
from serving.http.staff.visit import COOKIE
from serving.permission.consents import withdraw
from serving.scoring.scorer import Scorer
from serving.settings import Settings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home

HREF = "/staff/customers/ann"
PARTS = ("", "/timeline", "/scores", "/what-if", "/permissions", "/contacts", "/decisions")


@pytest.fixture
def client(regular: Shop) -> Iterator[TestClient]:
    app = create_app(regular.keepwell, regular.scorer, clock=regular.clock)
    with TestClient(app, follow_redirects=False) as made:
        yield made


def _log_in(client: TestClient, key: str) -> None:
    answer = client.post("/staff/login", data={"key": key})
    client.cookies.set(COOKIE, answer.cookies[COOKIE])


def _seal(client: TestClient) -> str:
    found = re.search('name="csrf" value="([0-9a-f]+)"', client.get("/staff").text)
    assert found is not None
    return found[1]


def test_whoever_is_not_logged_in_is_led_to_the_login(client: TestClient) -> None:
    for part in PARTS:
        answer = client.get(f"{HREF}{part}")
        assert (answer.status_code, answer.headers["location"][:12]) == (303, "/staff/login")


def test_scoring_needs_the_scope_and_the_session_own_form(
    regular: Shop, client: TestClient
) -> None:
    _log_in(client, regular.key("consent:read"))
    assert client.post(f"{HREF}/scores", data={"csrf": _seal(client)}).status_code == 403
    _log_in(client, regular.key("consent:read", "score:read"))
    assert client.post(f"{HREF}/scores", data={"csrf": "another"}).status_code != 303
    done = client.post(f"{HREF}/scores", data={"csrf": _seal(client)})
    assert done.headers["location"] == f"{HREF}/scores?target=churn&said=scored"
    page = client.get(done.headers["location"]).text
    assert "Scored." in page
    assert "last order was" in page


def test_a_withdrawal_needs_the_scope_to_record_it(regular: Shop, client: TestClient) -> None:
    _log_in(client, regular.key("consent:read"))
    sent = {"csrf": _seal(client), "purpose": "risk_scoring"}
    assert "Withdraw" not in client.get(f"{HREF}/permissions").text
    assert client.post(f"{HREF}/permissions", data=sent).status_code == 403


def test_pictures_are_kept_by_no_cache_and_gone_with_the_permission(
    regular: Shop, client: TestClient
) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    _log_in(client, regular.key("admin"))
    for name in ("reasons.svg", "scores.svg"):
        answer = client.get(f"{HREF}/{name}")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "image/svg+xml"
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="ann", clock=regular.clock)
    for name in ("reasons.svg", "scores.svg"):
        assert client.get(f"{HREF}/{name}").status_code == 404


def test_the_waterfall_of_another_customers_decision_is_not_drawn(
    regular: Shop, client: TestClient
) -> None:
    regular.order("bob", 5)
    regular.permit("bob")
    answer = regular.scorer.score(["bob"], targets=["churn"])
    _log_in(client, regular.key("admin"))
    theirs = answer.results[0].decision_id
    assert client.get(f"{HREF}/reasons.svg?decision={theirs}").status_code == 404
    assert client.get(f"{HREF}/what-if?decision={theirs}").status_code == 200


def test_an_id_with_a_slash_and_markup_is_one_customer_and_stays_text(
    regular: Shop, client: TestClient
) -> None:
    regular.order("a/<b>", 5)
    _log_in(client, regular.key("admin"))
    page = client.get("/staff/customers?find=a/")
    assert page.headers["location" if page.status_code == 303 else "content-type"]
    assert "/staff/customers/a%2F%3Cb%3E" in page.text
    assert "a/<b>" not in page.text


def test_a_home_for_evaluation_shows_pseudonyms_alone(tmp_path: Path) -> None:
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(kind="evaluation"), now=clock())
    shop = Shop(keepwell, clock)
    shop.order("ann", 3)
    inside = keepwell.inside_id("ann")
    app = create_app(keepwell, Scorer(keepwell, clock=clock), clock=clock)
    with TestClient(app, follow_redirects=False) as client:
        _log_in(client, shop.key("admin"))
        found = client.get("/staff/customers?find=ann")
        assert found.headers["location"] == f"/staff/customers/{inside}"
        page = client.get(HREF).text
    assert f"Customer {inside}" in page
    assert ">ann<" not in page
    keepwell.close()
