"""What someone would try who means harm: every address, hostile ids, keys that may little."""

import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import event, select, text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from features.tables import customers
from serving.access.auth import SCOPES, Unauthenticated, authenticate
from serving.database import Database
from serving.http.api import create_app
from serving.http.door import Door, Receive, Scope, Send
from serving.http.rates import Rates
from serving.settings import Settings
from tests.serving.conftest import START, Clock, Shop
from tests.serving.homes import new_home

SCRIPTED = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|\sstyle\s*=|<style|javascript:", re.I)
INJECTIONS = (
    "' OR '1'='1",
    "ann'; DROP TABLE customers; --",
    'ann" UNION SELECT secret_hash FROM api_keys --',
    "ann%' OR customer_id LIKE '%",
    "$(id)`id`{{7*7}}${jndi:ldap://x}",
)
MADE_UP_SQL = re.compile(
    r"\b(?:text|exec_driver_sql|execute|sql)\(\s*(?:f[\"']|[\"'][^\"']*[\"']\s*[%+])"
)
RATES = Rates(failed_per_minute=0)
STRANGE = (
    "\U0001f9a6" * 5_000,
    "a" * 100_000,
    "e\u0301" * 300,
    "\u202eann",
    "ann\u0000",
    "ann\n",
    "\ud800",
    "../../etc/passwd",
    "..",
    " ann ",
)


