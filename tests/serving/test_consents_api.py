"""Permissions over HTTP: saying yes and no, everything at once, notices, receipts."""

import json
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event

from serving.permission.notices import publish
from tests.serving.conftest import Shop
from tests.serving.test_api import Crm

YES = {"mechanism": "checkbox_ticked", "evidence": "form 9"}
SCORING = "/v1/customers/bob/consents/risk_scoring"


@pytest.fixture
def crm(regular: Shop) -> Crm:
    return Crm(regular)


def announce(shop: Shop, **stated: Any) -> None:
    fields: dict[str, Any] = {
        "notice_id": "scoring",
        "version": 1,
        "content": "We look at your orders.",
        "purposes": ["risk_scoring"],
        "material": False,
        "locale": "en",
        "valid_for_days": 365,
    }
    publish(shop.keepwell, **fields | stated, clock=shop.clock)


def test_a_yes_names_its_notice_and_learns_when_it_ends(crm: Crm, regular: Shop) -> None:
    announce(regular)
    said = YES | {"notice_id": "scoring", "notice_version": 1}
    told = crm.http.put(SCORING, json=said).json()
    assert (told["permitted"], told["notice_locale"], len(told["notice_hash"])) == (True, "en", 64)
    assert told["expires_at"].startswith("2027-06-01")
    [stands] = [
        each
        for each in crm.http.get("/v1/customers/bob/consents").json()["consents"]
        if each["purpose"] == "risk_scoring"
    ]
    assert (stands["notice_id"], stands["notice_version"]) == ("scoring", 1)
    assert stands["expires_at"] == told["expires_at"]


def test_a_yes_that_permits_nothing_says_why(crm: Crm, regular: Shop) -> None:
    announce(regular)
    told = crm.http.put(SCORING, json=YES).json()
    assert (told["permitted"], told["reason"]) == (False, "notice_changed")


def test_a_key_that_only_writes_does_not_learn_where_people_stand(regular: Shop) -> None:
    writer = Crm(regular, "consent:write")
    told = writer.http.put(SCORING, json=YES).json()
    assert "permitted" not in told
    assert "reason" not in told


def test_a_key_that_only_writes_stops_everything_without_learning_what_there_was(
    regular: Shop,
) -> None:
    told = Crm(regular, "consent:write").http.delete("/v1/customers/ann/consents").json()
    assert (told["state"], told["events"]) == ("withdrawn", {})
    [answer] = regular.scorer.score(["ann"], targets=["churn"], may_see_refusals=True).results
    assert answer.reason == "withdrawn"


