"""One at a time: who imports, compacts or merges holds the history's folder; intake goes on.

The lock is a file's and goes with the process that holds it. Transactions on the database stay
short and are asked for after the folder, never the other way round.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from features.store import HistoryStore

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: publishing notices who was faster and begins again
    flock = None  # type: ignore[assignment]


class Transactions(Protocol):
    """What opens short transactions on the operational database, one after another."""

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes; commits on leaving the block."""


@contextmanager
def held(
    store: HistoryStore, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold the folder of a history while its files are made; tells whether it is held.

    `waiting` is called once if another holds it; without `wait` the answer is then False.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    with held_file(store.root / ".held", wait=wait, waiting=waiting) as mine:
        yield mine


@contextmanager
def held_file(
    path: Path, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold the lock of one file, as `held` does."""
    if flock is None:
        yield True  # type: ignore[unreachable]
        return
    with path.open("a") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if not wait:
                yield False
                return
            waiting()
            flock(file, LOCK_EX)
        yield True


def hold_history(conn: Connection) -> None:
    """Let one transaction at a time change the manifest; whoever comes second waits for its end.

    On SQLite the write transaction does that already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('keepwell.import'))"))


def hold_intake(conn: Connection) -> None:
    """Wait for events that are being written and let none begin until this transaction ends.

    So that what is published meanwhile and what arrives never hold the same event twice.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('keepwell.intake'))"))


def join_intake(conn: Connection) -> None:
    """Write events beside others that do; waits only for a publication that is under way."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('keepwell.intake'))"))
