"""What the audit of the locked packages says, and when it says nothing."""

import json
from typing import Any

from benchmarks.dependencies import read

FINE: dict[str, Any] = {"name": "click", "version": "8.1.7", "vulns": []}
WEAK: dict[str, Any] = {
    "name": "pyyaml",
    "version": "5.3",
    "vulns": [{"id": "PYSEC-2021-142", "fix_versions": ["5.4"]}],
}
SKIPPED: dict[str, Any] = {"name": "click", "skip_reason": "Dependency not found"}


def verdict(*packages: dict[str, Any]) -> str:
    return read(json.dumps({"dependencies": packages, "fixes": []})).verdict


def test_a_known_weakness_is_named_with_what_mends_it() -> None:
    found = read(json.dumps({"dependencies": [FINE, WEAK]}))
    assert found.known == ("pyyaml 5.3: PYSEC-2021-142, mended in 5.4",)


def test_nothing_known_is_said_of_what_was_looked_at_alone() -> None:
    assert verdict(FINE, SKIPPED) == (
        "1 packages looked at, no known weakness; 1 could not be looked at"
    )


def test_where_nobody_could_be_asked_nothing_is_promised() -> None:
    assert verdict(SKIPPED).startswith("not audited")