def test_a_renewal_needs_an_earlier_yes_and_what_a_yes_needs(crm: Crm, regular: Shop) -> None:
    renewed = YES | {"state": "renewed"}
    never = crm.http.put(SCORING, json=renewed)
    assert (never.status_code, "never a yes" in never.json()["detail"]) == (422, True)
    crm.http.put(SCORING, json=YES).raise_for_status()
    assert crm.http.put(SCORING, json={"state": "renewed"}).status_code == 422
    announce(regular, material=True)
    said = renewed | {"notice_id": "scoring", "notice_version": 1}
    assert crm.http.put(SCORING, json=said).json()["permitted"]


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"mechanism": "pre_ticked"},
        {"evidence": "form \x00"},
        {"notice_hash": "a" * 500},
        {"surprise": 1},
        {"explicit": "perhaps"},
    ],
)
def test_a_refusal_needs_nothing_and_fails_on_nothing(crm: Crm, beside: dict[str, Any]) -> None:
    answer = crm.http.put(SCORING, json={"state": "refused", **beside})
    assert (answer.status_code, answer.json()["state"]) == (200, "refused")


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"explicit": "perhaps"}', b"\xff", b'{"state": "given"}']
)
def test_withdrawal_never_fails_on_what_is_sent_beside(crm: Crm, body: bytes) -> None:
    for path in ("/v1/customers/ann/consents/risk_scoring", "/v1/customers/ann/consents"):
        answer = crm.http.request(
            "DELETE", path, content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")


def test_withdrawal_takes_no_more_fields_or_credentials_than_granting(regular: Shop) -> None:
    writer = Crm(regular, "consent:write")
    path = "/v1/customers/ann/consents/risk_scoring"
    document = Crm(regular).http.get("/v1/openapi.json").json()
    operations = document["paths"]["/v1/customers/{customer_id}/consents/{purpose}"]
    assert "requestBody" in operations["put"]
    assert "requestBody" not in operations["delete"]
    named = {each["name"] for each in operations["delete"]["parameters"]}
    assert named == {each["name"] for each in operations["put"]["parameters"]}
    assert writer.http.put(path, json=YES).status_code == 200
    assert writer.http.delete(path).status_code == 200


def test_everything_stops_at_once(crm: Crm, regular: Shop) -> None:
    regular.permit("ann", "model_training", "outreach.email")
    told = crm.http.delete("/v1/customers/ann/consents").json()
    assert sorted(told["events"]) == ["model_training", "outreach.email", "risk_scoring"]
    stands = crm.http.get("/v1/customers/ann/consents").json()["consents"]
    assert {each["purpose"] for each in stands if each["permitted"]} == {"operations"}
    assert crm.score("ann")["results"][0]["status"] == "refused"
    assert sorted(crm.http.delete("/v1/customers/ann/consents").json()["events"]) == [
        "model_training",
        "outreach.email",
        "risk_scoring",
    ]


def test_an_employee_is_never_scored_and_what_was_estimated_goes(crm: Crm) -> None:
    [scored] = crm.score("ann")["results"]
    told = crm.http.put("/v1/customers/ann/subject", json={"relation": "employee"}).json()
    assert told == {"customer_id": "ann", "adult_from": None, "relation": "employee"}
    shown = crm.http.get("/v1/customers/ann/consents").json()["subject"]
    assert shown == {"adult_from": None, "relation": "employee"}
    [refused] = crm.score("ann")["results"]
    assert (refused["status"], refused["reason"]) == ("refused", "employee")
    before = crm.http.get(f"/v1/decisions/{scored['decision_id']}").json()
    assert (before["result"], before["result_forgotten"]) == (None, True)


def test_a_minor_needs_a_guardian(crm: Crm) -> None:
    told = crm.http.put("/v1/customers/bob/subject", json={"birth_date": "2012-02-29"}).json()
    assert told["adult_from"] == "2030-03-01T00:00:00.000000Z"
    assert crm.http.put(SCORING, json=YES).json()["reason"] == "minor"
    guarded = YES | {"guardian_evidence": "signed by a parent, form 4"}
    assert crm.http.put(SCORING, json=guarded).json()["permitted"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"birth_date": "soon"},
        {"birth_date": "9999-12-31"},
        {"birth_date": "9990-01-01"},
        {"adult_from": "2030-01-01", "birth_date": "2012-01-01"},
        {"relation": "friend"},
    ],
)
def test_what_is_wrong_about_a_person_is_refused(crm: Crm, wrong: dict[str, str]) -> None:
    answer = crm.http.put("/v1/customers/bob/subject", json=wrong)
    assert answer.status_code == 422
    assert "soon" not in answer.text


def test_a_key_that_only_writes_is_not_told_what_is_known_of_a_person(
    crm: Crm, regular: Shop
) -> None:
    path = "/v1/customers/bob/subject"
    crm.http.put(path, json={"birth_date": "2012-02-29", "relation": "employee"})
    told = Crm(regular, "consent:write").http.put(path, json={}).json()
    assert told == {"customer_id": "bob"}
    assert crm.http.put(path, json={}).json()["relation"] == "employee"