async def _bento(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nothing but probes goes to BentoML")


class Attacker:
    """A client of the whole application, with whatever key it has come by."""

    def __init__(self, shop: Shop, *scopes: str) -> None:
        self.shop = shop
        self.app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        door = Door(_bento, inner=self.app, body_bytes=1_000_000, concurrency=8, rates=RATES)
        headers = {"Authorization": f"Bearer {shop.key(*scopes)}"} if scopes else {}
        self.http = TestClient(door, headers=headers, raise_server_exceptions=True)

    def addresses(self) -> list[tuple[str, str]]:
        """List every method and address that needs a key, with something where ids stand."""
        found = []
        for route in iter_route_contexts(self.app.routes):
            path = re.sub(r"{[^}]+}", "x", str(route.path_format))
            if path.startswith("/v1/") or path == "/metrics":
                found += [(method, path) for method in sorted(route.methods or ())]
        return found

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        sent = how.pop("json", None if method in ("GET", "DELETE", "HEAD") else {})
        if sent is not None:  # written as ASCII, so that it may hold what is no text
            how["content"] = json.dumps(sent).encode()
            how["headers"] = {"Content-Type": "application/json", **how.get("headers", {})}
        answer: httpx.Response = self.http.request(method, path, **how)
        return answer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give one home for all that should change nothing: Ann permits scoring, a model serves."""
    yield from _furnished(tmp_path_factory.mktemp("attacked") / "home", Settings())


@pytest.fixture(scope="module")
def postgres_house(tmp_path_factory: pytest.TempPathFactory, postgres_uri: str) -> Iterator[Shop]:
    """Give the same home with a PostgreSQL of its own."""
    server = Database(postgres_uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS attacked WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE attacked"))
    server.close()
    url = server.engine.url.set(database="attacked").render_as_string(hide_password=False)
    folder = tmp_path_factory.mktemp("attacked") / "home"
    yield from _furnished(folder, Settings(database_url=url))


def _furnished(folder: Path, settings: Settings) -> Iterator[Shop]:
    clock = Clock()
    shop = Shop(new_home(folder, settings, now=clock()), clock)
    shop.order("ann", 80, 60, 40)
    shop.permit("ann")
    shop.approve_model()
    yield shop
    shop.keepwell.close()


@pytest.fixture(scope="module")
def stranger(house: Shop) -> Attacker:
    return Attacker(house)


@pytest.fixture(scope="module")
def admin(house: Shop) -> Attacker:
    return Attacker(house, *SCOPES)


@pytest.fixture(scope="module", params=["house", "postgres_house"])
def everywhere(request: pytest.FixtureRequest) -> Attacker:
    """Give whoever may do everything, on either kind of database."""
    return Attacker(request.getfixturevalue(request.param), *SCOPES)


# keys


@pytest.mark.parametrize(
    "authorization", ["", "Bearer kw_1_x", "Basic a3c=", "Bearer ", "Bearer \xff"]
)
def test_no_address_answers_without_a_good_key(stranger: Attacker, authorization: str) -> None:
    asked = stranger.addresses()
    headers = {"Authorization": authorization.encode("latin-1")}
    answers = {
        (method, path): stranger.ask(method, path, headers=headers).status_code
        for method, path in asked
    }
    assert set(answers.values()) == {401}, answers
    assert len(asked) > 30


@pytest.mark.parametrize("scope", sorted(SCOPES - {"admin"}))
def test_a_key_opens_what_the_document_says_and_nothing_else(house: Shop, scope: str) -> None:
    attacker = Attacker(house, scope)
    document = attacker.http.get("/v1/openapi.json").json()  # any key may read what there is
    stated = {
        (method.upper(), re.sub(r"{[^}]+}", "x", path)): operation["security"][0]["key"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["security"]
    }
    opened = {
        (method, path)
        for method, path in attacker.addresses()
        if attacker.ask(method, path).status_code != 403
    } - {("GET", "/v1/openapi.json")}
    assert opened == {each for each, needed in stated.items() if needed in ([], [scope])}
    assert len(opened) > 0


def test_a_missing_scope_is_said_before_what_is_wrong_with_a_body(house: Shop) -> None:
    attacker = Attacker(house, "outcomes:read")
    paths = attacker.http.get("/v1/openapi.json").json()["paths"]
    answers = {
        (method, path): attacker.http.request(
            method, path, content=b"{", headers={"Content-Type": "application/json"}
        ).status_code
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert set(answers.values()) == {403}, answers
    assert len(answers) > 10


def test_an_unknown_key_costs_what_a_wrong_secret_costs(
    house: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the time an answer takes tells nobody which ids there are."""
    key, compared, asked = house.key("score:read"), list[tuple[int, int]](), list[str]()
    real = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    engine = house.keepwell.database.engine

    def note(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    costs = []
    for tried in (key[:-1] + ("a" if key[-1] != "a" else "b"), "kw_0123456789_" + "x" * 43):
        compared.clear()
        asked.clear()
        with house.keepwell.database.read() as conn, pytest.raises(Unauthenticated):
            authenticate(conn, tried, now=START)
        costs.append((tuple(compared), tuple(asked)))
    event.remove(engine, "before_cursor_execute", note)
    assert costs[0] == costs[1]
    assert costs[0][0] == ((64, 64),)


def test_a_key_without_the_right_to_read_permission_cannot_tell_who_is_a_customer(
    regular: Shop,
) -> None:
    """Ann is known and has said no; nobody has ever heard of zoe."""
    Attacker(regular, "admin").http.delete("/v1/customers/ann/consents/risk_scoring")
    for scope in sorted(SCOPES - {"admin", "consent:read", "rights:manage"}):
        attacker, told = Attacker(regular, scope), {}
        for who in ("ann", "zoe"):
            inputs = {"inputs": [{"customer_id": who}]}
            answers = [
                attacker.ask("POST", "/v1/scores", json=inputs),
                attacker.ask("GET", f"/v1/customers/{who}"),
                attacker.ask("GET", f"/v1/customers/{who}/consents"),
                attacker.ask("POST", f"/v1/customers/{who}/what-if", json={"set": {}}),
                attacker.ask("DELETE", f"/v1/customers/{who}/consents/outreach.email"),
            ]
            told[who] = [(each.status_code, _impersonal(each, who)) for each in answers]
        assert told["ann"] == told["zoe"], scope


def _impersonal(answer: httpx.Response, who: str) -> str:
    """Give the answer without what differs between any two answers."""
    text = answer.text.replace(who, "…")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,64}", "…", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "…", text)


# hostile input


def test_no_sql_of_the_service_is_put_together_from_words() -> None:
    """But for names of columns that the code itself knows, and quotes."""
    root = Path(__file__).parents[2]
    found = {
        str(path.relative_to(root / floor))
        for floor in ("serving", "governance")
        for path in (root / floor).rglob("*.py")
        if MADE_UP_SQL.search(path.read_text(encoding="utf-8"))
    }
    assert found <= {"backup/rows.py", "migrations/versions/0002_history_in_buckets.py"}


@pytest.mark.parametrize("hostile", INJECTIONS)
def test_an_id_is_never_code(everywhere: Attacker, hostile: str) -> None:
    admin = everywhere
    quoted = quote(hostile, safe="")
    scored = admin.ask("POST", "/v1/scores", json={"inputs": [{"customer_id": hostile}]}).json()
    answers = [
        admin.ask("GET", f"/v1/customers/{quoted}"),
        admin.ask("GET", f"/v1/decisions/{quoted}"),
        admin.ask("GET", f"/v1/customers?after={quoted}"),
        admin.ask("GET", f"/v1/interventions?after={quoted}"),
    ]
    assert scored["results"][0]["status"] != "scored"
    assert all(each.status_code in (200, 404, 422) for each in answers)
    assert not any("secret" in each.text or "SELECT" in each.text for each in answers)
    with admin.shop.keepwell.database.read() as conn:
        assert set(conn.execute(select(customers.c.customer_id)).scalars()) >= {"ann"}


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
def test_no_id_is_too_strange_for_an_answer(everywhere: Attacker, strange: str) -> None:
    admin = everywhere
    answers = [
        admin.ask("POST", "/v1/scores", json={"inputs": [{"customer_id": strange}]}),
        admin.ask("POST", "/v1/events", json={"events": [{"customer_id": strange}]}),
        admin.ask(
            "PUT",
            "/v1/customers/ann/consents/risk_scoring",
            json={"mechanism": strange, "evidence": strange},
        ),
    ]
    quoted = quote(strange, safe="", errors="replace")
    if len(quoted) < 60_000:  # or the client itself refuses
        answers += [
            admin.ask("GET", f"/v1/customers/{quoted}"),
            admin.ask("GET", f"/preferences?token={quoted}&lang={quoted}"),
            admin.ask("GET", f"/static/{quoted}"),
        ]
    assert all(each.status_code < 500 for each in answers), [each.text[:300] for each in answers]


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fsettings.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static/....//settings.py",
        "/static/%252e%252e%252fsettings.py",
        "/static//etc/passwd",
        "/reports/..%2f..%2fkeepwell.toml",
        "/reports/%2e%2e%2f/style.css",
        "/v1/customers/..%2f..%2fmodels",
        "/..%2fkeepwell.toml",
        "/v1/../metrics",
        "/v1%2fmodels",
        "//v1/models",
    ],
)
def test_no_address_leads_out_of_its_room(stranger: Attacker, path: str) -> None:
    answer = stranger.http.get(path)
    assert answer.status_code in (401, 404, 422), answer.text


