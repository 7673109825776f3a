"""The journal: on disk before the commit, and found out when altered."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.errors import IntegrityBroken, InvalidInput
from governance.log.journal import Journal

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal" / "lines", b"k" * 32)


def test_lines_come_back_in_order(journal: Journal) -> None:
    journal.append("withdrawal", now=NOW, customer_id="anna", detail="risk_scoring")
    journal.append("key_revoked", now=NOW + timedelta(1), detail="key7")
    first, second = journal.entries()
    assert (first.kind, first.detail, first.token) == (
        "withdrawal",
        "risk_scoring",
        journal.token("anna"),
    )
    assert (second.kind, second.detail, second.token) == ("key_revoked", "key7", "")
    assert journal.entries(since=NOW + timedelta(1)) == [second]


def test_nothing_was_journalled_yet(journal: Journal) -> None:
    assert journal.entries() == []


def test_the_file_names_nobody_and_is_private(journal: Journal) -> None:
    journal.append("erasure", now=NOW, customer_id="anna.smith")
    assert b"anna" not in journal.path.read_bytes()
    assert journal.path.stat().st_mode & 0o077 == 0


def test_only_known_kinds_are_journalled(journal: Journal) -> None:
    with pytest.raises(InvalidInput):
        journal.append("gossip", now=NOW)


def test_any_altered_byte_is_found_with_its_line(journal: Journal) -> None:
    for who in ("anna", "bert", "cleo"):
        journal.append("withdrawal", now=NOW, customer_id=who, detail="risk_scoring")
    original = journal.path.read_bytes()
    lines = original.split(b"\n")
    start = len(lines[0]) + 1
    for at in range(start, start + len(lines[1])):
        changed = bytes([original[at] ^ 1])
        journal.path.write_bytes(original[:at] + changed + original[at + 1 :])
        with pytest.raises(IntegrityBroken, match="line 2"):
            journal.entries()


def test_a_line_of_another_journal_is_found(journal: Journal, tmp_path: Path) -> None:
    other = Journal(tmp_path / "other", b"o" * 32)
    other.append("erasure", now=NOW, customer_id="anna")
    journal.append("erasure", now=NOW, customer_id="anna")
    journal.path.write_bytes(journal.path.read_bytes() + other.path.read_bytes())
    with pytest.raises(IntegrityBroken, match="line 2"):
        journal.entries()


@pytest.mark.parametrize("kept", [1, 20, 60])
def test_a_line_cut_short_by_a_crash_is_left_out(journal: Journal, kept: int) -> None:
    journal.append("erasure", now=NOW, customer_id="anna")
    with journal.path.open("ab") as file:
        file.write(journal.path.read_bytes()[:kept])
    assert len(journal.entries()) == 1
    journal.append("erasure", now=NOW, customer_id="bert")
    tokens = [entry.token for entry in journal.entries()]
    assert tokens == [journal.token("anna"), journal.token("bert")]


def test_many_writers_share_one_file(journal: Journal) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            journal.append("withdrawal", now=NOW, customer_id=f"{worker}.{number}", detail="x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(journal.entries()) == 40


def test_many_lines_are_flushed_once(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    journal.append_many("withdrawal", [("anna", "risk_scoring", NOW), ("bert", "x", NOW)])
    journal.append_many("withdrawal", [("cleo", "risk_scoring", NOW)])
    assert len(flushed) == 3  # the folder once, the file twice
    assert len(journal.entries()) == 3


def test_a_seal_tells_one_journal_from_another_and_outlasts_growth(
    journal: Journal, tmp_path: Path
) -> None:
    other = Journal(tmp_path / "other" / "lines", b"o" * 32)
    for each in (journal, other):
        each.append("erasure", now=NOW, customer_id="anna")
    mark = journal.mark()
    journal.append("erasure", now=NOW, customer_id="bert")
    assert mark.position == other.mark().position
    assert journal.seal(mark.position) == mark.seal != other.mark().seal