def test_a_renewal_tells_a_key_that_only_writes_nothing_about_anyone(
    crm: Crm, regular: Shop
) -> None:
    crm.http.put(SCORING, json=YES).raise_for_status()
    crm.http.delete(SCORING).raise_for_status()
    crm.http.post("/v1/customers/ann/erasure").raise_for_status()
    writer, told = Crm(regular, "consent:write"), []
    for who in ("bob", "ann", "nob"):
        path = f"/v1/customers/{who}/consents/risk_scoring"
        answer = writer.http.put(path, json=YES | {"state": "renewed"})
        told.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
    assert told == [(403, "scope_missing", "this key lacks the scope consent:read")] * 3
    assert writer.http.put(SCORING, json=YES).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        YES | {"occurred_at": "2026-01-01"},
        YES | {"occurred_at": "2026-01-01", "mechanism": "imported"},
        YES | {"state": "renewed"},
        YES | {"mechanism": "pre_ticked"},
        {"state": "refused"},
    ],
)
def test_a_key_that_only_writes_cannot_tell_the_erased_from_strangers(
    crm: Crm, regular: Shop, said: dict[str, Any]
) -> None:
    crm.http.post("/v1/customers/ann/erasure").raise_for_status()
    writer = Crm(regular, "consent:write")
    told = []
    for who in ("ann", "nob"):
        answer = writer.http.put(f"/v1/customers/{who}/consents/risk_scoring", json=said)
        body = answer.json()
        for changes in ("customer_id", "event_id", "recorded_at", "occurred_at"):
            body.pop(changes, None)
        told.append((answer.status_code, body))
    assert told[0] == told[1]
    assert not crm.http.get("/v1/customers/ann/consents").json()["history"] or (
        said["state"] == "refused"
    )


def test_an_unknown_field_is_not_repeated(crm: Crm) -> None:
    for sent in ({"Ann_Smith": 1}, {"set": {"Ann_Smith": "x"}}):
        for path in ("/v1/customers/bob/what-if", "/v1/customers/bob/complaints"):
            assert "Ann_Smith" not in crm.http.post(path, json=sent).text
    assert "Ann_Smith" not in crm.http.put(SCORING, json={"Ann_Smith": 1}).text


def test_an_admin_publishes_notices_and_readers_read_them(regular: Shop) -> None:
    words = {
        "notice_id": "scoring",
        "version": 1,
        "words": "We look at your orders.",
        "purposes": ["risk_scoring"],
        "expires_after_days": 30,
    }
    german = {"notice_id": "scoring", "version": 1, "words": "Wir sehen …", "locale": "de"}
    reader = Crm(regular, "consent:read", "consent:write")
    assert reader.http.post("/v1/notices", json=words).status_code == 403
    admin = Crm(regular)
    assert admin.http.post("/v1/notices", json=words).status_code == 201
    assert admin.http.post("/v1/notices", json=german).status_code == 201
    assert admin.http.post("/v1/notices", json=german).status_code == 422
    [found] = reader.http.get("/v1/notices").json()["results"]
    assert (found["version"], found["current_for"]) == (1, ["risk_scoring"])
    assert sorted(found["languages"]) == ["de", "en"]
    assert found["expires_after_days"] == 30


def test_publishing_a_notice_is_in_the_log(regular: Shop) -> None:
    announce(regular)
    with regular.keepwell.database.read() as conn:
        newest = conn.exec_driver_sql(
            "SELECT kind, body FROM ledger_entries ORDER BY seq DESC LIMIT 1"
        ).one()
    assert newest.kind == "notice"
    assert json.loads(newest.body)["purposes"] == ["risk_scoring"]
    assert "orders" not in newest.body