def test_a_line_break_in_an_id_forges_no_log_line(admin: Attacker) -> None:
    forged = 'ann"}\n{"event": "everything is fine'
    with capture_logs() as lines:
        admin.ask("POST", "/v1/scores", json={"inputs": [{"customer_id": forged}]})
        admin.ask("GET", f"/v1/customers/{quote(forged, safe='')}")
    assert "fine" not in json.dumps(lines)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80@shop", "a\r\nx: y"])
def test_whoever_names_another_host_gets_no_link_to_it(admin: Attacker, host: str) -> None:
    try:
        answer = admin.ask("POST", "/v1/customers/ann/stop-link", headers={"Host": host})
    except (ValueError, httpx.HTTPError):
        return  # the client itself refuses to send it
    assert "evil" not in answer.text


# pages


@pytest.mark.parametrize("path", ["/", "/preferences?token=x", "/stop?token=x"])
def test_pages_hold_no_inline_code_and_are_kept_by_no_cache(stranger: Attacker, path: str) -> None:
    page = stranger.http.get(path)
    assert not SCRIPTED.search(page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"unsafe|\*|https?:", policy)
    assert {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items() <= dict(page.headers).items()
    assert "geolocation=()" in page.headers["permissions-policy"]


def test_over_https_browsers_are_told_to_stay_there(stranger: Attacker) -> None:
    secure = TestClient(stranger.http.app, base_url="https://shop.example")
    assert "max-age" in secure.get("/").headers["strict-transport-security"]
    assert "strict-transport-security" not in stranger.http.get("/").headers


def test_what_a_page_repeats_is_escaped(stranger: Attacker) -> None:
    page = stranger.http.get("/stop?token=" + quote('"><script>alert(1)</script>'))
    assert "<script>alert" not in page.text
