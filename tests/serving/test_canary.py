"""A customer's address, name and words go in everywhere; outside of their own records: no trace."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from serving.access.auth import SCOPES, create_key
from serving.bootstrap import open_home
from tests.serving.canary import ID, MARKS, NAME, TEXT
from tests.serving.conftest import Clock
from tests.serving.holding import places_of

ROOT = Path(__file__).parents[2]
MAY_HOLD = {
    "consent_events.customer_id",
    "consent_events.evidence",
    "consent_subjects.customer_id",
    "contact_addresses.address",
    "contact_addresses.customer_id",
    "customers.customer_id",
    "history_buckets.first_customer",
    "history_buckets.last_customer",
    "history_chunks.customer_id",
    "history_chunks.payload",
    "interventions.customer_id",
    "live_events.customer_id",
    "live_events.event_id",
    "live_events.event_name",
    "live_events.properties",
    "live_events.text",
    "outbox.body",
    "outbox.customer_id",
    "persons.customer_id",
}
"""Every column in which something about a person may stand; all of it goes with an erasure."""
OWN_RECORDS = ("var/history/", "var/rejects/", "var/keepwell.db")
"""The history, lines an import could not take, and the database, which is read table by table."""


@dataclass(frozen=True)
class Life:
    """A home after a life on the command line and behind the service, and what these said."""

    home: Path
    said: dict[str, str]
    answers: list[httpx.Response]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("canary")
    home, said = folder / "home", {}
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        command = [sys.executable, "-m", "tests.serving.canary", str(home)]
        subprocess.run(command, cwd=ROOT, stdout=out, stderr=err, check=True)
    said = {name: (folder / name).read_text() for name in ("out.txt", "err.txt")}
    answers = _serve(home, folder / "serve.txt")
    said["serve.txt"] = (folder / "serve.txt").read_text()
    return Life(home, said, answers)


def _serve(home: Path, output: Path) -> list[httpx.Response]:
    """Serve the home in processes of its own and ask it everything; gives the answers."""
    keepwell = open_home(home)
    with keepwell.database.write() as conn:
        now = Clock()()
        key = create_key(conn, keepwell.ledger, sorted(SCOPES), owner="crm", now=now).key
    keepwell.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    code = (
        "import pathlib, sys; from serving.home import Home; from serving.serve import serve; "
        "serve(Home(pathlib.Path(sys.argv[1])), port=int(sys.argv[2]))"
    )
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(home), str(port)],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"},
        )  # fmt: skip
    headers = {"Authorization": f"Bearer {key}"}
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
        ) as client:
            _wait_for(client)
            return list(_ask(client))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail("the service did not come up")


def _ask(client: httpx.Client) -> Iterator[httpx.Response]:
    me = f"/v1/customers/{quote(ID, safe='')}"
    event = {
        "customer_id": ID,
        "kind": "ticket_opened",
        "occurred_at": "2026-11-01T00:00:00Z",
        "text": TEXT,
        "properties": {"by": NAME},
    }
    good = {"mechanism": "checkbox_ticked", "evidence": f"a letter of {NAME}", "explicit": True}
    scored = {"inputs": [{"customer_id": ID}]}
    asks: list[tuple[str, str, Any]] = [
        ("PUT", f"{me}/consents/risk_scoring", good),
        ("POST", "/v1/scores", scored),
        ("POST", f"{me}/what-if", {"set": {"order_count_90d": 3}}),
        ("POST", "/v1/events", {"events": [event | {"event_id": NAME}]}),
        ("POST", "/v1/events", {"events": [event | {"kind": "consent_changed"}]}),
        ("POST", "/v1/events", {"events": [event | {"occurred_at": TEXT, NAME: TEXT}]}),
        ("POST", f"{me}/review-request", {"reason": TEXT}),
        ("POST", f"{me}/complaints", {"category": "data", "text": f"{NAME}: {TEXT}"}),
        ("POST", f"{me}/preference-link", {}),
        ("POST", f"{me}/stop-link", {}),
        ("PUT", f"{me}/addresses/email", {"address": "zelda.quince@example.com"}),
        ("GET", me, None),
        ("GET", f"{me}/consents", None),
        # what cannot be
        ("PUT", f"{me}/consents/{quote(NAME)}", good),
        ("PUT", f"{me}/consents/risk_scoring", {"mechanism": "pre_ticked", "evidence": TEXT}),
        ("PUT", f"{me}/consents/risk_scoring", {"mechanism": TEXT, NAME: TEXT}),
        ("PUT", f"{me}/subject", {"adult_from": NAME}),
        ("PUT", f"{me}/addresses/email", {"address": NAME}),
        ("PUT", f"{me}/addresses/{quote(NAME)}", {"address": "zelda.quince@example.com"}),
        ("POST", "/v1/scores", scored | {"targets": [NAME]}),
        ("POST", "/v1/scores", scored | {"as_of": TEXT}),
        ("POST", "/v1/scores", {"inputs": [{"customer_id": ID, "name": NAME}]}),
        ("POST", f"{me}/what-if", {"set": {NAME: 1}}),
        ("GET", f"{me}/{quote(NAME)}", None),
        ("GET", f"/v1/decisions/{quote(ID, safe='')}", None),
        ("GET", f"/v1/decisions/{quote(ID, safe='')}/replay", None),
        ("GET", f"{me}/receipts/{quote(NAME)}", None),
        ("GET", f"/v1/review-requests/{quote(NAME)}"[:40], None),
        ("POST", f"/v1/interventions/{quote(ID, safe='')}/confirm", None),
        ("GET", f"/v1/customers?limit={quote(NAME)}", None),
        ("GET", f"/reports/{quote(ID, safe='')}", None),
        ("GET", f"/preferences?token={quote(ID, safe='')}", None),
        ("GET", f"/{quote(ID, safe='')}", None),
        ("PATCH", me, None),
    ]  # fmt: skip
    for method, path, body in asks:
        yield client.request(method, path, json=body)
    yield client.post("/v1/scores", content=f'{{"inputs": [{{"customer_id": "{ID}"'.encode())
    yield client.get(me, headers={"Authorization": f"Bearer {ID}"})
    for path in ("/metrics", "/v1/openapi.json", "/", "/v1/models"):
        yield client.get(path)


def traces(text: str) -> list[str]:
    """Name the marks that occur, as they are or written for a URL or as JSON."""
    return [
        mark
        for mark in MARKS
        if any(way in text for way in (mark, quote(mark), quote(mark, safe="")))
    ]


def test_the_canary_was_really_scored_and_heard(life: Life) -> None:
    """Or the other tests would find nothing because there was nothing."""
    good = [(each.request.url.path, each.status_code) for each in life.answers[:13]]
    assert all(status in (200, 201, 202) for _, status in good), good
    scored = next(each for each in life.answers if each.request.url.path == "/v1/scores")
    assert scored.json()["results"][0]["status"] == "scored", scored.text


@pytest.mark.parametrize("name", ["out.txt", "err.txt", "serve.txt"])
def test_nothing_that_was_printed_or_logged_names_the_customer(life: Life, name: str) -> None:
    assert traces(life.said[name]) == []


def test_no_traceback_was_printed(life: Life) -> None:
    assert not any("Traceback" in said for said in life.said.values())


def test_no_error_repeats_what_was_sent(life: Life) -> None:
    told = {
        f"{each.request.method} {each.request.url.path}": each.text
        for each in life.answers
        if each.is_error and traces(each.text)
    }
    assert told == {}


@pytest.mark.parametrize("path", ["/metrics", "/v1/openapi.json", "/", "/v1/models"])
def test_nothing_for_everyone_names_the_customer(life: Life, path: str) -> None:
    answer = [each for each in life.answers if each.request.url.path == path][-1]
    assert answer.is_success
    assert traces(answer.text) == []


def test_no_file_of_the_home_names_the_customer(life: Life) -> None:
    """MLflow with its artifacts, bundles, reports, journal, keys and settings."""
    found = {
        str(path.relative_to(life.home)): held
        for path in life.home.rglob("*")
        if path.is_file()
        and not str(path.relative_to(life.home)).startswith(OWN_RECORDS)
        and (held := traces(path.read_bytes().decode("utf-8", "replace")))
    }
    assert found == {}
    assert (life.home / "mlruns" / "mlflow.db").exists()
    assert list((life.home / "var" / "reports").glob("audit-*.html"))


def test_in_the_database_only_the_person_s_own_records_name_them(life: Life) -> None:
    """So neither log, nor decisions, nor models, reviews, complaints or monitoring do."""
    keepwell = open_home(life.home)
    with keepwell.database.read() as conn:
        places = {place for mark in MARKS for place in places_of(conn, mark)}
    keepwell.close()
    assert places <= MAY_HOLD
    assert "persons.customer_id" in places
