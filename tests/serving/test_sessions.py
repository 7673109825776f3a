"""Sessions of staff: opened with a key, ended with it, and of no use to another site."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from governance.log.ledger import entries
from serving.access.auth import revoke_key
from serving.access.sessions import IDLE, LONGEST, form_seal
from serving.http.api import create_app
from serving.http.door import Door
from serving.http.rates import Rates
from serving.http.staff.visit import COOKIE, own_address
from serving.settings_service import LimitSettings
from serving.tables import staff_sessions
from tests.serving.conftest import Shop


class Staff:
    """A browser before a shop's service; `log_in` types a key into the form."""

    def __init__(self, shop: Shop, *, base_url: str = "http://testserver") -> None:
        app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        rates = Rates(
            failed_per_minute=LimitSettings().failed_keys_per_minute, clock=lambda: 0.0
        )  # no token comes back while a slow machine tries
        door = Door(app, inner=app, body_bytes=65_536, concurrency=8, rates=rates)
        self.shop = shop
        self.http = TestClient(door, base_url=base_url, follow_redirects=False)

    def log_in(self, key: str, wanted: str = "") -> "Staff":
        answer = self.http.post("/staff/login", data={"key": key, "next": wanted})
        assert answer.status_code == 303, answer.text
        return self

    @property
    def token(self) -> str:
        return str(self.http.cookies[COOKIE])

    def is_in(self) -> bool:
        return bool(self.http.get("/staff").status_code == 200)


def test_a_good_key_opens_a_session_that_is_logged_without_its_token(shop: Shop) -> None:
    staff = Staff(shop).log_in(shop.key("outcomes:read"))
    assert staff.is_in()
    with shop.keepwell.database.read() as conn:
        told = [each for each in entries(conn) if each.kind == "session_opened"]
        kept = str(conn.execute(select(staff_sessions)).all())
    assert len(told) == 1
    assert staff.token not in kept + str(told)


@pytest.mark.parametrize("key", ["", "kw_x_y", "Bearer", "a" * 5_000, "\x00"])
def test_what_is_no_key_opens_nothing(shop: Shop, key: str) -> None:
    staff = Staff(shop)
    answer = staff.http.post("/staff/login", data={"key": key})
    assert (answer.status_code, COOKIE in staff.http.cookies) == (401, False)
    assert not key or key not in answer.text


def test_a_revoked_key_ends_its_sessions_at_once(shop: Shop) -> None:
    key = shop.key("outcomes:read")
    staff = Staff(shop).log_in(key)
    with shop.keepwell.database.write() as conn:
        revoke_key(conn, shop.keepwell.ledger, key.split("_")[1], now=shop.clock())
    assert not staff.is_in()


def test_a_session_ends_without_a_click_and_after_its_longest_time(shop: Shop) -> None:
    idle = Staff(shop).log_in(shop.key())
    shop.clock.now += IDLE - timedelta(seconds=1)
    assert idle.is_in()  # and is seen
    shop.clock.now += IDLE
    assert not idle.is_in()
    busy = Staff(shop).log_in(shop.key())
    for _ in range(int(LONGEST / (IDLE / 2)) - 1):
        shop.clock.now += IDLE / 2
        assert busy.is_in()
    shop.clock.now += IDLE / 2
    assert not busy.is_in()


def test_a_form_of_another_site_or_another_session_changes_nothing(shop: Shop) -> None:
    staff, other = Staff(shop).log_in(shop.key()), Staff(shop).log_in(shop.key())
    for seal in ("", "0" * 64, form_seal(other.token)):
        answer = staff.http.post("/staff/logout", data={"csrf": seal})
        assert (answer.status_code, "not made in your session" in answer.text) == (403, True)
    assert staff.is_in()
    staff.http.post("/staff/logout", data={"csrf": form_seal(staff.token)})
    assert not staff.is_in()


def test_the_cookie_is_out_of_reach_of_scripts_and_of_plain_http(shop: Shop) -> None:
    key = shop.key()
    for base, secure in (("http://testserver", False), ("https://testserver", True)):
        staff = Staff(shop, base_url=base)
        answer = staff.http.post("/staff/login", data={"key": key})
        said = answer.headers["set-cookie"].lower()
        assert "httponly" in said
        assert "samesite=lax" in said
        assert ("; secure" in said) is secure


