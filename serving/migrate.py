"""Brings a home's database to the shape this version expects: quick when it already has it.

A database that a newer version has brought further is left alone, and refused.
"""

from pathlib import Path

from sqlalchemy import Connection, MetaData, inspect, text

from features import tables as features_tables
from governance import tables as governance_tables
from governance.errors import KeepwellError
from serving import tables as serving_tables
from serving.database import Database
from serving.interventions import tables as intervention_tables

MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = text("SELECT version_num FROM alembic_version")
_ADVISORY_LOCK = 0x6B656570  # "keep": one migration at a time on PostgreSQL


class DatabaseIsNewer(KeepwellError):
    """The database was brought to a revision that this version does not know."""

    code = "database_is_newer"


def metadatas() -> tuple[MetaData, ...]:
    """Give the tables of every floor; each floor owns its own."""
    return (
        governance_tables.metadata,
        features_tables.metadata,
        serving_tables.metadata,
        intervention_tables.metadata,
    )


def newest_revision() -> str:
    """Name the revision this version expects: the highest number among the migration files."""
    return max(_revisions())


def knows_revision(revision: str) -> bool:
    """Whether this version can bring a database of that revision up to date."""
    return revision in _revisions()


def _revisions() -> set[str]:
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def migrate(database: Database) -> None:
    """Upgrade the database if it is behind; whoever comes second waits and finds it done.

    Raises `DatabaseIsNewer` where a newer version has been at work.
    """
    newest = newest_revision()
    with database.read() as conn:
        found = current_revision(conn)
    if found == newest:
        return
    if found is not None and not knows_revision(found):
        raise DatabaseIsNewer(
            f"the database is at revision {found}, this version knows those up to {newest}",
            hint="run the version that brought it there, or a newer one; or restore a backup",
        )
    with database.write() as conn:
        if not database.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        if current_revision(conn) != newest:
            upgrade(conn, newest)


def is_newer(conn: Connection) -> bool:
    """Whether a newer version has brought this database further than this process knows."""
    return not knows_revision(str(conn.execute(_REVISION).scalar()))


def current_revision(conn: Connection) -> str | None:
    """Say which revision the database is at; None for an empty one."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(_REVISION).scalar()
    return None if found is None else str(found)


def upgrade(conn: Connection, revision: str) -> None:
    """Run the migrations up to `revision` in the caller's transaction."""
    from alembic import command  # slow to import, needed once in a home's life
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = conn
    command.upgrade(config, revision)
