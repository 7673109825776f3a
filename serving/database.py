"""The operational database: SQLite in WAL mode by default, PostgreSQL by changing one URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event


class Database:
    """One engine; `read()` and `write()` each give a connection inside one transaction.

    A write transaction on SQLite begins IMMEDIATE, so that two writers queue instead of failing;
    it commits on leaving the block and rolls back on an exception.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)

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
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; commits on leaving the block."""
        with self.engine.connect() as conn:
            writer = conn.execution_options(keepwell_write=True)
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Return every pooled connection."""
        self.engine.dispose()


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