def test_a_session_opens_pages_and_not_the_api(shop: Shop) -> None:
    staff = Staff(shop).log_in(shop.key())
    assert staff.http.get("/v1/models").status_code == 401
    assert staff.http.get("/metrics").status_code == 401


def test_too_many_wrong_keys_are_not_taken_for_a_while(shop: Shop) -> None:
    staff = Staff(shop)
    limit = LimitSettings().failed_keys_per_minute
    for _ in range(limit):
        assert staff.http.post("/staff/login", data={"key": "kw_a_b"}).status_code == 401
    assert staff.http.post("/staff/login", data={"key": "kw_a_b"}).status_code == 429


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example", "//elsewhere.example/staff", "/v1/models", "javascript:x",
        "/staff\\@elsewhere.example", "\\\\elsewhere.example", "/staffx", "/staff/../v1/models", "",
    ],
)  # fmt: skip
def test_a_login_leads_to_our_own_pages_alone(wanted: str) -> None:
    assert own_address(wanted) == "/staff"


def test_a_login_leads_to_where_somebody_wanted_to_go(shop: Shop) -> None:
    staff = Staff(shop)
    answer = staff.http.get("/staff?all=1")
    assert answer.headers["location"] == "/staff/login?next=/staff%3Fall%3D1"
    sent = staff.http.post("/staff/login", data={"key": shop.key(), "next": "/staff?all=1"})
    assert sent.headers["location"] == "/staff?all=1"


@pytest.mark.parametrize("path", ["/staff/nothing", "/nothing", "/static/nothing"])
def test_a_browser_is_told_in_a_page_and_a_program_in_a_problem_document(
    shop: Shop, path: str
) -> None:
    staff = Staff(shop)
    told = staff.http.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (told.status_code, told.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing is at this address" in told.text
    problem = staff.http.get(path)
    assert (problem.status_code, problem.json()["code"]) == (404, "not_found")


def test_a_browser_before_a_busy_service_keeps_its_headers(shop: Shop) -> None:
    staff = Staff(shop)
    for _ in range(LimitSettings().failed_keys_per_minute):
        staff.http.post("/staff/login", data={"key": "kw_a_b"})
    told = staff.http.post("/staff/login", data={"key": "kw_a_b"}, headers={"Accept": "text/html"})
    assert (told.status_code, told.text.startswith("<!doctype html>")) == (429, True)
    assert int(told.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://testserver"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, True),
    ],
)
def test_another_site_cannot_log_anybody_in(
    shop: Shop, headers: dict[str, str], opens: bool
) -> None:
    staff = Staff(shop)
    answer = staff.http.post("/staff/login", data={"key": shop.key()}, headers=headers)
    assert (answer.status_code == 303, COOKIE in staff.http.cookies) == (opens, opens)


def test_wrong_codes_of_customers_do_not_lock_staff_out(shop: Shop) -> None:
    staff = Staff(shop)
    for _ in range(LimitSettings().failed_keys_per_minute + 1):
        staff.http.post("/notice-open", data={"act": "open", "token": "none", "code": "1"})
    assert staff.http.post("/notice-open", data={"act": "open"}).status_code == 429
    staff.log_in(shop.key())


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("feedback:write", "/staff/feedback/new"),
        ("feedback:write", "/staff/feedback/some-item/act"),
        ("feedback:write", "/staff/dashboard/notes"),
        ("consent:read", "/staff/dashboard/texts"),
        ("consent:read", "/staff/journey/words"),
    ],
)
def test_a_form_asks_for_what_opens_its_page(shop: Shop, scope: str, path: str) -> None:
    staff = Staff(shop).log_in(shop.key(scope))
    answer = staff.http.post(path, data={"csrf": form_seal(staff.token)})

    assert answer.status_code == 403
    assert "outcomes:read" in answer.text


@pytest.mark.parametrize("path", ["/staff/x/%00", "/staff/%ff", "/staff/login?next=%00"])
def test_a_browser_at_an_address_that_is_no_text_gets_a_page(shop: Shop, path: str) -> None:
    answer = Staff(shop).http.get(path, headers={"accept": "text/html,*/*;q=0.8"})

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("cost", ["inf", "1e999", "nan", "-1"])
def test_a_cost_without_an_end_is_none(shop: Shop, cost: str) -> None:
    staff = Staff(shop).log_in(shop.key("outcomes:read"))

    assert staff.http.get(f"/staff/experiments/note/1?cost={cost}").status_code == 422
