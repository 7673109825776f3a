"""Two services over one PostgreSQL, as two hosts would run them (the long form: make evidence).

What one is told the other knows at once, each message leaves once, and the log stays whole.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hypothesis import settings as profile
from sqlalchemy import text

from governance.instants import to_text
from governance.log.ledger import verify
from serving.database import Database
from serving.settings import Settings
from serving.settings_service import WebhookSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.running import Running, running, until

SECONDS = 20
PEOPLE = [f"c{number}" for number in range(24)]
YES = {"mechanism": "checkbox_ticked", "evidence": "form 9"}


@contextmanager
def receiver() -> Iterator[tuple[str, "Counter[str]"]]:
    """Take messages, slowly, and count each id."""
    got: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            got[self.headers["webhook-id"]] += 1
            time.sleep(0.02)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()


class Company:
    """Grants, withdraws, sends and asks at two hosts in turn; notes what must not be."""

    def __init__(self, one: Running, other: Running, seed: int, people: list[str]) -> None:
        self._random = random.Random(seed)
        self._people = people
        self.wrong: list[str] = []
        self.changes = self.requests = 0
        self._hosts = [
            httpx.Client(base_url=each.client.base_url, headers=each.client.headers, timeout=30)
            for each in (one, other)
        ]

    def run(self) -> None:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            who = self._random.choice(self._people)
            here, there = self._random.sample(self._hosts, 2)
            self._event(here, who)
            self._says(there, who, "scored")
            self._withdraw(here, who)
            self._says(there, who, "not_available", "refused")
            self._grant(there, who)
            self._says(here, who, "scored")
        for host in self._hosts:
            host.close()

    def _says(self, host: httpx.Client, who: str, *expected: str) -> None:
        found = self._ask(host.post("/v1/scores", json={"inputs": [{"customer_id": who}]}))
        status = found["results"][0]["status"]
        if status not in expected:
            self.wrong.append(f"{status}, not {expected[0]}")

    def _event(self, host: httpx.Client, who: str) -> None:
        at = to_text(datetime.now(UTC) - timedelta(minutes=1))
        event = {"customer_id": who, "kind": "order", "occurred_at": at, "value": 20.0}
        self._ask(host.post("/v1/events", json={"events": [event]}))

    def _withdraw(self, host: httpx.Client, who: str) -> None:
        self._ask(host.delete(f"/v1/customers/{who}/consents/risk_scoring"))
        self.changes += 1

    def _grant(self, host: httpx.Client, who: str) -> None:
        self._ask(host.put(f"/v1/customers/{who}/consents/risk_scoring", json=YES))
        self.changes += 1

    def _ask(self, answer: httpx.Response) -> dict[str, list[dict[str, str]]]:
        self.requests += 1
        if answer.status_code != 200:
            self.wrong.append(f"{answer.status_code} {answer.text}")
            return {"results": [{"status": "none"}]}
        found: dict[str, list[dict[str, str]]] = answer.json()
        return found


@pytest.mark.skipif(
    profile.get_current_profile_name() != "evidence", reason="takes a minute: make evidence"
)
def test_two_hosts_over_one_database_act_as_one(tmp_path: Path, postgres_uri: str) -> None:
    with receiver() as (url, got), company(tmp_path / "home", postgres_uri, url) as shop:
        home, key = shop.keepwell.home.root, shop.key()
        with (
            running(home, key, tmp_path / "one") as one,
            running(home, key, tmp_path / "other") as other,
        ):
            companies = [Company(one, other, k, PEOPLE[k::4]) for k in range(4)]
            threads = [threading.Thread(target=each.run) for each in companies]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            late = "keepwell_outbox_messages"
            until(lambda: one.metric(f'{late}{{status="pending"}}') == 0, one)
            assert (one.stop(), other.stop()) == (0, 0)
        assert [wrong for each in companies for wrong in each.wrong] == []
        assert min(each.requests for each in companies) >= 6  # went round once at least
        assert set(got.values()) == {1}
        with shop.keepwell.database.read() as conn:
            assert verify(conn, shop.keepwell.keys.ledger_public).outcome == "intact"


@contextmanager
def company(root: Path, postgres_uri: str, url: str) -> Iterator[Shop]:
    server = Database(postgres_uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS two_hosts WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE two_hosts"))
    server.close()
    database = server.engine.url.set(database="two_hosts").render_as_string(hide_password=False)
    settings = Settings(database_url=database, webhook=WebhookSettings(url=url, allow_private=True))
    clock = Clock(datetime.now(UTC) - timedelta(hours=1))
    shop = Shop(new_home(root, settings, now=clock()), clock)
    for each in PEOPLE:
        shop.order(each, 80, 60, 40)
        shop.permit(each)
    shop.approve_model()
    yield shop
    shop.keepwell.close()
