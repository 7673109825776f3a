"""The real service in processes of its own: what BentoML would leave open is closed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.conftest import Shop

ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(regular: Shop, tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """Give a client of the running service, and the file its output goes to."""
    port, output = _free_port(), tmp_path / "serve.log"
    key = regular.key()
    code = (
        "import pathlib, sys; from serving.home import Home; from serving.serve import serve; "
        "serve(Home(pathlib.Path(sys.argv[1])), port=int(sys.argv[2]))"
    )
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(regular.keepwell.home.root), str(port)],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"},
        )
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                if client.get("/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield client, output
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


def test_the_service_answers_closes_and_keeps_quiet(served: tuple[httpx.Client, Path]) -> None:
    client, output = served
    scored = client.post("/v1/scores", json={"inputs": [{"customer_id": "ann"}]}).json()
    assert scored["results"][0]["customer_id"] == "ann"
    for path in ("/docs.json", "/schema.json", "/docs", "/static_content/index.css"):
        closed = client.get(path)
        assert (closed.status_code, closed.headers["content-type"]) == (
            404,
            "application/problem+json",
        ), path
    assert client.get("/metrics", headers={"Authorization": ""}).status_code == 401
    too_large = client.post("/v1/events", content=b"x" * 1_000_001)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    assert client.get("/livez").status_code == 200
    logged = output.read_text()
    assert not re.search(r"\bann\b|Traceback", logged), logged