def test_a_receipt_is_there_for_every_word(crm: Crm) -> None:
    told = crm.http.put(SCORING, json=YES).json()
    receipt = crm.http.get(f"/v1/customers/bob/receipts/{told['event_id']}").json()
    assert receipt["@type"] == "dpv:ConsentReceipt"
    assert receipt["dpv:hasRecordOfActivity"]["dct:identifier"] == told["event_id"]
    assert crm.http.get(f"/v1/customers/ann/receipts/{told['event_id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("PUT", SCORING, "consent:write"),
        ("DELETE", "/v1/customers/bob/consents", "consent:write"),
        ("PUT", "/v1/customers/bob/subject", "consent:write"),
        ("GET", "/v1/customers/bob/receipts/x", "consent:read"),
        ("GET", "/v1/notices", "consent:read"),
        ("POST", "/v1/notices", "admin"),
    ],
)
def test_each_address_asks_for_its_scope(regular: Shop, method: str, path: str, scope: str) -> None:
    words = {"notice_id": "x", "version": 1, "words": "x", "purposes": ["operations"]}
    body = words if path == "/v1/notices" else YES if path == SCORING else {}
    answer = Crm(regular, "score:read").http.request(method, path, json=body)
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]


# to callers without the consent scope, refused and unknown are one (invariant 15)


@pytest.fixture
def outsider(regular: Shop) -> Crm:
    """Give a caller who may only score; Bob refused, Cleo is a minor, Dora is staff, Eve left."""
    for who in ("bob", "cleo", "dora", "eve"):
        regular.order(who, 80, 60, 40)
    admin = Crm(regular)
    admin.http.put(SCORING, json={"state": "refused"})
    admin.http.put("/v1/customers/cleo/subject", json={"birth_date": "2016-01-01"})
    admin.http.put("/v1/customers/dora/subject", json={"relation": "employee"})
    admin.http.post("/v1/customers/eve/erasure").raise_for_status()
    return Crm(regular, "score:read")


def _blurred(text: str, *names: str) -> str:
    """Leave out what differs by being asked again: who was asked for, and the decision's id."""
    told = json.loads(text)
    for result in told["results"]:
        result["decision_id"] = "…"
        assert result.pop("customer_id") in names
    return json.dumps(told | {"as_of": "…"})


def test_every_refusal_is_byte_for_byte_that_of_a_stranger(outsider: Crm) -> None:
    said = set()
    for who in ("bob", "cleo", "dora", "eve", "nob"):
        answer = outsider.http.post("/v1/scores", json={"inputs": [{"customer_id": who}]})
        lengths = len(answer.content) - len(who)
        said.add((answer.status_code, lengths, _blurred(answer.text, who)))
        assert "set-cookie" not in answer.headers
    assert len(said) == 1


def test_a_question_what_if_tells_no_more(outsider: Crm) -> None:
    said = set()
    for who in ("bob", "cleo", "dora", "eve", "nob"):
        answer = outsider.http.post(f"/v1/customers/{who}/what-if", json={})
        told = answer.json()
        kept = {key: told[key] for key in told.keys() - {"customer_id", "decision_id", "as_of"}}
        said.add((answer.status_code, json.dumps(kept, sort_keys=True)))
    assert len(said) == 1


def test_no_page_of_a_customer_opens_without_the_scope_whether_known_or_not(outsider: Crm) -> None:
    paths = ("", "/consents", "/export", "/receipts/x")
    for path, methods in product(paths, ("GET",)):
        answers = [
            outsider.http.request(methods, f"/v1/customers/{who}{path}")
            for who in ("bob", "eve", "nobody")
        ]
        assert {each.status_code for each in answers} == {403}
        assert len({each.content for each in answers}) == 1


def test_a_stranger_takes_about_as_long_as_a_refusal(outsider: Crm, regular: Shop) -> None:
    """The database is asked the very same for both; neither history nor model is looked at."""
    asked: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    def steps(who: str) -> tuple[str, ...]:
        asked.clear()
        outsider.score(who)
        return tuple(asked)

    event.listen(regular.keepwell.database.engine, "before_cursor_execute", note)
    steps("warm")  # the first request of a worker also looks for the newest model
    taken = {steps(who) for who in ("bob", "cleo", "dora", "eve", "stranger")}
    assert len(taken) == 1
    assert any("ledger_entries" in each for each in taken.pop())
