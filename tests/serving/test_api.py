"""The HTTP contract, as a CRM engineer meets it."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from serving.http.api import create_app
from serving.http.door import Door, Receive, Scope, Send
from tests.serving.conftest import Shop


async def _bento(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nothing but probes goes to BentoML")


class Crm:
    """A client with a key of its own."""

    def __init__(self, shop: Shop, *scopes: str) -> None:
        app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        door = Door(_bento, inner=app, body_bytes=1_000_000, concurrency=8)
        self.http = TestClient(door, headers={"Authorization": f"Bearer {shop.key(*scopes)}"})

    def score(self, *customers: str, **more: Any) -> Any:
        inputs = [{"customer_id": each} for each in customers]
        return self.http.post("/v1/scores", json={"inputs": inputs, **more}).json()


@pytest.fixture
def crm(regular: Shop) -> Crm:
    return Crm(regular)


def test_one_call_returns_probability_interval_reasons_and_decision(crm: Crm) -> None:
    answer = crm.score("ann", targets=["churn"], reasons=2)
    [result] = answer["results"]
    score = result["scores"]["churn"]
    assert answer["num_errors"] == 0
    assert result["status"] == "scored"
    assert {"probability", "low", "high", "horizon_days", "method", "reasons"} <= score.keys()
    assert score["method"] == "model"
    assert [set(each) for each in score["reasons"]] == [
        {"feature", "value", "contribution", "text", "group", "members"}
    ] * 2
    assert crm.http.get(f"/v1/decisions/{result['decision_id']}").json()["outcome"] == "scored"


def test_withdrawal_by_delete_refuses_the_next_call(crm: Crm) -> None:
    done = crm.http.delete("/v1/customers/ann/consents/risk_scoring")
    assert (done.status_code, done.json()["state"]) == (200, "withdrawn")
    assert crm.score("ann")["results"][0]["status"] == "refused"


def test_granting_needs_the_act_and_its_evidence(crm: Crm) -> None:
    bare = crm.http.put("/v1/customers/ann/consents/risk_scoring", json={})
    assert bare.status_code == 422
    ticked = {"mechanism": "pre_ticked", "evidence": "form 7"}
    refused = crm.http.put("/v1/customers/ann/consents/risk_scoring", json=ticked)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


def test_granted_again_scores_again(crm: Crm) -> None:
    crm.http.delete("/v1/customers/ann/consents/risk_scoring")
    yes = {"mechanism": "checkbox_ticked", "evidence": "form 8"}
    crm.http.put("/v1/customers/ann/consents/risk_scoring", json=yes).raise_for_status()
    assert crm.score("ann")["results"][0]["status"] == "scored"


def test_caller_without_consent_scope_cannot_tell_refused_from_unknown(regular: Shop) -> None:
    regular.order("bob", 10)
    outsider = Crm(regular, "score:read")
    shapes = [
        {key: value for key, value in each.items() if key not in ("customer_id", "decision_id")}
        for each in outsider.score("bob", "nobody")["results"]
    ]
    assert shapes[0] == shapes[1] == {"status": "not_available"}


def test_the_decision_does_not_tell_it_either(regular: Shop) -> None:
    regular.order("bob", 10)
    outsider = Crm(regular, "score:read")
    told = [
        outsider.http.get(f"/v1/decisions/{each['decision_id']}").json()
        for each in outsider.score("bob", "nobody")["results"]
    ]
    assert [(each["outcome"], each["reason"]) for each in told] == [("not_available", None)] * 2


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": "x"},
        {"inputs": []},
        {"inputs": [{"customer_id": "a"}] * 101},
        {"inputs": [{"customer_id": ""}]},
        {"inputs": [{"customer_id": "ann"}], "targets": ["weather"]},
        {"inputs": [{"customer_id": "ann"}], "as_of": "2099-01-01"},
        {"inputs": [{"customer_id": "ann"}], "as_of": "soon"},
        {"inputs": [{"customer_id": "ann"}], "as_of": "0001-01-01T00:00:00+14:00"},
        {"inputs": [{"customer_id": "a\x00b"}]},
        {"inputs": [{"customer_id": "ann"}], "surprise": 1},
        {},
    ],
)
def test_malformed_requests_are_problem_documents(crm: Crm, body: dict[str, Any]) -> None:
    answer = crm.http.post("/v1/scores", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:keepwell:problem:invalid_input"


@pytest.mark.parametrize("path", ["/v1/scores", "/v1/events", "/v1/customers/ann/review-request"])
def test_wrong_key_is_401_whatever_the_body(crm: Crm, path: str) -> None:
    answer = crm.http.post(
        path,
        content=b"{",
        headers={"Authorization": "Bearer nope", "Content-Type": "application/json"},
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"mechanism": "pre-ticked"},
        {"explicit": "yes"},
        {"notice_id": "privacy", "notice_version": 2**63},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"expires_at": "9999-12-31T23:59:59-14:00"},
        {"evidence": "form \x00"},
        {"notice_hash": "a" * 201},
    ],
)
def test_a_yes_with_something_wrong_is_refused_and_not_an_accident(
    crm: Crm, wrong: dict[str, Any]
) -> None:
    yes = {"mechanism": "checkbox_ticked", "evidence": "form 9", **wrong}
    answer = crm.http.put("/v1/customers/bob/consents/risk_scoring", json=yes)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("customer_id", ["DE/0815", "a%2Fb", "50%", "ann/consents", "../ann"])
def test_every_customer_who_can_be_scored_can_withdraw(regular: Shop, customer_id: str) -> None:
    regular.order(customer_id, 80, 60, 40)
    regular.permit(customer_id)
    crm = Crm(regular)
    assert crm.score(customer_id)["results"][0]["status"] == "scored"
    path = f"/v1/customers/{quote(customer_id, safe='')}/consents/risk_scoring"
    done = crm.http.delete(path)
    assert (done.status_code, done.json()["customer_id"]) == (200, customer_id)
    assert crm.score(customer_id)["results"][0]["status"] == "refused"


def test_an_address_with_one_slash_too_many_is_not_redirected(crm: Crm) -> None:
    assert crm.http.get("/v1/customers/ann/", follow_redirects=False).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/events", "events:write"),
        ("DELETE", "/v1/customers/ann/consents/risk_scoring", "consent:write"),
        ("GET", "/v1/customers/ann/consents", "consent:read"),
        ("GET", "/v1/customers", "consent:read"),
        ("GET", "/v1/customers/ann", "consent:read"),
        ("GET", "/v1/customers/ann/export", "rights:manage"),
        ("POST", "/v1/customers/ann/erasure", "rights:manage"),
        ("GET", "/v1/interventions", "intervention:read"),
        ("POST", "/v1/interventions/x/approve", "intervention:approve"),
        ("GET", "/metrics", "admin"),
    ],
)
def test_each_address_asks_for_its_scope(regular: Shop, method: str, path: str, scope: str) -> None:
    caller = Crm(regular, "score:read")
    answer = caller.http.request(method, path, json={"events": [{}], "reason": "because"})
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]


def test_a_target_nobody_knows_is_not_repeated(crm: Crm) -> None:
    sent = {"inputs": [{"customer_id": "ann"}], "targets": ["Ann_Smith"]}
    answer = crm.http.post("/v1/scores", json=sent)
    assert (answer.status_code, answer.json()["detail"]) == (422, "this home has no such target")
    assert "Ann_Smith" not in answer.text


def test_scores_as_of_a_past_day_use_what_was_known_then(crm: Crm) -> None:
    then = crm.score("ann", as_of="2026-05-01")
    assert then["as_of"] == "2026-05-01T00:00:00.000000Z"


def test_customers_come_in_pages(regular: Shop) -> None:
    for each in ("bob", "cleo"):
        regular.order(each, 5)
    crm = Crm(regular)
    first = crm.http.get("/v1/customers?limit=2").json()
    assert [each["customer_id"] for each in first["results"]] == ["ann", "bob"]
    rest = crm.http.get(f"/v1/customers?limit=2&after={first['next']}").json()
    assert ([each["customer_id"] for each in rest["results"]], rest["next"]) == (["cleo"], None)


def test_one_customer_shows_history_words_and_decisions(crm: Crm) -> None:
    crm.score("ann")
    found = crm.http.get("/v1/customers/ann").json()
    assert found["events"][0]["kind"] in ("consent_changed", "order")
    assert found["decisions"][0]["outcome"] == "scored"
    assert crm.http.get("/v1/customers/nobody").status_code == 404


def test_rights_over_http(crm: Crm) -> None:
    assert crm.http.get("/v1/customers/ann/export").json()["customer_id"] == "ann"
    asked = crm.http.post("/v1/customers/ann/review-request", json={"reason": "not me"})
    assert asked.status_code == 202
    assert crm.http.post("/v1/customers/ann/objection").json()["outcome"] == "objected"
    assert crm.http.post("/v1/customers/ann/erasure").json()["outcome"] == "erased"
    left = crm.http.get("/v1/customers/ann/export").json()
    assert (left["events"], left["consents"], left["person_id"]) == ([], [], None)
    assert left["suppression"] is not None


def test_models_say_which_serves(crm: Crm) -> None:
    [model] = crm.http.get("/v1/models").json()["results"]
    assert (model["status"], model["serves"]) == ("approved", True)


def test_the_description_lists_the_addresses_and_asks_for_a_key(crm: Crm) -> None:
    document = crm.http.get("/v1/openapi.json").json()
    assert "/v1/scores" in document["paths"]
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= document["components"]["schemas"].keys()
    assert crm.http.get("/v1/openapi.json", headers={"Authorization": ""}).status_code == 401


def test_metrics_name_routes_and_no_customer(crm: Crm) -> None:
    crm.http.get("/v1/customers/ann/consents")
    text = crm.http.get("/metrics").text
    assert 'route="/v1/customers/{customer_id}/consents"' in text
    assert "ann" not in text.replace("channel", "")


def test_metrics_do_not_grow_with_invented_methods(crm: Crm) -> None:
    for number in range(3):
        crm.http.request(f"ANN{number}", "/v1/scores")
    text = crm.http.get("/metrics").text
    assert 'method="other"' in text
    assert "ANN" not in text


def test_measures_state_what_was_divided_and_hide_small_groups(crm: Crm) -> None:
    found = crm.http.get("/v1/outcomes/measures").json()
    retention = next(each for each in found["measures"] if each["name"] == "retention")
    assert "÷" in retention["definition"]
    assert retention["value"] is None  # one customer is too few


def test_head_is_get_without_a_body(crm: Crm) -> None:
    answer = crm.http.head("/v1/customers")
    assert (answer.status_code, answer.content) == (200, b"")
    assert crm.http.head("/v1/customers/nobody").status_code == 404


def test_options_and_a_wrong_method_say_what_an_address_takes(crm: Crm) -> None:
    path = "/v1/customers/ann/consents/risk_scoring"
    asked, wrong = crm.http.options(path), crm.http.patch(path)
    assert (asked.status_code, asked.headers["allow"]) == (204, "DELETE, PUT")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, PUT")
    assert crm.http.options("/v1/nothing").status_code == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/scores"])
def test_a_body_that_is_no_json_is_the_wrong_media_type(crm: Crm, path: str, kind: str) -> None:
    answer = crm.http.post(path, content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_several_mistakes_are_told_at_once(crm: Crm) -> None:
    answer = crm.http.post("/v1/customers/ann/complaints", json={"text": "x", "more": 1})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/category", "/text", "/…"]
