"""Something breaks in every layer of the mounted application: no word of it comes out anywhere."""

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from starlette.testclient import TestClient

from serving import front
from serving.access.auth import Principal
from serving.http import api, api_scores, context, rates
from serving.http.api import create_app
from serving.http.door import App, Door
from serving.http.metering import Metered
from serving.logs import log_to_stderr
from tests.serving.canary import ID, MARKS, NAME, TEXT
from tests.serving.conftest import Shop

with warnings.catch_warnings():  # what BentoML imports is not ours to mend
    warnings.simplefilter("ignore")
    from serving.service import KeepwellService

SAID = f"{NAME} <{ID}> wrote: {TEXT}"


class Planted(Exception):
    """Carries what must never be seen."""


def breaks(*_: Any, **__: Any) -> Any:
    raise Planted(SAID)


class Mounted:
    """BentoML's own application with our door before it, as a worker serves it."""

    def __init__(self, shop: Shop) -> None:
        self.app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        self.headers = {"Authorization": f"Bearer {shop.key()}"}

    def entrance(self, outer: App) -> App:
        return Door(outer, inner=self.app, body_bytes=1_000_000, concurrency=8)

    def open(self, *_: Any) -> None:
        pass


@pytest.fixture
def mounted(regular: Shop, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    found = Mounted(regular)
    monkeypatch.setattr(front, "FRONT", found)
    return found


@pytest.fixture
def client(mounted: Mounted, capfd: pytest.CaptureFixture[str]) -> Iterator[TestClient]:
    """Give a client of the whole; afterwards nothing that was printed may hold a mark."""
    log_to_stderr()
    application = cast(Any, KeepwellService).to_asgi()
    yield TestClient(application, headers=mounted.headers, raise_server_exceptions=False)
    sys.stderr.flush()
    printed = "".join(capfd.readouterr())
    assert [mark for mark in MARKS if mark in printed] == []
    assert "Traceback" not in printed


def check(answer: Any, status: int = 500) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.text + json.dumps(dict(answer.headers))
    assert [mark for mark in (*MARKS, "Planted", "Traceback", ".py") if mark in told] == []


def score(client: TestClient) -> Any:
    return client.post("/v1/scores", json={"inputs": [{"customer_id": "ann"}]})


def test_in_a_handler(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "list_models", breaks)
    check(client.get("/v1/models"))


def test_in_a_handler_that_waits(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_scores, "score_json", breaks)
    check(score(client))


def test_in_a_dependency(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Principal, "require", breaks)
    check(client.get("/v1/models"))


def test_where_the_key_is_looked_at(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "identify", breaks)
    check(client.get("/v1/models"))


def test_in_a_layer_around_the_application(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Metered, "__call__", breaks)
    check(client.get("/v1/models"))


def test_at_the_door(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates.Rates, "admit", breaks)
    check(client.get("/v1/models"))


def test_where_the_answer_is_written(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unwritable:
        def __repr__(self) -> str:
            return SAID

        __str__ = __repr__

    monkeypatch.setattr(api, "model_json", lambda *_, **__: {SAID: Unwritable()})
    check(client.get("/v1/models"))


def test_in_the_database_with_its_parameters(
    client: TestClient, regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(conn: Any) -> Any:
        return conn.execute(text("SELECT :who FROM nowhere"), {"who": SAID})

    monkeypatch.setattr(api, "list_models", asks)
    check(client.get("/v1/models"), 503)


def test_in_the_middle_of_an_answer(client: TestClient, mounted: Mounted) -> None:
    """What was sent cannot be taken back: the connection breaks off, without a word."""

    @mounted.app.get("/v1/stream")
    async def stream(request: Request) -> StreamingResponse:
        async def parts() -> Any:
            yield "first"
            raise Planted(SAID)

        return StreamingResponse(parts())

    told = client.get("/v1/stream").text
    assert [mark for mark in MARKS if mark in told] == []


@pytest.mark.parametrize(
    "path", ["/docs", "/docs.json", "/schema.json", "/static_content/index.css", "/v1/docs"]
)
def test_bentomls_own_pages_are_closed(client: TestClient, path: str) -> None:
    check(client.get(path), 404)


@pytest.mark.parametrize("path", ["/metrics", "/v1/openapi.json"])
def test_what_describes_the_service_asks_for_a_key(client: TestClient, path: str) -> None:
    check(client.get(path, headers={"Authorization": ""}), 401)


def test_the_probes_alone_are_open(client: TestClient) -> None:
    assert client.get("/livez", headers={"Authorization": ""}).status_code == 200
