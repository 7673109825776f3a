"""The OpenAPI document says what the service does: every answer here is held against it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.dashboard.figure import LAYERS
from serving.dashboard.look import take_look
from serving.interventions.delivery.announcements import announce_consents
from serving.interventions.delivery.messages import MESSAGES
from serving.interventions.delivery.outbox import announce_cancelled
from serving.interventions.delivery.withdrawn_scores import announce_withdrawn
from serving.interventions.tables import outbox
from serving.notice.step_up import queue_code
from serving.pages.notice import code_words
from serving.record.step_up_codes import NewCode
from serving.reporting.report import make_report
from serving.reporting.shelf import write_report
from serving.settings import Settings
from serving.settings_permission import PreferenceSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.described import answer_schema, mistakes, named, operations, references
from tests.serving.homes import new_home
from tests.serving.test_api import Crm
from tests.serving.test_feedback import TEN, tickets
from tests.serving.test_review_queue import Case, case_of

SORRY = {"category": "contact", "text": "too many letters"}
BECAUSE = {"reason": "read with care"}
BESIDE = {"get_liveness", "get_readiness", "get_metrics"}
"""Operations that answer with something else than JSON of ours."""


class Session:
    """Calls operations by name and holds every answer against the document."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.crm = Crm(shop, "admin", "audit:sign")
        self.document: dict[str, Any] = self.crm.http.get("/v1/openapi.json").json()
        self.called: dict[str, list[str]] = {}

    def call(self, name: str, *places: str, body: Any = None, **query: Any) -> Any:
        method, path, operation = named(self.document, name)
        for place in places:
            path = re.sub(r"{\w+}", place, path, count=1)
        answer = self.crm.http.request(method, path, json=body, params=query)
        schema = answer_schema(operation, answer.status_code)
        assert schema is not None, (name, answer.status_code, answer.text)
        found = mistakes(self.document, schema, answer.json())
        self.called.setdefault(name, []).extend(found)
        return answer.json()


def mend(session: Session) -> None:
    """Take an item through the feedback hub; read the journey and a report."""
    call, shop = session.call, session.shop
    tickets(shop, TEN, escalated=8)
    shop.pass_days(1)
    item = call("open_feedback", body={"source": "measure:escalation", "days": 30})["item_id"]
    call("list_feedback", limit=1)
    call("assign_feedback", item, body={"owner": "Help desk", "due_at": "2027-01-01"})
    call("act_on_feedback", item, body={"action": "More people answer"})
    shop.pass_days(29.9)
    tickets(shop, TEN, escalated=1)
    shop.pass_days(1)
    call("remeasure_feedback", item)
    call("close_feedback", item, body={"reason": "it got better"})
    call("get_feedback", item)
    call("get_journey")
    now = shop.clock()
    write_report(shop.keepwell, make_report(shop.keepwell, "week", end=None, samples=0, now=now))
    call("get_report")
    take_look(shop.keepwell, clock=shop.clock)
    for layer in LAYERS:
        call("get_dashboard", layer=layer)
    said = {"text": "New prices", "happened_at": "2026-05-04"}
    note = call("add_annotation", body=said)["annotation_id"]
    call("list_annotations")
    call("remove_annotation", note)


