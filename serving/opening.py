"""Opens the database that a home's settings name, and says in words why it cannot be used.

What a driver says is not repeated: a mistyped address can hold a piece of the password.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)

from governance.errors import ConfigurationError, KeepwellError
from serving.database import Database

_KINDS = ("postgresql", "sqlite")
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_OURS = (DataError, IntegrityError, ProgrammingError)
_KNOWN = (
    "connection refused",
    "authentication failed",
    "no password supplied",
    "failed to resolve host",
    "timeout expired",
    "does not exist",
    "too many clients",
    "unable to open database file",
    "file is not a database",
    "attempt to write a readonly database",
    "database or disk is full",
    "database is locked",
    "disk i/o error",
    "malformed",
)


class DatabaseUnusable(KeepwellError):
    """The database does not answer, does not let this home in, or is none."""

    code = "database_unusable"


def open_database(url: str) -> Database:
    """Give the database at `url`, without a connection yet.

    Raises `ConfigurationError` where the address is none, or one of a database not supported.
    """
    try:
        database = Database(url)
    except (ArgumentError, ImportError, ValueError):
        raise _no_address("it cannot be read") from None
    name = database.engine.dialect.name
    if name not in _KINDS:
        database.close()
        raise _no_address(f"it names {name}, which is not supported")
    return database


@contextmanager
def usable(database: Database) -> Iterator[None]:
    """Turn what a database answers to a first touch into `DatabaseUnusable`."""
    try:
        yield
    except DBAPIError as problem:
        if isinstance(problem, _OURS):
            raise
        raise DatabaseUnusable(
            f"{_place(database.engine.url)} cannot be used: {_why(problem)}",
            hint="start it, or mend database_url (KEEPWELL_DATABASE_URL goes before keepwell.toml)",
        ) from None


def _no_address(why: str) -> ConfigurationError:
    return ConfigurationError(
        [f"{why}, expected postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:///FILE"],
        source="database_url",
        hint="mend it in keepwell.toml or KEEPWELL_DATABASE_URL: docs/settings.md",
    )


def _place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"the database file {url.database}"
    host = url.host or "this machine"
    shown = host if host == "this machine" or _PLAIN_HOST.fullmatch(host) else "the host stated"
    return f"the PostgreSQL database at {shown}, port {url.port or 5432},"


def _why(problem: DBAPIError) -> str:
    said = str(problem.orig).lower()
    return next((each for each in _KNOWN if each in said), type(problem.orig).__name__)
