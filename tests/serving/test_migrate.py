"""The migrations make exactly the tables the code expects, on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from features.store import buckets, segments
from serving.database import Database, sqlite_url
from serving.migrate import MIGRATIONS, current_revision, metadatas, migrate, newest_revision


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Give a database without any table; on PostgreSQL one of its own in the shared server."""
    if request.param == "sqlite":
        return Database(sqlite_url(tmp_path / "empty.db"))
    uri = str(request.getfixturevalue("postgres_uri"))
    server = Database(uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS migrated WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE migrated"))
    server.close()
    return Database(server.engine.url.set(database="migrated").render_as_string(False))


def test_migrated_database_is_what_the_code_expects(empty_database: Database) -> None:
    migrate(empty_database)
    with empty_database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        differences = compare_metadata(context, list(metadatas()))  # type: ignore[arg-type]
        revision = current_revision(conn)
    empty_database.close()
    assert differences == []
    assert revision == newest_revision()


def test_migrating_again_changes_nothing(empty_database: Database) -> None:
    migrate(empty_database)
    migrate(empty_database)
    with empty_database.read() as conn:
        assert current_revision(conn) == newest_revision()
    empty_database.close()


def test_the_quick_look_names_alembics_own_head() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_a_segment_of_the_first_version_becomes_one_bucket_that_says_look(
    empty_database: Database,
) -> None:
    with empty_database.write() as conn:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        conn.execute(
            text(
                "INSERT INTO history_segments VALUES "
                "('s', 's.parquet', 'import', 'orders', 'h', 7, 1, 2, 3, 4, 5, 6)"
            )
        )
        conn.execute(text("INSERT INTO history_retired VALUES ('old.parquet')"))
    migrate(empty_database)
    with empty_database.read() as conn:
        [segment], [bucket] = segments(conn), buckets(conn)
        retired = conn.execute(text("SELECT path, retired_at FROM history_retired")).all()
    empty_database.close()
    assert (segment.segment_id, segment.source, bucket.segment_id) == ("s", "orders", "s")
    assert bucket[:7] == ("s.parquet", "s", None, None, None, 7, 5)
    assert retired == [("old.parquet", 0)]
