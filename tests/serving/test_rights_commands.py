"""Rights as people type and call them: the queue, complaints, harms, the record, retention."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving.access.auth import create_key
from serving.permission.consents import withdraw
from tests.serving.conftest import Shop
from tests.serving.test_api import Crm
from tests.serving.test_cli import Commands

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def kw(regular: Shop) -> Commands:
    """Type commands in the home where Ann may be scored."""
    return Commands(regular.keepwell.home.root)


def key_of(shop: Shop, owner: str) -> str:
    with shop.keepwell.database.write() as conn:
        return create_key(
            conn, shop.keepwell.ledger, ["rights:manage"], owner=owner, now=shop.clock()
        ).key


def client(shop: Shop, owner: str) -> TestClient:
    http = Crm(shop).http
    http.headers["Authorization"] = f"Bearer {key_of(shop, owner)}"
    return http


def test_a_contested_decision_from_request_to_appeal(kw: Commands, regular: Shop) -> None:
    asked = kw("rights", "review", "request", "ann", "--reason", "not me")
    request = asked.json["request_id"]
    assert [each["request_id"] for each in kw("rights", "review", "list").json["requests"]] == [
        request
    ]
    assert kw("rights", "review", "show", request).json["reason"] == "not me"
    decide = ("rights", "review", "decide")
    words = ("--outcome", "upheld", "--reason", "looked", "--key")
    decided = kw(*decide, request, *words, key_of(regular, "Mo"))
    assert (decided.json["status"], decided.json["decided_by"]) == ("upheld", "Mo")
    again = kw("rights", "appeal", request, "--reason", "no").json["request_id"]
    same = kw(*decide, again, *words, key_of(regular, "mo"))
    assert (same.code, same.json["error"]["code"]) == (1, "permission_refused")
    assert kw(*decide, again, *words, key_of(regular, "Kim")).code == 0


def test_a_typed_name_decides_nothing(kw: Commands) -> None:
    request = kw("rights", "review", "request", "ann", "--reason", "no").json["request_id"]
    words = ("--outcome", "upheld", "--reason", "looked", "--key", "Mo")
    assert kw("rights", "review", "decide", request, *words).code == 2


def test_a_request_can_be_taken_back(kw: Commands) -> None:
    request = kw("rights", "review", "request", "ann", "--reason", "no").json["request_id"]
    assert kw("rights", "review", "withdraw", request).json["status"] == "withdrawn"


def test_complaints_and_harms_are_kept_apart(kw: Commands, regular: Shop) -> None:
    add = ("rights", "complaint", "add", "ann", "--category", "contact", "--text", "too often")
    complaint = kw(*add).json["complaint_id"]
    close = ("--outcome", "resolved", "--text", "we will stop", "--key", key_of(regular, "Mo"))
    assert kw("rights", "complaint", "close", complaint, *close).json["status"] == "resolved"
    assert kw("rights", "complaint", "list").json["complaints"][0]["category"] == "contact"
    assert kw("rights", "harm", "add", "--target", "churn", "--text", "flagged leave").code == 0
    assert kw("rights", "harm", "list").json["harms"][0]["text"] == "flagged leave"


def test_an_export_is_written_for_machines_or_for_people(kw: Commands, tmp_path: Path) -> None:
    for name in ("ann.json", "ann.html"):
        assert kw("rights", "export", "ann", "--out", tmp_path / name).code == 0
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert "What is held about you" in (tmp_path / "ann.html").read_text(encoding="utf-8")
    assert kw("rights", "export", "ann", "--out", tmp_path / "ann.pdf").code == 2


def test_the_record_of_processing_is_printed_or_written(kw: Commands, tmp_path: Path) -> None:
    assert "name" in kw("rights", "processing-record").json["missing"]
    for name in ("record.html", "record.md", "record.json"):
        assert kw("rights", "processing-record", "--out", tmp_path / name).code == 0
        assert "risk_scoring" in (tmp_path / name).read_text(encoding="utf-8")


def test_retention_is_shown_tried_and_applied(kw: Commands) -> None:
    assert kw("retention", "show").json["automatic"] is False
    assert kw("retention", "apply", "--dry-run").json["dry_run"] is True
    assert kw("retention", "apply").json["total"] == 0
    assert "until erasure" in kw.plain("retention", "show").out


def test_ethics_are_told_beside_the_models(kw: Commands) -> None:
    found = kw("monitor", "ethics")
    assert (found.code, found.json["withdrawals"]) == (0, [])
    assert "whole months" in kw.plain("monitor", "ethics").out


def test_the_queue_over_http_comes_in_pages(regular: Shop) -> None:
    http = client(regular, "Mo")
    decision = regular.scorer.score(["ann"], targets=["churn"]).results[0].decision_id
    first = http.post("/v1/customers/ann/review-request", json={"reason": "not me"})
    body = {"reason": "nor this", "decision_id": decision}
    second = http.post("/v1/customers/ann/review-request", json=body)
    assert (first.status_code, second.status_code) == (202, 202)
    page = http.get("/v1/review-requests", params={"limit": 1}).json()
    assert [each["request_id"] for each in page["results"]] == [first.json()["request_id"]]
    rest = http.get("/v1/review-requests", params={"after": page["next"]}).json()
    assert [each["request_id"] for each in rest["results"]] == [second.json()["request_id"]]
    assert rest["next"] is None


def test_a_decision_says_over_http_where_its_contest_stands(regular: Shop) -> None:
    http = client(regular, "Mo")
    decision = regular.scorer.score(["ann"], targets=["churn"]).results[0].decision_id
    admin = Crm(regular).http
    assert admin.get(f"/v1/decisions/{decision}").json()["contested"] is None
    body = {"reason": "not me", "decision_id": decision}
    request = http.post("/v1/customers/ann/review-request", json=body).json()["request_id"]
    assert admin.get(f"/v1/decisions/{decision}").json()["contested"] == "open"
    [shown] = admin.get("/v1/customers/ann").json()["review_requests"]
    assert (shown["request_id"], shown["status"]) == (request, "open")
    verdict = {"outcome": "overturned", "reason": "they are right"}
    done = http.post(f"/v1/review-requests/{request}/decision", json=verdict)
    assert (done.status_code, done.json()["decided_by"]) == (200, "Mo")
    assert admin.get(f"/v1/decisions/{decision}").json()["contested"] == "overturned"
    shown = http.get(f"/v1/review-requests/{request}").json()
    assert (shown["reason"], shown["answer"]) == ("not me", "they are right")


def test_a_contested_refusal_looks_like_a_stranger_to_other_keys(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    refused = regular.scorer.score(["ann"], targets=["churn"]).results[0].decision_id
    body = {"reason": "not me", "decision_id": refused}
    asked = client(regular, "Mo").post("/v1/customers/ann/review-request", json=body)
    assert asked.status_code == 202
    shown = Crm(regular, "score:read").http.get(f"/v1/decisions/{refused}").json()
    assert (shown["outcome"], shown["contested"]) == ("not_available", None)


def test_an_appeal_and_a_withdrawal_over_http(regular: Shop) -> None:
    http = client(regular, "Mo")
    request = http.post("/v1/customers/ann/review-request", json={"reason": "no."}).json()
    verdict = {"outcome": "upheld", "reason": "it stands"}
    address = f"/v1/review-requests/{request['request_id']}"
    assert http.post(f"{address}/decision", json=verdict).status_code == 200
    second = http.post(f"{address}/appeal", json={"reason": "still no"}).json()
    other = f"/v1/review-requests/{second['request_id']}"
    assert http.post(f"{other}/decision", json=verdict).status_code == 403
    assert http.post(f"{other}/withdrawal").json()["status"] == "withdrawn"
    assert http.get(f"/v1/review-requests/{NOBODY}").status_code == 404


def test_an_export_over_http_is_for_machines_or_for_people(regular: Shop) -> None:
    http = client(regular, "Mo")
    assert http.get("/v1/customers/ann/export").json()["customer_id"] == "ann"
    page = http.get("/v1/customers/ann/export", params={"format": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "What is held about you" in page.text
    assert http.get("/v1/customers/ann/export", params={"format": "pdf"}).status_code == 422


def test_a_complaint_over_http(regular: Shop) -> None:
    http = client(regular, "Mo")
    body = {"category": "privacy", "text": "who gave you this"}
    assert http.post("/v1/customers/ann/complaints", json=body).status_code == 202
    wrong = http.post("/v1/customers/ann/complaints", json={**body, "category": "mood"})
    assert "mood" not in wrong.text
    assert wrong.status_code == 422


def test_other_keys_have_no_business_in_the_queue(regular: Shop) -> None:
    http = Crm(regular, "score:read").http
    assert http.get("/v1/review-requests").status_code == 403


def test_what_a_key_did_is_told_from_the_log(kw: Commands, regular: Shop) -> None:
    http = client(regular, "Mo")
    key_id = kw("keys", "list").json["keys"][-1]["id"]
    for _ in range(2):
        assert http.get("/v1/customers/ann/export").status_code == 200
    http.post("/v1/customers/ann/erasure")
    found = kw("rights", "affected", "--key", key_id, "--since", "2026-01-01").json
    assert (found["owner"], found["exported"], found["erased"]) == ("Mo", 1, 1)
    later = kw("rights", "affected", "--key", key_id, "--since", "2099-01-01").json
    assert (later["exported"], later["erased"]) == (0, 0)
    assert kw("rights", "affected", "--key", "none", "--since", "2026-01-01").code == 2
