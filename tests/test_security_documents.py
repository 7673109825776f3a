"""The table of threats names tests that there are, and scopes that there are."""

import re
from pathlib import Path

from serving.access.auth import SCOPES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    assert {each for each in named if not (ROOT / each).is_file()} == set()
    rows = [line for line in TEXT.split("## Keys")[0].splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if "`tests/" not in row] == []
    assert len(named) > 10


def test_every_scope_is_explained() -> None:
    table = TEXT.split("| scope | for |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z]+:[a-z]+|admin)`", table)) == SCOPES


def test_whoever_finds_a_weakness_learns_where_to_report_it() -> None:
    assert "security advisories" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
