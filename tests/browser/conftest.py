"""Pages in a real Chromium: a served demo home, somebody logged in, and what every page must hold.

`story` is a home that the demo made once for the whole run; it is only read. `own_story` is a copy
of it for tests that change something.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from serving.access.auth import SCOPES, create_key
from serving.bootstrap import open_home
from tests.conftest import long_form, missing
from tests.serving.running import Running, running

CUSTOMERS = 300
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
Width = Literal["desktop", "phone"]
Scheme = Literal["light", "dark"]
SHOTS = os.environ.get("BROWSER_SHOTS")
"""Where pictures of pages are put, for people to look at; none are taken without it."""


@dataclass
class Story:
    """A served home with a simulated company; `key` makes one with these scopes."""

    root: Path
    service: Running
    keys: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.service.client.base_url).rstrip("/")

    def key(self, *scopes: str) -> str:
        wanted = scopes or tuple(sorted(SCOPES))
        if wanted not in self.keys:
            keepwell = open_home(self.root)
            with keepwell.database.write() as conn:
                made = create_key(
                    conn, keepwell.ledger, wanted, owner="Grace Example", now=datetime.now(UTC)
                )
            keepwell.close()
            self.keys[wanted] = made.key
        return self.keys[wanted]


@dataclass
class Visitor:
    """A browser of one size and scheme, at one service; notes what it must not see."""

    page: Page
    url: str
    name: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page and wait until it is all there."""
        self.page.goto(f"{self.url}{path}", wait_until="load")
        return self.page

    def log_in(self, key: str, then: str = "/staff") -> Page:
        """Log in as a person does, with a key typed into the form."""
        self.open(f"/staff/login?next={then}")
        self.page.get_by_label("Your key").fill(key)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"**{then}*")
        return self.page

    def check(self, shot: str = "") -> None:
        """Hold a page to what all pages promise.

        No violation found by axe-core, nothing asked of another origin, nothing blocked or failed,
        no sideways scrolling, no more than 300 kB of HTML. `shot` names a picture of it.
        """
        for image in self.page.locator("img").all():
            image.scroll_into_view_if_needed()
        self.page.wait_for_load_state("networkidle")
        if SHOTS and shot:
            target = Path(SHOTS) / f"{shot}-{self.name}.png"
            self.page.screenshot(path=target, full_page=True)
        found = Axe().run(self.page).response["violations"]
        said = [
            f"{each['id']}: {each['help']}: {node['html'][:200]}"
            for each in found
            for node in each["nodes"]
        ]
        assert said == []
        assert self.faults == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) <= 0, "the page scrolls sideways"
        assert len(self.page.content().encode()) < 300_000


@pytest.fixture(autouse=True)
def _two_of_four(request: pytest.FixtureRequest) -> None:
    """Look at a page wide and light, and narrow and dark; the other two are the long form."""
    asked = getattr(request.node, "callspec", None)
    if asked is not None and {"width", "scheme"} <= set(asked.params):
        shown = (asked.params["width"], asked.params["scheme"])
        if shown not in (("desktop", "light"), ("phone", "dark")):
            long_form()


@pytest.fixture(scope="module")  # an open browser keeps an event loop running: not longer
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the demo make its home once, whichever worker comes first; the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / "story"
    kept = os.environ.get("BROWSER_STORY")  # one made before, to try tests quickly
    if kept:
        return Path(kept)
    with (shared / "story.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (root / "done").exists():
            _tell(root)
            (root / "done").touch()
    return root


def _tell(root: Path) -> None:
    from serving.demo import run_demo

    run_demo(
        root,
        customers=CUSTOMERS,
        seed=1,
        port=3000,
        progress=lambda said: None,
        clock=lambda: datetime.now(UTC),
    )


@contextmanager
def _served(told: Path, folder: Path) -> Iterator[Story]:
    root = folder / "home"
    shutil.copytree(told, root)
    made = open_home(root)
    with made.database.write() as conn:
        key = create_key(conn, made.ledger, ["admin"], owner="tests", now=datetime.now(UTC)).key
    made.close()
    with running(root, key, folder / "serve.log") as service:
        yield Story(root, service)


@pytest.fixture(scope="session")
def story(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with _served(told, tmp_path_factory.mktemp("story")) as found:
        yield found


@pytest.fixture(scope="module")
def own_story(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with _served(told, tmp_path_factory.mktemp("own")) as found:
        yield found


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Give a browser: `visit(story, width="phone", scheme="dark")`; a fresh profile each time."""
    opened: list[BrowserContext] = []

    def begin(
        story: Story, *, width: Width = "desktop", scheme: Scheme = "light", script: bool = True
    ) -> Visitor:
        across, down = WIDTHS[width]
        context = chromium.new_context(
            viewport={"width": across, "height": down},
            color_scheme=scheme,
            java_script_enabled=script,
            is_mobile=width == "phone",
            locale="en-GB",
        )
        opened.append(context)
        made = Visitor(context.new_page(), story.url, f"{width}-{scheme}")
        _watch(made)
        return made

    yield begin
    for context in opened:
        context.close()


def _watch(visitor: Visitor) -> None:
    origin = re.compile(rf"{re.escape(visitor.url)}(/|$)|data:|about:|blob:")

    def asked(request: Request) -> None:
        if not origin.match(request.url):
            visitor.faults.append(f"asked {request.url}")

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            visitor.faults.append(message.text)

    visitor.page.on("request", asked)
    visitor.page.on("console", said)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
