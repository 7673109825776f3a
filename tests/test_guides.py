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
        return run(script, folder, seconds=600)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_in_a_block_that_is_run(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) <= {"sh", "text"}


def test_every_guide_is_followed() -> None:
    there = {path.name for path in (ROOT / "docs/guides").glob("*.md")} - {"index.md"}
    assert there == {Path(each).name for each in DOCUMENTS if each.startswith("guides/")}
