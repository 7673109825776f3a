"""The tutorial and the guides work as they stand, in one home that the tutorial makes."""

import re
from pathlib import Path

import pytest

from tests.serving.crm.guide import ROOT, checkout, free_port, run, sections

DOCUMENTS = (
    "tutorial.md",
    "guides/data-scientist.md",
    "guides/ethics-reviewer.md",
    "guides/answering-customers.md",
    "guides/crm-engineer.md",
    "guides/operator.md",
)
"""In the order in which they are followed."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Paste every block of every document into one shell, and give what it said."""
    blocks = [
        block
        for document in DOCUMENTS
        for _, found in sections(ROOT / "docs" / document)
        for block in found
    ]
    script = "\n".join(blocks)
    assert ":3000" in script
    script = script.replace("3000", str(free_port()))
    with checkout(tmp_path_factory.mktemp("tutorial")) as folder:
        return run(script, folder, seconds=900)


def test_the_result_of_the_tutorial_is_the_one_that_is_shown(said: str) -> None:
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^came_back .*$", tutorial, re.MULTILINE)
    assert shown in [line.rstrip() for line in said.splitlines()]


def test_whoever_withdrew_and_whoever_was_erased_is_refused(said: str) -> None:
    assert "C001  refused\n  because: withdrawn" in said
    assert "C005  refused\n  because: suppressed" in said


def test_the_service_tells_a_refusal_like_a_stranger(said: str) -> None:
    assert said.count('"status":"not_available"') == 2


def test_a_model_that_was_signed_with_conditions_serves(said: str) -> None:
    assert "on condition: ask for the fairness audit" in said
    assert "the same, bit for bit" in said


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_in_a_block_that_is_run(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) <= {"sh", "text"}


def test_every_guide_is_followed() -> None:
    there = {path.name for path in (ROOT / "docs/guides").glob("*.md")} - {"index.md"}
    assert there == {Path(each).name for each in DOCUMENTS if each.startswith("guides/")}
