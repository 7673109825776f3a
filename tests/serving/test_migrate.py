"""The migrations make exactly the tables the code expects, on SQLite and PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
    text,
)

from features.store import buckets, segments
from serving.database import Database, sqlite_url
from serving.migrate import (
    MIGRATIONS,
    DatabaseIsNewer,
    current_revision,
    metadatas,
    migrate,
    newest_revision,
    upgrade,
)
from tests.conftest import long_form
from tests.serving.children import forked
from tests.serving.test_cli import Commands

EARLIER = sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py"))[:-1]


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


def _at(database: Database, revision: str) -> None:
    with database.write() as conn:
        upgrade(conn, revision)


def _fill(database: Database) -> dict[str, int]:
    """Put one row into every table there is; gives how many rows each has."""
    found = MetaData()
    with database.write() as conn:
        found.reflect(conn)
        for table in found.sorted_tables:
            if table.name != "alembic_version" and not _count(conn, table):
                conn.execute(insert(table).values({each.name: _some(each) for each in table.c}))
        return {table.name: _count(conn, table) for table in found.sorted_tables}


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _some(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, JSON):
        return []
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, LargeBinary):
        return b"\x01" * 16
    return 1 if isinstance(kind, Integer | Float) else "x"


@pytest.mark.parametrize("revision", EARLIER)
def test_rows_of_every_earlier_revision_are_all_there_afterwards(
    empty_database: Database, revision: str
) -> None:
    if not empty_database.is_sqlite and revision not in (EARLIER[0], EARLIER[-1]):
        long_form()
    _at(empty_database, revision)
    before = _fill(empty_database)
    migrate(empty_database)
    after = MetaData()
    with empty_database.read() as conn:
        after.reflect(conn)
        held = {table.name: _count(conn, table) for table in after.sorted_tables}
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        differences = compare_metadata(context, list(metadatas()))  # type: ignore[arg-type]
    empty_database.close()
    assert {name: held.get(name) for name in before} == before
    assert differences == []


def _migrate_in_a_child(url: str, together: Any) -> None:
    database = Database(url)
    together.wait(60)
    migrate(database)
    database.close()


def test_processes_that_migrate_at_once_take_turns(empty_database: Database) -> None:
    _at(empty_database, "0001")
    empty_database.close()
    context = forked()
    together = context.Barrier(3)
    given = (empty_database.url, together)
    children = [context.Process(target=_migrate_in_a_child, args=given) for _ in range(3)]
    for each in children:
        each.start()
    for each in children:
        each.join(60)
    with empty_database.read() as conn:
        assert current_revision(conn) == newest_revision()
    empty_database.close()
    assert [each.exitcode for each in children] == [0, 0, 0]


def test_a_database_of_a_newer_version_is_left_alone_and_refused(tmp_path: Path) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    database = Database(sqlite_url(tmp_path / "home/var/keepwell.db"))
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseIsNewer, match="revision 9999, this version knows those up to"):
        migrate(database)
    told = kw("keys", "list")
    assert (told.code, told.error["code"]) == (2, "database_is_newer")
    [found] = [each for each in kw("doctor").json["checks"] if each["name"] == "home"]
    assert (found["outcome"], "9999" in found["found"]) == ("missing", True)
    with database.read() as conn:
        assert current_revision(conn) == "9999"
    database.close()


def test_doctor_says_which_revision_the_database_has(tmp_path: Path) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    [found] = [each for each in kw("doctor").json["checks"] if each["name"] == "database"]
    assert found["found"] == f"sqlite, revision {newest_revision()}"
