"""The front door over a tiny application, as a client would meet it."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from governance.errors import ConfigurationError, InvalidInput, NotFound
from serving.http import problems
from serving.http.door import Door, Receive, Scope, Send

KEY = {"Authorization": "Bearer kw_1_x"}


class Wish(BaseModel):
    count: int


async def bento(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"bento"})


@pytest.fixture
def client() -> TestClient:
    app = FastAPI(openapi_url=None, docs_url=None)
    problems.install(app)

    @app.post("/v1/wish")
    def wish(body: Wish) -> dict[str, int]:
        return {"count": body.count}

    @app.post("/v1/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.get("/v1/fails/{how}")
    def fails(how: str) -> None:
        raise {
            "input": InvalidInput("count == -1, must be >= 0", hint="send a positive count"),
            "missing": NotFound("no such thing"),
            "home": ConfigurationError(["a secret path"], source="keepwell.toml"),
            "bug": RuntimeError("customer 17850 lives in Bath"),
        }[how]

    return TestClient(Door(bento, inner=app, body_bytes=1_000, concurrency=2))


def test_probes_go_to_bentoml(client: TestClient) -> None:
    assert client.get("/livez").text == "bento"


@pytest.mark.parametrize("path", ["/metrics", "/docs.json", "/schema.json", "/docs", "/nothing"])
def test_everything_else_never_reaches_bentoml(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_a_probe_takes_no_other_method(client: TestClient, method: str) -> None:
    answer = client.request(method, "/livez")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/v1/a%00b", "/v1/fails/input?after=%00"])
def test_no_address_holds_nul(client: TestClient, path: str) -> None:
    assert client.get(path, headers=KEY).status_code == 422


@pytest.mark.parametrize("path", ["/v1/a%FFb", "/v1/a%C3", "/v1/%ED%A0%80"])
def test_no_address_holds_bytes_that_are_no_text(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=KEY)
    assert (answer.status_code, "UTF-8" in answer.json()["hint"]) == (422, True)


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def _request(door: Door, *parts: bytes, pause: float = 0.0) -> tuple[int, bytes]:
    """Send a body in parts, with a pause before each but the first; gives status and answer."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/raw",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer kw_1_x")],
    }
    waiting, got = list(parts), list[Any]()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause if len(waiting) < len(parts) else 0)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        got.append(message)

    await door(scope, receive, send)
    return got[0]["status"], got[-1]["body"]


def test_slow_senders_keep_nobody_else_out() -> None:
    door = Door(bento, inner=_echo, body_bytes=1_000, concurrency=1)

    async def many() -> list[tuple[int, bytes]]:
        slow = [asyncio.create_task(_request(door, b"a", b"b", pause=0.2)) for _ in range(5)]
        await asyncio.sleep(0.05)
        quick = await _request(door, b"quick")
        return [quick, *await asyncio.gather(*slow)]

    answers = asyncio.run(many())
    assert answers == [(200, b"quick")] + [(200, b"ab")] * 5


def test_a_body_that_does_not_come_is_given_up() -> None:
    door = Door(bento, inner=_echo, body_bytes=1_000, concurrency=1, body_seconds=0.05)
    status, answer = asyncio.run(_request(door, b"a", b"b", pause=1.0))
    assert (status, json.loads(answer)["code"]) == (408, "body_too_slow")


def test_missing_key_is_refused_before_the_body_is_read(client: TestClient) -> None:
    answer = client.post("/v1/wish", content=b"not json")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_wrong_shape_says_where_without_repeating_what_was_sent(client: TestClient) -> None:
    answer = client.post("/v1/wish", json={"count": "Mrs Miller"}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/count"
    assert "Miller" not in answer.text


def test_broken_json_is_a_problem_document(client: TestClient) -> None:
    answer = client.post(
        "/v1/wish", content=b"{", headers={**KEY, "Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"in": "body", "pointer": "", "detail": "the body is not JSON"}
    ]


def test_body_without_its_content_type_says_what_to_send(client: TestClient) -> None:
    answer = client.post("/v1/wish", content=b'{"count": 1}', headers=KEY)
    assert "Content-Type: application/json" in answer.json()["errors"][0]["detail"]


def test_stated_length_over_the_limit_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/raw", content=b"x" * 1_001, headers=KEY)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def test_unstated_length_over_the_limit_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/raw", content=iter([b"x" * 600, b"x" * 600]), headers=KEY)
    assert answer.status_code == 413


def test_body_within_the_limit_passes(client: TestClient) -> None:
    assert client.post("/v1/raw", content=b"x" * 1_000, headers=KEY).json() == {"bytes": 1_000}


@pytest.mark.parametrize(("how", "status"), [("input", 422), ("missing", 404), ("home", 503)])
def test_our_errors_have_their_code(client: TestClient, how: str, status: int) -> None:
    answer = client.get(f"/v1/fails/{how}", headers=KEY)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_what_is_wrong_with_the_home_is_not_told_to_callers(client: TestClient) -> None:
    assert "secret path" not in client.get("/v1/fails/home", headers=KEY).text


def test_unexpected_error_shows_and_logs_no_text(client: TestClient) -> None:
    with capture_logs() as lines:
        answer = client.get("/v1/fails/bug", headers=KEY)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bath" not in answer.text + str(lines)
    assert [line["kind"] for line in lines] == ["RuntimeError"]


def test_wrong_method_says_which_are_allowed(client: TestClient) -> None:
    answer = client.get("/v1/wish", headers=KEY)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_every_answer_carries_security_headers(client: TestClient) -> None:
    answer = client.post("/v1/wish", json={"count": 1}, headers=KEY)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
