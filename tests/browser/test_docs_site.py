"""The documentation as a site: built without a warning, read without a network, by everybody."""

import functools
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser.conftest import Scheme, Visit, Visitor, Width

ROOT = Path(__file__).parents[2]
PAGES = ("index", "tutorial", "reference/measures", "reference/api/scores", "explanation/lift")


class Site(NamedTuple):
    """A built site, and where it is given out."""

    root: Path
    url: str


class Silent(SimpleHTTPRequestHandler):
    """Gives out files and says nothing of it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    built = subprocess.run(
        [*command, "-b", "html", "-d", str(root / "kept"), str(ROOT / "docs"), str(root / "site")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    handler = functools.partial(Silent, directory=str(root / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(root / "site", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.mark.parametrize(
    ("width", "scheme"), [("desktop", "light"), ("desktop", "dark"), ("phone", "light")]
)
def test_pages_are_read_by_everybody_and_ask_nothing_of_others(
    site: Site, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor: Visitor = visit(site, width=width, scheme=scheme)
    for name in PAGES:
        visitor.open(f"/{name}.html")
        visitor.check(name.replace("/", "-"))


def test_search_finds_a_page_without_a_network(site: Site, visit: Visit) -> None:
    page = visit(site).open("/index.html")
    page.get_by_role("textbox", name="Search").fill("holdout")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a").first
    found.wait_for()
    assert page.url.startswith(f"{site.url}/search.html")


def test_every_page_is_reached_from_the_first(site: Site) -> None:
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    seen, waiting = set[str](), ["index.html"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        html = (site.root / name).read_text(encoding="utf-8")
        waiting += _links(html, Path(name).parent, site.root)
    assert {name.removesuffix(".md") for name in pages} <= {
        name.removesuffix(".html") for name in seen
    }


def _links(html: str, folder: Path, root: Path) -> list[str]:
    article = html.partition("<article")[2].partition("</article>")[0]
    found = re.findall(r'href="([^"#:]+\.html)', article)
    places = [(root / folder / each).resolve() for each in found]
    return [str(each.relative_to(root.resolve())) for each in places if each.exists()]
