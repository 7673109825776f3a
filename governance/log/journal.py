"""The file that outlives a restore: erasures, withdrawals, objections, contests, ended keys.

It lies outside the backup. A line is on disk before the database commits, so that nothing a person
asked for is forgotten with the database; a line whose transaction then failed only denies more.
People appear as keyed tokens. Each line carries its own MAC: an altered line is found by number.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from governance.canonical import canonical
from governance.errors import IntegrityBroken, InvalidInput
from governance.instants import parse_instant, to_text
from governance.pseudonym import keyed_token

KINDS = ("erasure", "withdrawal", "objection", "key_revoked", "key_ending", "review")
_TORN = b"#torn\n"
_SEALED = 1_024


class JournalEntry(NamedTuple):
    """One line: `token` stands for a person.

    `detail` is a purpose, the id of a revoked key, that of a rotated one with its end, or where a
    contested decision stands.
    """

    at: datetime
    kind: str
    token: str
    detail: str


class Mark(NamedTuple):
    """How many bytes a journal holds, and a seal of its end there: see `Journal.seal`.

    A database of an earlier version noted no seal.
    """

    position: int
    seal: str | None


class Journal:
    """Appends lines to one file, shared by all processes of a home."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._key = key

    def token(self, customer_id: str) -> str:
        """Give what stands for the customer in this file."""
        return keyed_token(self._key, "journal", customer_id)

    def append(
        self, kind: str, *, now: datetime, customer_id: str | None = None, detail: str = ""
    ) -> None:
        """Put one line on disk; call it before the transaction it speaks of commits."""
        self.append_many(kind, [(customer_id, detail, now)])

    def append_many(self, kind: str, items: Sequence[tuple[str | None, str, datetime]]) -> None:
        """Put one line per (customer, detail, instant) on disk with a single flush."""
        if kind not in KINDS:
            raise InvalidInput(f"{kind!r} is not journalled; known are {', '.join(KINDS)}")
        lines = "".join(self._line(kind, *item) for item in items)
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self.path, flags, 0o600)
        try:
            _lock(descriptor)
            torn = _TORN if _ends_torn(descriptor) else b""
            _write_all(descriptor, torn + lines.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _flush_folder(self.path.parent)

    @property
    def position(self) -> int:
        """How many bytes were written so far; a database remembers up to where it knows them."""
        return self.path.stat().st_size if self.path.exists() else 0

    def mark(self) -> Mark:
        """Give how far the journal goes, all of it safe on disk."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return Mark(0, self.seal(0))
        try:
            position = os.fstat(descriptor).st_size
            os.fsync(descriptor)  # another process may not have come to it yet
        finally:
            os.close(descriptor)
        return Mark(position, self.seal(position))

    def seal(self, position: int) -> str:
        """Give the hash of the lines that end at `position`, which no other journal shares.

        What was written never changes, so a journal whose seal there is another was replaced.
        """
        end = b""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(max(position - _SEALED, 0))
                end = file.read(min(position, _SEALED))
        return hashlib.sha256(b"keepwell journal\n%d\n%b" % (position, end)).hexdigest()

    def entries(self, *, since: datetime | None = None, after: int = 0) -> list[JournalEntry]:
        """Read the lines, from `since` on or after the position `after` where given.

        A line that a crash cut short is left out; any other line that does not fit its MAC raises
        `IntegrityBroken` with its number, counted from where reading began.
        """
        if not self.path.exists():
            return []
        found = []
        written = self.path.read_bytes()[after:]
        for number, line in enumerate(written.splitlines(keepends=True), start=1):
            if line.endswith(_TORN) or not line.endswith(b"\n"):
                continue
            entry = self._read(number, line)
            if since is None or entry.at >= since:
                found.append(entry)
        return found

    def _line(self, kind: str, customer_id: str | None, detail: str, at: datetime) -> str:
        fields = {
            "at": to_text(at),
            "kind": kind,
            "token": "" if customer_id is None else self.token(customer_id),
            "detail": detail,
        }
        return canonical({**fields, "mac": self._mac(fields)}) + "\n"

    def _mac(self, fields: dict[str, str]) -> str:
        return keyed_token(self._key, "journal line", canonical(fields))

    def _read(self, number: int, line: bytes) -> JournalEntry:
        try:
            fields: dict[str, Any] = json.loads(line)
            mac = str(fields.pop("mac"))
            if not hmac.compare_digest(mac.encode(), self._mac(fields).encode()):
                raise ValueError
            if canonical({**fields, "mac": mac}).encode() + b"\n" != line:
                raise ValueError
            at = parse_instant(fields["at"], UTC)
            return JournalEntry(at, fields["kind"], fields["token"], fields["detail"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise IntegrityBroken(
                f"line {number} of the journal is not as it was written",
                hint="restore the journal from its own copy before serving",
            ) from None


def _ends_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _write_all(descriptor: int, payload: bytes) -> None:
    while payload:
        payload = payload[os.write(descriptor, payload) :]


def _lock(descriptor: int) -> None:
    with suppress(ImportError):  # Windows has no flock; appends there are one process only
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
