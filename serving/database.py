"""The operational database: SQLite in WAL mode by default, PostgreSQL by changing one URL."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
except ImportError:  # Windows: SQLite's own waiting has to do
    flock = None  # type: ignore[assignment]

_PATIENCE_S = 30.0
_LOOK_AGAIN_S = 0.0005


class Database:
    """One engine; `read()` and `write()` each give a connection inside one transaction.

    A write transaction on SQLite begins IMMEDIATE, so that two writers queue instead of failing;
    it commits on leaving the block and rolls back on an exception.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._turn: AbstractContextManager[None] = (
            _Turn(self.engine.url.database) if self.is_sqlite else nullcontext()
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that only reads, all of it as of one instant."""
        with self.engine.connect() as conn:
            level = None if self.is_sqlite else "REPEATABLE READ"
            one = conn if level is None else conn.execution_options(isolation_level=level)
            with one.begin():
                yield one

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; commits on leaving the block."""
        with self._turn, self.engine.connect() as conn:
            writer = conn.execution_options(keepwell_write=True)
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Return every pooled connection."""
        self.engine.dispose()


class _Turn:
    """Lets the writers of a SQLite file pass one by one, in all threads and processes.

    SQLite itself would let them sleep and try again, which makes some of them wait for a second.
    The lock lies beside the file and goes with the process that holds it; the file's own locks
    still guard it against whoever does not ask here.
    """

    def __init__(self, database: str | None) -> None:
        self._threads = threading.Lock()
        self._path = None if database in (None, "", ":memory:") else f"{database}.turn"
        self._file: int | None = None
        self._owner = 0

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._path is not None and flock is not None:
                self._wait(self._descriptor(self._path))
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        if self._file is not None and flock is not None:
            flock(self._file, LOCK_UN)
        self._threads.release()

    def _wait(self, file: int) -> None:
        """Wait for the other processes; after half a minute leave it to SQLite to refuse."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK_AGAIN_S)
            else:
                return

    def _descriptor(self, path: str) -> int:
        if self._file is None or self._owner != os.getpid():  # a forked child opens its own
            self._file, self._owner = os.open(path, os.O_RDWR | os.O_CREAT, 0o600), os.getpid()
        return self._file


def sqlite_url(path: Path) -> str:
    """Name a SQLite file as a database URL."""
    return f"sqlite:///{path}"


def create_tables(database: Database, *metadatas: MetaData) -> None:
    """Create the tables of every floor at once, for tests; a home is migrated instead."""
    with database.write() as conn:
        for metadata in metadatas:
            metadata.create_all(conn)


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _begin_sqlite(conn: Connection) -> None:
    write = conn.get_execution_options().get("keepwell_write", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