def live(session: Session, case: Case) -> None:
    """Do everything the service can do, once at least."""
    call = session.call
    yes = {"mechanism": "checkbox_ticked", "evidence": "form 8"}
    event = {"customer_id": "bob", "kind": "order", "occurred_at": "2026-05-01T00:00:00Z"}
    call("send_events", body={"events": [{**event, "event_id": "b1", "value": 9.5}, {}]})
    notice = {"notice_id": "n", "version": 1, "words": "We call.", "purposes": ["outreach.phone"]}
    call("publish_notice", body=notice)
    call("list_notices")
    call("create_scores", body={"inputs": [{"customer_id": "ann"}, {"customer_id": "nobody"}]})
    call("create_scores", body={"inputs": [{"customer_id": "bob"}]})
    call("get_decision", case.decision_id)
    call("replay_decision", case.decision_id)
    call("ask_what_if", "ann", body={})
    call("ask_what_if", "ann", body={"set": {"order_count_365d": 9}})
    for name in ("list_models", "list_customers", "get_measures", "list_plans"):
        call(name)
    call("get_lift", "personal_note")
    call("get_roi", "personal_note", cost=500, margin_rate=0.3)
    waiting, other = case.runs("advise"), case.decision_id
    call("list_experiments")
    call("list_interventions", limit=1)
    call("get_intervention", waiting)
    call("reject_intervention", waiting, body=BECAUSE)
    call("confirm_intervention", waiting)
    request = call("request_review", "ann", body={**BECAUSE, "decision_id": other})["request_id"]
    call("get_decision", case.decision_id)
    call("decide_review_request", request, body={"outcome": "upheld", **BECAUSE})
    again = call("appeal_review_request", request, body=BECAUSE)["request_id"]
    call("get_review_request", again)
    call("withdraw_review_request", again)
    call("list_review_requests", limit=1)
    call("create_complaint", "ann", body=SORRY)
    call("get_customer", "ann")
    call("hold_address", "ann", "email", body={"address": "ann@example.com"})
    call("remove_address", "ann", "email")
    call("list_messages", limit=1)
    call("create_preference_link", "ann")
    call("create_stop_link", "ann")
    said = call("record_consent", "bob", "outreach.email", body=yes)["event_id"]
    call("get_consent_receipt", "bob", said)
    call("get_consents", "bob")
    call("describe_customer", "bob", body={"birth_date": "1970-02-03"})
    call("withdraw_consent", "bob", "outreach.email")
    call("withdraw_all_consents", "bob")
    call("object_to_processing", "ann")
    call("export_customer", "ann")
    call("erase_customer", "ann")
    mend(session)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a home that says where people reach it."""
    clock = Clock()
    settings = Settings(preferences=PreferenceSettings(base_url="http://testserver"))
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


@pytest.fixture
def session(regular: Shop) -> Session:
    return Session(regular)


def test_every_answer_is_as_described(regular: Shop) -> None:
    case = case_of(regular)
    session = Session(regular)
    live(session, case)
    wrong = {name: found for name, found in session.called.items() if found}
    assert wrong == {}
    everything = {each["operationId"] for _, _, each in operations(session.document)}
    assert everything - BESIDE - session.called.keys() == {
        "approve_intervention",
        "replay_message",
    }


def test_every_operation_says_what_it_is_and_which_scope_it_needs(session: Session) -> None:
    found = list(operations(session.document))
    names = [each["operationId"] for _, _, each in found]
    assert len(set(names)) == len(names) > 30
    for _, path, operation in found:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
        assert operation["summary"], path
        assert operation["tags"], path


def test_the_scope_an_operation_names_is_the_one_it_asks_for(regular: Shop) -> None:
    session = Session(regular)
    caller = Crm(regular, "outcomes:read")
    other = Crm(regular, "score:read")
    for method, path, operation in operations(session.document):
        scopes = [each["key"] for each in operation["security"]]
        if operation["operationId"] in BESIDE or not scopes or not scopes[0]:
            continue
        [[scope]] = scopes
        http = (other if scope == "outcomes:read" else caller).http
        answer = http.request(method, re.sub(r"{\w+}", "x", path), json={})
        assert (answer.status_code, scope in answer.json()["detail"]) == (403, True), path


def test_examples_are_as_described(session: Session) -> None:
    for _, path, operation in operations(session.document):
        if operation["operationId"] in BESIDE:
            continue
        places = [operation["requestBody"]] if "requestBody" in operation else []
        places += [each for code, each in operation["responses"].items() if code.startswith("2")]
        for place in places:
            shown = place["content"]["application/json"]
            assert mistakes(session.document, shown["schema"], shown["example"]) == [], path


def test_every_reference_leads_somewhere(session: Session) -> None:
    for reference in references(session.document):
        found: Any = session.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_problems_are_described_for_every_operation(session: Session) -> None:
    for _, path, operation in operations(session.document):
        if operation["operationId"] not in BESIDE:
            assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys(), path
    problem = session.crm.http.post("/v1/customers/ann/complaints", json={"text": 1}).json()
    schema = session.document["components"]["schemas"]["Problem"]
    assert mistakes(session.document, schema, problem) == []


def test_webhooks_are_described_as_their_receiver_meets_them(session: Session) -> None:
    assert session.document["webhooks"].keys() == MESSAGES.keys()
    for hook in session.document["webhooks"].values():
        names = [each["name"] for each in hook["post"]["parameters"]]
        assert names == ["webhook-id", "webhook-timestamp", "webhook-signature"]


def test_messages_that_wait_are_as_described(regular: Shop) -> None:
    intervention = case_of(regular).runs()
    session, now = Session(regular), regular.clock()
    with regular.keepwell.database.write() as conn:
        said = regular.keepwell.registry.history(conn, "ann")
        announce_cancelled(conn, intervention, "ann", now=now)
        announce_withdrawn(conn, "ann", "risk_scoring", now=now)
        announce_consents(conn, regular.keepwell.registry, said, now=now)
        queue_code(conn, "ann", NewCode("12345678", now), code_words(["de"]), "webhook", now)
        waiting = conn.execute(select(outbox.c.type, outbox.c.body)).all()
    assert {kind for kind, _ in waiting} >= MESSAGES.keys() - {"score.changed", "webhook.test"}
    for kind, body in waiting:
        hook = session.document["webhooks"][kind]["post"]["requestBody"]
        schema = hook["content"]["application/json"]["schema"]
        assert mistakes(session.document, schema, json.loads(body)) == []


def test_any_valid_key_may_read_it_and_no_one_else(regular: Shop) -> None:
    assert Crm(regular, "events:write").http.get("/v1/openapi.json").status_code == 200
    nobody = Crm(regular)
    nobody.http.headers["authorization"] = "Bearer kw_1_x"
    assert nobody.http.get("/v1/openapi.json").status_code == 401
