"""`docs/consent.md` names a test for every promise; here the page itself is tested."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "consent.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
EVIDENCE = (
    "tests/serving/test_permission_machine.py",
    "tests/serving/test_linear.py",
    "tests/serving/test_promises_killed.py",
    "tests/serving/test_canary.py",
    "tests/governance/test_corruption.py",
    "tests/serving/test_withdrawal_reaches.py",
)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cell by cell."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names_in(path: str) -> set[str]:
    """The names of the tests in a file, read without running it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


TABLES = {"Purposes and what may carry them": 7, "Invariants": 30, "Signing and promotion": 6}


def test_every_invariant_from_1_to_30_is_there_once_and_in_order() -> None:
    assert [row[0] for row in rows("Invariants")] == [str(number) for number in range(1, 31)]


@pytest.mark.parametrize("heading", TABLES)
def test_every_row_says_what_and_how_and_names_a_test(heading: str) -> None:
    found = rows(heading)
    assert len(found) == TABLES[heading]
    assert all(len(row) == (4 if heading == "Invariants" else 3) for row in found)
    assert all(cell for row in found for cell in row)
    assert [row[0] for row in found if not NAMED.search(row[-1])] == []


def test_every_test_that_is_named_exists() -> None:
    named = sorted(set(NAMED.findall(PAGE)))
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in names_in(path)
    ]
    assert missing == []
    assert len(named) > 100


@pytest.mark.parametrize("path", EVIDENCE)
def test_every_test_of_the_evidence_is_named(path: str) -> None:
    """The other direction: what was written to prove a promise stands beside one."""
    named = {name for where, name in NAMED.findall(PAGE) if where == path}
    assert names_in(path) - named == set()


def test_every_module_that_is_said_to_hold_something_exists() -> None:
    modules = set(re.findall(r"`((?:governance|features|training|serving)(?:\.[a-z_]+)+)", PAGE))
    assert modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or path.is_dir() or _is_of(module), module


def _is_of(name: str) -> bool:
    """Whether `a.b.name` is defined in the module `a.b`."""
    module, _, inside = name.rpartition(".")
    path = (ROOT / module.replace(".", "/")).with_suffix(".py")
    return path.is_file() and inside in path.read_text(encoding="utf-8")
