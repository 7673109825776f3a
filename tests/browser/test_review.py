"""What an ethics reviewer does: reads, signs, verifies the log, answers people."""

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Page

from governance.review.reviews import sign as sign_model
from serving.access.auth import create_key, split_key
from serving.bootstrap import open_home
from serving.new_home import make_home
from serving.rights.complaints import add_complaint
from serving.rights.review_queue import request_review
from tests.browser.conftest import Scheme, Story, Visit, Width
from tests.serving.conftest import register_model, save_bundle
from tests.serving.running import running

PAGES = ("", "/decisions", "/log", "/requests", "/complaints", "/harms", "/months")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_review_holds_what_pages_promise(
    story: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(story, width=width, scheme=scheme)
    page = visitor.log_in(story.key())
    for path in PAGES:
        visitor.open(f"/staff/review{path}")
        visitor.check(f"review{path.replace('/', '-')}")
    visitor.open("/staff/review")
    page.get_by_role("link", name=re.compile("Churn")).first.click()
    visitor.check("review-model")
    if (width, scheme) in (("desktop", "light"), ("phone", "dark")):
        page.get_by_role("link", name="Read the audit report").click()
        visitor.check("review-report")


class Shop(NamedTuple):
    """A production home: one model serves, another waits; `grace` may sign, `ada` trained both."""

    story: Story
    digest: str
    grace: str
    ada: str
    looks: str
    """Grace's own key that opens pages and signs nothing."""
    stranger: str
    """A good signing key of somebody else."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    root = folder / "home"
    made = make_home(root, evaluation=False, timezone="UTC", currency="EUR", now=now())
    keepwell = open_home(root)
    digest = save_bundle(keepwell)

    def key(owner: str, *scopes: str) -> str:
        with keepwell.database.write() as conn:
            return create_key(
                conn, keepwell.ledger, scopes,
                owner=owner, now=now(), enrolment_secret=made.enrolment_key,
            ).key  # fmt: skip

    found = Shop(
        Story(root, None),  # type: ignore[arg-type]
        digest,
        key("Grace", "admin", "audit:sign"),
        key("Ada", "audit:sign"),
        key("Grace", "admin"),
        key("Mary", "audit:sign"),
    )
    earlier = save_bundle(keepwell, intercept=0.5)
    for each in (earlier, digest):
        with keepwell.database.write() as conn:
            register_model(conn, keepwell, each, now=now())
        if each == earlier:
            key_id, secret = split_key(found.grace)
            with keepwell.database.write() as conn:
                sign_model(
                    conn, keepwell.ledger, each,
                    secret=secret, key_id=key_id, home_kind="production",
                    outcome="approve", reason="The first one.", now=now(),
                )  # fmt: skip
    keepwell.close()
    with running(root, found.looks, folder / "serve.log") as service:
        yield found._replace(story=Story(root, service))


def sign(page: Page, key: str, *, reason: str = "Read against the test quarter.") -> None:
    page.get_by_label("Approve: it may serve").check()
    page.get_by_label("Why").fill(reason)
    page.get_by_label("Conditions").fill("Look again in spring\n\nNobody under 18")
    page.get_by_label("Your signing key").fill(key)
    page.get_by_role("button", name="Sign").click()


def test_only_an_enrolled_key_of_whoever_is_logged_in_signs_and_then_it_serves(
    shop: Shop, visit: Visit
) -> None:
    visitor = visit(shop.story)
    page = visitor.log_in(shop.looks, "/staff/review")
    waiting = page.locator("ul.cards").first
    waiting.get_by_role("link", name="Churn, 90 days ahead").click()
    assert page.url.endswith(shop.digest)
    assert "approved by Grace" in page.inner_text("main")
    visitor.check("review-waiting")

    for key, told in (
        (shop.stranger, "belongs to somebody else"),
        (shop.looks, "not a signing key enrolled here"),
        (shop.grace[:-4] + "AAAA", "not a signing key enrolled here"),
        ("no key", "not one of Keepwell"),
    ):
        sign(page, key)
        assert told in page.get_by_role("alert").inner_text()
        assert page.get_by_label("Conditions").input_value().startswith("Look again")
        assert page.get_by_label("Your signing key").input_value() == ""
    assert key_is_nowhere(shop.story.root, shop.stranger)
    page.get_by_label("Why").evaluate("each => each.required = false")
    sign(page, shop.grace, reason="   ")
    assert "needs its reason" in page.get_by_role("alert").inner_text()
    visitor.check("review-refused")

    sign(page, shop.grace)
    assert "It serves now" in page.get_by_role("status").inner_text()
    assert f"/staff/review/models/{shop.digest}?said=approved" in page.url
    assert key_is_nowhere(shop.story.root, shop.grace)
    visitor.check("review-signed")
    visitor.open("/staff/review")
    assert "Approved by Grace" in page.inner_text("main")
    visitor.open("/staff/review/decisions")
    assert "Nobody under 18" in page.inner_text("main")

    visitor.open(f"/staff/review/models/{shop.digest}")
    page.get_by_label("Reject: it does not").check()
    page.get_by_label("Why").fill("It was tested on a quarter with a strike.")
    page.get_by_label("Your signing key").fill(shop.grace)
    page.get_by_role("button", name="Sign").click()
    assert "does not serve" in page.get_by_role("status").inner_text()


def test_whoever_trained_a_model_is_told_before_and_refused_after(shop: Shop, visit: Visit) -> None:
    page = visit(shop.story).log_in(shop.ada, f"/staff/review/models/{shop.digest}")
    assert "You trained this model" in page.inner_text("section.sign")
    sign(page, shop.ada)
    assert "somebody else has to approve it" in page.get_by_role("alert").inner_text()


def key_is_nowhere(root: Path, key: str) -> bool:
    secret = key.split("_", 2)[2].encode()
    files = [path for path in root.rglob("*") if path.is_file()]
    return not any(secret in path.read_bytes() for path in files)


def test_the_log_is_verified_on_the_spot_and_a_changed_byte_is_located(
    own_story: Story, visit: Visit
) -> None:
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key(), "/staff/review/log")
    with page.expect_download() as found:
        page.get_by_role("link", name="Export the head").click()
    head = Path(found.value.path()).read_text()
    assert json.loads(head).keys() == {"seq", "link", "signature"}
    page.get_by_text("Against a head").click()
    page.get_by_label("The exported head").fill(head)
    page.get_by_role("button", name="Verify the log").click()
    said = page.get_by_role("status").inner_text()
    assert "Intact" in said
    assert "Nothing was cut off" in said
    visitor.check("review-intact")

    page.get_by_text("Against a head").click()
    page.get_by_label("The exported head").fill(head.replace('"seq": ', '"seq": 1'))
    page.get_by_role("button", name="Verify the log").click()
    assert "not signed by this home" in page.get_by_role("alert").inner_text()

    with sqlite3.connect(own_story.root / "var" / "keepwell.db") as db:
        [body] = db.execute("select body from ledger_entries where seq = 7").fetchone()
        at = len(body) // 2
        other = chr(ord(body[at]) ^ 1)
        db.execute(
            "update ledger_entries set body = ? where seq = 7", [body[:at] + other + body[at + 1 :]]
        )
    page.get_by_role("button", name="Verify the log").click()
    said = page.get_by_role("status").inner_text()
    assert "number 7" in said
    assert "edited" in said
    visitor.check("review-broken")
    with sqlite3.connect(own_story.root / "var" / "keepwell.db") as db:
        db.execute("update ledger_entries set body = ? where seq = 7", [body])
    page.get_by_role("button", name="Verify the log").click()
    assert "Intact" in page.get_by_role("status").inner_text()


@pytest.fixture(scope="module")
def asked(own_story: Story) -> str:
    """Give a customer of the story who contests what is decided about them and complains."""
    keepwell = open_home(own_story.root)
    with keepwell.database.read() as conn:
        customer = str(conn.exec_driver_sql("select customer_id from persons").scalar())
    request_review(keepwell, customer, reason="You took me for somebody else.", clock=now)
    add_complaint(keepwell, customer, category="contact", text="Two letters a week.", clock=now)
    keepwell.close()
    return customer


def test_a_contested_decision_is_answered_and_its_appeal_by_somebody_else(
    own_story: Story, asked: str, visit: Visit
) -> None:
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key("rights:manage"))
    visitor.open("/staff/review")
    assert page.url.endswith("/staff/review/requests")
    visitor.check("review-requests-waiting")
    page.locator("tbody a").first.click()
    assert "somebody else" in page.locator("blockquote").inner_text()
    visitor.check("review-request")
    page.get_by_label("It stands").check()
    page.get_by_label("Why").fill("The orders are yours; the address was an old one.")
    page.get_by_role("button", name="Answer").click()
    assert "recorded" in page.get_by_role("status").inner_text()

    page.get_by_label("What they say").fill("I never lived there.")
    page.get_by_role("button", name="Record the appeal").click()
    assert "somebody else with rights:manage" in page.inner_text("main")
    assert page.get_by_role("button", name="Answer").count() == 0
    visitor.check("review-appeal")


def test_a_complaint_is_recorded_read_and_closed(
    own_story: Story, asked: str, visit: Visit
) -> None:
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key("rights:manage"), "/staff/review/complaints")
    page.get_by_text("Record a complaint").click()
    page.get_by_label("Customer id").fill("nobody of this name")
    page.get_by_label("About").select_option("score")
    page.get_by_label("What they say").fill("Please explain.")
    page.get_by_role("button", name="Record it").click()
    assert "No such customer" in page.get_by_role("alert").inner_text()
    page.get_by_label("Customer id").fill(asked)
    page.get_by_role("button", name="Record it").click()
    assert "recorded" in page.get_by_role("status").inner_text()
    visitor.check("review-complaint")
    page.get_by_label("Resolved").check()
    page.get_by_label("Your answer").fill("We write twice a month from now on.")
    page.get_by_role("button", name="Close it").click()
    assert "closed" in page.get_by_role("status").inner_text()
    assert "twice a month" in page.inner_text("main")


def test_a_harm_is_noted_but_not_with_somebodys_address(own_story: Story, visit: Visit) -> None:
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key(), "/staff/review/harms")
    page.get_by_label("What happened").fill("ann@example.org was taken for another")
    page.get_by_role("button", name="Note it").click()
    assert "address" in page.get_by_role("alert").inner_text()
    page.get_by_label("What happened").fill("It took a long holiday for leaving.")
    page.get_by_role("button", name="Note it").click()
    assert "noted" in page.get_by_role("status").inner_text()
    assert "long holiday" in page.inner_text("main")
    visitor.check("review-harms-noted")


def test_a_key_that_neither_signs_nor_keeps_rights_sees_none_of_it(
    story: Story, visit: Visit
) -> None:
    visitor = visit(story)
    page = visitor.log_in(story.key("outcomes:read"))
    for path in ("", "/log", "/requests"):
        visitor.open(f"/staff/review{path}")
        assert page.get_by_role("heading", level=1).inner_text() == "Not for this key"
    with httpx.Client(base_url=story.url) as nobody:
        answer = nobody.get("/staff/review/log/head")
    assert answer.status_code == 303
