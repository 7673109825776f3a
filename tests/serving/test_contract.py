"""The service under generated requests: nothing breaks it, and every answer is one it describes.

The short form runs some hundred cases; `--hypothesis-profile=evidence` some ten thousand.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving.conftest import REACHABLE, Clock, Shop
from tests.serving.described import operations
from tests.serving.homes import new_home
from tests.serving.test_openapi import BESIDE, Session
from tests.serving.test_review_queue import case_of
from tests.serving.workbench import empty_database

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EVIDENCE = settings.get_current_profile_name() == "evidence"
CASES = 150 if EVIDENCE else 6
"""Per operation, with what the document allows or with what it does not."""
MODES = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
RAW = 1_500 if EVIDENCE else 100


@pytest.fixture(scope="module", params=["sqlite", "postgres"] if EVIDENCE else ["sqlite"])
def lived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Give a home with a model, a score, a contact, a request and a few customers."""
    clock, settings = Clock(), REACHABLE
    place: Path = tmp_path_factory.mktemp("contract")
    if request.param == "postgres":
        url = empty_database(request, "contract")
        settings = REACHABLE.model_copy(update={"database_url": url})
    shop = Shop(new_home(place / "home", settings, now=clock()), clock)
    for each in ("ann", "bob", "cleo"):
        shop.order(each, 80, 60, 40)
        shop.permit(each)
    shop.approve_model()
    yield shop
    shop.keepwell.close()


@pytest.fixture(scope="module")
def places(lived: Shop) -> dict[str, st.SearchStrategy[str]]:
    """Give what there is to be found at addresses, by the name of the place."""
    case = case_of(lived)
    intervention, request = case.runs("advise"), case.contests().request_id
    return {
        "customer_id": st.sampled_from(["ann", "bob", "cleo"]),
        "purpose": st.sampled_from(["risk_scoring", "outreach.email", "sharing.partner"]),
        "decision_id": st.just(case.decision_id),
        "intervention_id": st.just(intervention),
        "request_id": st.just(request),
        "playbook": st.just("personal_note"),
        "event_id": st.just("none"),
        "item_id": st.just("none"),
        "annotation_id": st.just("none"),
        "message_id": st.just("none"),
        "channel": st.sampled_from(["email", "phone"]),
    }


def test_every_answer_to_a_generated_request_is_described(
    lived: Shop, places: dict[str, st.SearchStrategy[str]]
) -> None:
    session = Session(lived)
    schema = schemathesis.openapi.from_dict(session.document)
    authorization = {"Authorization": session.crm.http.headers["authorization"]}

    def hold(operation: Any, client: Any) -> None:
        known = {str(each.name): places[each.name] for each in operation.path_parameters}

        @seed(1)
        @settings(
            max_examples=CASES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.data())
        def ask(data: st.DataObject) -> None:
            case: Any = data.draw(operation.as_strategy(generation_mode=data.draw(MODES)))
            if len(known) > 0 and data.draw(st.booleans()):
                case.path_parameters = {name: data.draw(known[name]) for name in known}
            answer = case.call(session=client, headers=authorization, timeout=120)
            case.validate_response(answer, checks=CHECKS)

        ask()

    door: Any = session.crm.http.app
    with asgi.get_client(door) as client:
        for result in schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            if operation.definition.raw["operationId"] not in BESIDE:
                hold(operation, client)


STRANGE = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "1" + "0" * 5_000, "0.1e-999",
    '"\\ud800"', '"\\udc00x"', '"\\u0000"', '"' + "a" * 3_000 + '"', '"\\ufeff"', '""', "null",
    "true", "[]", "{}", '{"a": 1, "a": 2}', '[[[[[[[[[[{"a": [1]}]]]]]]]]]]', "2e400", "-0",
    '"2026-02-30"', '"9999-12-31T23:59:59.999999+00:00"', '"0001-01-01"', '"2026-01-01T00:00:60Z"',
)  # fmt: skip
"""Values that JSON, or what reads it, has trouble with."""
_SHAPES = (
    b"[" * 5_000, b'{"a":' * 5_000, b"[" * 500 + b"]" * 500, b"\xff\xfe{\x00}\x00", b"\xed\xa0\x80",
    b'{"inputs": [{"customer_id": "a\xc3"}]}', b"\x00", b"", b"{", b'{"inputs"', b"nul",
    b'{"inputs": [], "inputs": [{"customer_id": "ann"}]}', b"\xef\xbb\xbf{}", b"// {}",
)  # fmt: skip
KINDS = (
    "application/json", "application/json; charset=utf-16", "application/problem+json",
    "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
    "application/json;;;=",
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, example: Any) -> bytes:
    """Draw bytes: garbage, shapes of trouble, or the example with something strange put into it."""
    how = draw(st.sampled_from(["garbage", "shape", "strange", "strange", "strange"]))
    if how == "garbage":
        return draw(st.binary(max_size=200))
    if how == "shape":
        return draw(st.sampled_from(_SHAPES))
    text = json.dumps(example)
    marks = [place for place, sign in enumerate(text) if sign in ":[,"]
    place = draw(st.sampled_from(marks)) + 1 if marks else 0
    end = next((k for k in range(place, len(text)) if text[k] in ",]}"), len(text))
    return (text[:place] + draw(st.sampled_from(STRANGE)) + text[end:]).encode("utf-8")


def test_whatever_a_body_holds_the_answer_is_an_answer(
    lived: Shop, places: dict[str, st.SearchStrategy[str]]
) -> None:
    session = Session(lived)
    with_body = [each for each in operations(session.document) if "requestBody" in each[2]]

    @seed(1)
    @settings(
        max_examples=RAW,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        method, path, operation = data.draw(st.sampled_from(with_body))
        example = operation["requestBody"]["content"]["application/json"]["example"]
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", data.draw(places[name]))
        headers = {"Content-Type": data.draw(st.sampled_from(KINDS))}
        if data.draw(st.booleans()):
            headers["Idempotency-Key"] = data.draw(st.sampled_from("abc"))
        body = data.draw(bodies(example))
        answer = session.crm.http.request(method, path, content=body, headers=headers)
        assert answer.status_code < 500, (method, path, body, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert str(answer.status_code) in operation["responses"], (path, answer.text)

    ask()
