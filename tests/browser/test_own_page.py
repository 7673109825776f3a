"""The pages of a contacted person: why, their choices, what is held, and being erased."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from governance.log.ledger import entries
from serving.bootstrap import open_home
from serving.interventions.tables import interventions
from serving.notice_links import notice_link
from serving.survey_links import survey_link
from tests.browser.conftest import Scheme, Story, Visit, Width, _served

SHOP = "http://localhost:{}"


class Site(BaseHTTPRequestHandler):
    """A site that shows another page inside its own; the address asked for says which."""

    def do_GET(self) -> None:
        inside = self.path.partition("?show=")[2]
        frame = f"<iframe src='{inside}' width=400 height=600 title=choices></iframe>"
        html = f"<!doctype html><title>Shop</title><h1>Account</h1>{frame}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(html.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def site() -> Iterator[int]:
    """Serve the site; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def shop_port() -> Iterator[int]:
    with site() as port:
        yield port


@pytest.fixture(scope="module")
def own_story(
    told: Path, shop_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Serve a copy of the demo whose company may embed the choices in its own site."""
    folder = tmp_path_factory.mktemp("embedding")
    shutil.copytree(told, folder / "told")
    with (folder / "told" / "keepwell.toml").open("a") as settings:
        settings.write(f'\n[preferences]\nembed_origins = ["{SHOP.format(shop_port)}"]\n')
    with _served(folder / "told", folder) as found:
        yield found


class Links:
    """The links of a story's contacted people; `nth` counts those contacted by a playbook."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.keepwell = open_home(story.root)
        self.ends = datetime.now(UTC) + timedelta(days=30)

    def contacted(self, nth: int, playbook: str = "personal_note") -> tuple[str, str]:
        mine = interventions.c
        query = (
            select(mine.customer_id, mine.intervention_id)
            .where(mine.playbook == playbook, mine.arm == "treated")
            .order_by(mine.customer_id)
        )
        with self.keepwell.database.read() as conn:
            customer_id, intervention_id = conn.execute(query).all()[nth]
        return str(customer_id), str(intervention_id)

    def notice(self, nth: int) -> str:
        return self._inside(notice_link, *self.contacted(nth))

    def survey(self, nth: int) -> str:
        return self._inside(survey_link, *self.contacted(nth, "csat_after_purchase"))

    def site(self, nth: int, kind: str) -> str:
        """Give a link that the company's own site made."""
        customer_id, _ = self.contacted(nth)
        made = self.story.service.client.post(f"/v1/customers/{customer_id}/{kind}")
        return str(made.json()["url"]).removeprefix(self.story.url)

    def counts(self) -> tuple[int, int]:
        """Count what would grow if anything were recorded: lines of the log, permitted people."""
        with self.keepwell.database.read() as conn:
            opened = select(func.count(interventions.c.notice_opened_at))
            return len(list(entries(conn))), int(conn.execute(opened).scalar_one())

    def score(self, nth: int) -> str:
        asked = {"inputs": [{"customer_id": self.contacted(nth)[0]}], "targets": ["churn"]}
        found = self.story.service.client.post("/v1/scores", json=asked).json()["results"][0]
        return str(found["status"])

    def _inside(self, make: Callable[..., str], customer_id: str, intervention_id: str) -> str:
        with self.keepwell.database.read() as conn:
            person = self.keepwell.persons.find(conn, customer_id)
        return make(self.keepwell.keys, intervention_id, person, expires_at=self.ends, base_url="")


@pytest.fixture(scope="module")
def links(own_story: Story) -> Iterator[Links]:
    found = Links(own_story)
    yield found
    found.keepwell.close()


def code_on(page: Page) -> str:
    """Read the code that a demo shows in place of sending it."""
    return re.sub(r"\D", "", page.locator(".code").inner_text())


def open_own(page: Page) -> None:
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code of eight digits").fill(code_on(page))
    page.get_by_role("button", name="Show what you hold about me").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("What we hold about you")


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Reach something by the Tab key alone, and press it."""
    find = """() => { const e = document.activeElement;
        return e.labels?.[0]?.innerText ?? e.getAttribute("aria-label") ?? e.innerText ?? ""; }"""
    for _ in range(80):
        page.keyboard.press("Tab")
        if str(page.evaluate(find)).strip() == name:
            return page.keyboard.press(key)
    raise AssertionError(f"{name} is not reached by Tab")


def send(page: Page, name: str) -> None:
    """Press a button of a form by keyboard, and wait for the page that answers."""
    with page.expect_navigation(wait_until="load"):
        press(page, name)


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_holds_what_pages_promise(
    own_story: Story, links: Links, visit: Visit, width: Width, scheme: Scheme
) -> None:
    nth = ["desktop", "phone"].index(width) * 2 + ["light", "dark"].index(scheme)
    visitor = visit(own_story, width=width, scheme=scheme)
    page = visitor.open(links.notice(nth))
    visitor.check("notice")
    page.get_by_role("button", name="Send me a code").click()
    visitor.check("code")
    page.get_by_label("Code of eight digits").fill(code_on(page))
    page.get_by_role("button", name="Show what you hold about me").click()
    visitor.check("own")
    page.get_by_role("button", name="Go on to erasing").click()
    visitor.check("erase")
    visitor.open(links.site(nth, "preference-link"))
    visitor.check("preferences")
    visitor.open(links.site(nth, "stop-link"))
    visitor.check("stop")
    visitor.open(links.survey(nth))
    visitor.check("survey")
    page.get_by_role("button", name=re.compile(r"^4\b")).click()
    visitor.check("survey-thanks")
    visitor.open("/notice?token=nobody")
    visitor.check("dead")


def test_the_pages_speak_german(own_story: Story, links: Links, visit: Visit) -> None:
    visitor = visit(own_story, width="phone")
    page = visitor.open(links.notice(4))
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Warum Sie eine Nachricht")
    visitor.check("notice-de")
    page.get_by_role("button", name="Code schicken").click()
    page.get_by_label("Code aus acht Ziffern").fill(code_on(page))
    page.get_by_role("button", name="Zeigen, was über mich vorliegt").click()
    visitor.check("own-de")
    reasons = page.locator(".reasons").inner_text()
    assert not re.search(r"\b(the|days|orders|last|how)\b", reasons)


def test_reading_links_as_a_scanner_does_changes_nothing(own_story: Story, links: Links) -> None:
    found = [links.notice(5), links.survey(5)]
    found += [links.site(5, "preference-link"), links.site(5, "stop-link")]
    before, state = links.counts(), links.score(5)
    seen = links.counts()
    for each in found:
        assert own_story.service.client.get(each).status_code == 200
        own_story.service.client.head(each)
    assert links.counts() == seen
    assert (before[1], state) == (seen[1], "scored")


def test_a_wrong_code_opens_nothing_and_the_right_one_opens_it(
    own_story: Story, links: Links, visit: Visit
) -> None:
    page = visit(own_story).open(links.notice(6))
    page.get_by_role("button", name="Send me a code").click()
    right = code_on(page)
    page.get_by_label("Code of eight digits").fill(f"{(int(right) + 1) % 10**8:08}")
    page.get_by_role("button", name="Show what you hold about me").click()
    assert "That is not the code" in page.get_by_role("status").inner_text()
    page.get_by_label("Code of eight digits").fill(right)
    page.get_by_role("button", name="Show what you hold about me").click()
    expect(page.get_by_role("heading", name="Your records", exact=True)).to_be_visible()


def test_what_is_stopped_on_the_page_is_refused_at_the_next_score(
    own_story: Story, links: Links, visit: Visit
) -> None:
    assert links.score(7) == "scored"
    page = visit(own_story, script=False).open(links.notice(7))
    page.get_by_role("button", name="Stop everything that can be stopped").click()
    assert "it is stopped" in page.get_by_role("status").inner_text()
    assert links.score(7) == "refused"
    open_own(page)
    page.get_by_role("button", name="See all my choices").click()
    again = page.get_by_role("button", name="Allow: Noticing when you may want to leave")
    again.click()
    assert "Saved: allowed" in page.get_by_role("status").inner_text()
    assert links.score(7) == "scored"


def test_every_act_is_done_by_keyboard_alone_to_the_last(
    own_story: Story, links: Links, visit: Visit
) -> None:
    address = links.notice(8)
    visitor = visit(own_story)
    page = visitor.open(address)
    send(page, "Send me a code")
    code = code_on(page)
    press(page, "Code of eight digits", code[:1])
    page.keyboard.type(code[1:])
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    press(page, "What is wrong", "M")
    page.keyboard.type("y last order is missing.")
    send(page, "Send: Something is not right")
    expect(page.locator(".said").first).to_contain_text("look at it and answer")
    press(page, "What is it about?", "H")
    press(page, "What happened", "T")
    page.keyboard.type("oo many messages.")
    send(page, "Send: Make a complaint")
    expect(page.locator(".said").first).to_contain_text("read it and answer")
    send(page, "Have a person look again")
    expect(page.locator(".said").last).to_contain_text("A person is looking at it again")
    with page.expect_download() as taken:
        press(page, "As a file (JSON)")
    assert taken.value.suggested_filename == "my-data.json"
    send(page, "No more messages by e-mail")
    expect(page.locator(".said").first).to_contain_text("it is stopped")
    send(page, "Go on to erasing")
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    press(page, "Yes, erase everything about me. I know that it cannot be undone.", "Space")
    send(page, "Erase everything now")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are erased")
    assert "person_" in page.locator("code").inner_text()
    visitor.check("erased")
    assert visitor.open(address).get_by_role("heading", level=1).inner_text() == (
        "This notice cannot be shown"
    )


def test_the_companys_own_site_may_embed_the_choices_and_no_other(
    own_story: Story, links: Links, visit: Visit, shop_port: int
) -> None:
    address = own_story.url + links.site(9, "preference-link")
    page = visit(own_story).page
    page.goto(f"{SHOP.format(shop_port)}/?show={address}")
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name=re.compile("Stop: Messages by e-mail")).click()
    expect(inside.get_by_role("status")).to_contain_text("Saved: stopped")
    with site() as elsewhere:
        page.goto(f"http://127.0.0.1:{elsewhere}/?show={address}")
        expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_count(0)
    page.goto(f"{SHOP.format(shop_port)}/?show={own_story.url}{links.notice(9)}")
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_count(0)
