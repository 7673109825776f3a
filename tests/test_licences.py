"""Everything that is installed may be used as Keepwell uses it: no licence asks for our source."""

import re
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from typing import Any

import pytest

PERMISSIVE = re.compile(
    r"0?BSD\b.*|.*\bBSD\b.*|MIT\b.*|.*\bMIT License|Apache\b.*|ISC\b.*"
    r"|PSF-2\.0|Python Software Foundation License|Zlib|CC0-1\.0|Unlicense|HPND"
    r"|MPL-2\.0|Mozilla Public License 2\.0.*",
    re.IGNORECASE,
)
READ = {
    "psycopg": "LGPL-3.0: a library used as it is, replaceable, and not part of ours",
    "psycopg-binary": "LGPL-3.0: as psycopg",
    "axe-playwright-python": "MIT, as its LICENSE file says; the axe-core it brings is MPL-2.0",
    "huey": "MIT, as its LICENSE file says; its metadata is silent",
    "skops": "MIT, as its LICENSE file says; its metadata says OSI approved",
}
"""What states nothing usable, or a licence that was looked at by itself, and why it may stay."""


def stated(package: Distribution) -> list[str]:
    """Give what a package says of its licence: the expression, else classifiers, else words."""
    meta: Any = package.metadata
    expression = meta.get("License-Expression")
    if expression:
        return [str(expression)]
    classified = [
        each.rpartition("::")[2].strip()
        for each in meta.get_all("Classifier") or []
        if each.startswith("License ::") and not each.endswith("OSI Approved")
    ]
    return classified or [(str(meta.get("License") or "")).strip().partition("\n")[0]]


def is_permissive(licences: Sequence[str]) -> bool:
    """Whether one of several licences offered asks for nothing but the notice."""
    return any(
        all(
            any(PERMISSIVE.fullmatch(choice.strip(" ()")) for choice in part.split(" OR "))
            for part in each.split(" AND ")
        )
        for each in licences
        if each
    )


def test_every_installed_package_may_be_used() -> None:
    refused = {
        package.name: stated(package)
        for package in distributions()
        if package.name not in READ and not is_permissive(stated(package))
    }
    assert refused == {}


def test_what_was_read_by_hand_is_still_installed() -> None:
    names = {package.name for package in distributions()}
    assert set(READ) - names <= {"psycopg", "psycopg-binary"}  # wanted for PostgreSQL alone


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "AGPL-3.0", "GNU General Public License v3 (GPLv3)", "SSPL-1.0", "",
     "MIT AND GPL-2.0-only", "LGPL-3.0-only", "BUSL-1.1", "Proprietary"],
)  # fmt: skip
def test_a_licence_that_asks_for_more_is_refused(licence: str) -> None:
    assert not is_permissive([licence])


@pytest.mark.parametrize("licence", ["MIT", "MIT OR GPL-3.0-only", "Apache-2.0 AND BSD-2-Clause"])
def test_a_licence_that_offers_enough_is_taken(licence: str) -> None:
    assert is_permissive([licence])
