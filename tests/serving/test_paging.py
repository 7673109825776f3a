"""Every list is read page by page in one way, and nobody is missed or met twice."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from serving.tables import review_requests
from tests.serving.conftest import Shop, register_model, save_bundle
from tests.serving.test_api import Crm
from tests.serving.test_preferences import announce
from tests.serving.test_review_queue import case_of


def customers(shop: Shop) -> None:
    for each in ("bob", "cleo", "dora & co/1", "emil"):
        shop.order(each, 5)


def models(shop: Shop) -> None:
    with shop.keepwell.database.write() as conn:
        for intercept in (0.1, 0.2, 0.3, 0.4):
            saved = save_bundle(shop.keepwell, intercept=intercept)
            register_model(conn, shop.keepwell, saved, now=shop.clock())


def notices(shop: Shop) -> None:
    for version in range(1, 6):
        announce(shop, "risk_scoring", version=version)


def words(shop: Shop) -> None:
    shop.permit("ann", *(f"sharing.partner{k}" for k in range(4)))


def requests(shop: Shop) -> None:
    add_requests(shop, 5)


def add_requests(shop: Shop, n: int) -> None:
    now = shop.clock()
    row = {"person_id": "p", "received_at": now, "due_at": now + timedelta(days=1)}
    with shop.keepwell.database.write() as conn:
        for k in range(n):
            made = {**row, "request_id": f"{now.timestamp()}-{k}", "status": "open"}
            conn.execute(insert(review_requests), made)


@pytest.mark.parametrize(
    ("path", "rows", "fill"),
    [
        ("/v1/customers", "results", customers),
        ("/v1/models", "results", models),
        ("/v1/notices", "results", notices),
        ("/v1/customers/ann/consents", "history", words),
        ("/v1/review-requests?status=open", "results", requests),
    ],
)
def test_pages_together_are_the_whole(
    regular: Shop, path: str, rows: str, fill: Callable[[Shop], None]
) -> None:
    fill(regular)
    http = Crm(regular).http
    whole = http.get(path).json()
    pages: list[list[Any]] = []
    following = f"{path}{'&' if '?' in path else '?'}limit=2"
    while following:
        answer = http.get(following)
        pages.append(answer.json()[rows])
        link = answer.headers.get("link", "")
        assert (answer.json()["next"] is None) == (link == "")
        found = re.fullmatch(r'<(\?.+)>; rel="next"', link)
        following = path.partition("?")[0] + found[1] if found else ""
    assert [len(each) for each in pages] == [2, 2, 1]
    assert [row for page in pages for row in page] == whole[rows]
    assert whole["next"] is None


def test_who_arrives_or_goes_between_two_pages_moves_nobody(regular: Shop) -> None:
    http = Crm(regular).http
    add_requests(regular, 3)
    first = http.get("/v1/review-requests", params={"limit": 2}).json()
    with regular.keepwell.database.write() as conn:
        last = first["results"][-1]["request_id"]
        conn.execute(review_requests.delete().where(review_requests.c.request_id == last))
    add_requests(regular, 1)
    rest = http.get("/v1/review-requests", params={"limit": 9, "after": first["next"]}).json()
    assert len(rest["results"]) == 2


def test_interventions_go_on_behind_one_that_was_erased(regular: Shop) -> None:
    case_of(regular).runs()
    http = Crm(regular).http
    [one] = http.get("/v1/interventions").json()["results"]
    at = f"{int(regular.clock.now.timestamp() * 1e6)}~gone"
    answer = http.get("/v1/interventions", params={"after": at}).json()
    assert answer["results"] == [one]


def test_a_place_that_is_none_is_a_mistake(regular: Shop) -> None:
    http = Crm(regular).http
    for path in ("interventions", "review-requests", "models", "notices", "customers/ann/consents"):
        for after in ("nowhere", "1~", "~x", "²~x"):
            answer = http.get(f"/v1/{path}", params={"after": after})
            assert (answer.status_code, "next" in answer.json()["hint"]) == (422, True), path


def test_a_status_nobody_knows_is_answered_with_those_there_are(regular: Shop) -> None:
    answer = Crm(regular).http.get("/v1/interventions", params={"status": "proposd"})
    assert answer.status_code == 422
    assert "'proposed', 'queued'" in answer.text
