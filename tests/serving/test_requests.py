"""Every answer has an id and leaves one line, without a path or anyone's name in it."""

import json
import re
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.http import problems
from serving.http.door import Door
from serving.http.metering import Meter
from serving.http.requests import Requests
from serving.logs import with_request_id
from tests.serving.test_door import KEY, bento

MADE = re.compile(r"[0-9a-f]{24}")


class Desk:
    """A tiny application behind the real entrance, with what it logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seen: list[Any] = []
        self.draining = False
        self.meter = Meter()
        app = FastAPI(openapi_url=None, docs_url=None)
        problems.install(app)

        @app.get("/v1/customers/{customer_id}")
        def customer(customer_id: str) -> dict[str, str]:
            self.seen.append(with_request_id(None, "", {}))
            return {"is": "here"}

        self.client = TestClient(
            Requests(
                Door(bento, inner=app, body_bytes=1_000, concurrency=2),
                meter=self.meter,
                draining=lambda: self.draining,
                access_log=self.lines.append,
            ),
            headers=KEY,
        )

    def line(self) -> dict[str, Any]:
        [line] = self.lines
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_sane_id_of_the_callers_is_taken_and_given_back(desk: Desk) -> None:
    answer = desk.client.get("/v1/customers/ann", headers={"X-Request-Id": "a.b-c_9"})
    assert (answer.headers["x-request-id"], desk.line()["request_id"]) == ("a.b-c_9", "a.b-c_9")


@pytest.mark.parametrize("sent", ["", "a b", 'x"y', "é", "a" * 65, "ann@example.org"])
def test_any_other_is_replaced(desk: Desk, sent: str) -> None:
    answer = desk.client.get("/v1/customers/ann", headers={"X-Request-Id": sent.encode()})
    assert MADE.fullmatch(answer.headers["x-request-id"])


def test_no_two_requests_get_the_same_id(desk: Desk) -> None:
    found = {desk.client.get("/v1/customers/ann").headers["x-request-id"] for _ in range(5)}
    assert len(found) == 5


def test_what_a_request_logs_in_a_thread_carries_its_id(desk: Desk) -> None:
    desk.client.get("/v1/customers/ann", headers={"X-Request-Id": "one"})
    assert desk.seen == [{"request_id": "one"}]


def test_the_line_names_the_route_and_no_customer(desk: Desk) -> None:
    answer = desk.client.get("/v1/customers/ann?name=bob")
    line = desk.line()
    assert line["route"] == "/v1/customers/{customer_id}"
    assert (line["method"], line["status"], line["bytes"]) == ("GET", 200, len(answer.content))
    assert line["key"] == "1"
    assert not re.search("ann|bob", desk.lines[0])


def test_a_refused_request_has_an_id_a_line_and_is_counted(desk: Desk) -> None:
    answer = desk.client.get("/v1/customers/ann", headers={"Authorization": ""})
    assert answer.status_code == 401
    request_id = answer.headers["x-request-id"]
    assert MADE.fullmatch(request_id)
    assert answer.json()["instance"] == f"urn:keepwell:request:{request_id}"
    assert desk.meter.counts().requests == [("GET", "other", 401, 1)]


def test_probes_leave_no_line(desk: Desk) -> None:
    assert "x-request-id" not in desk.client.get("/livez").headers
    assert desk.lines == []


def test_a_draining_worker_asks_callers_to_connect_anew(desk: Desk) -> None:
    assert "connection" not in desk.client.get("/v1/customers/ann").headers
    desk.draining = True
    assert desk.client.get("/v1/customers/ann").headers["connection"] == "close"


def test_outside_of_a_request_a_line_has_no_id() -> None:
    assert with_request_id(None, "", {"event": "started"}) == {"event": "started"}
    structlog.reset_defaults()
