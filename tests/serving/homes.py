"""New homes on a database that is migrated once per process; test_migrate.py migrates anew."""

import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path

from serving.bootstrap import Keepwell, create_home
from serving.database import Database, sqlite_url
from serving.home import Home
from serving.migrate import migrate
from serving.settings import Settings


@cache
def migrated_database() -> bytes:
    """Give the file of an empty SQLite database at the newest revision."""
    with tempfile.TemporaryDirectory(prefix="keepwell-test-") as folder:
        file = Path(folder) / "keepwell.db"
        database = Database(sqlite_url(file))
        migrate(database)
        database.close()
        return file.read_bytes()


def new_home(root: Path, settings: Settings, *, now: datetime) -> Keepwell:
    """Make a home as `create_home` does, with nothing left to migrate in an embedded database."""
    file = Home(root).database_file
    if settings.database_url is None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(migrated_database())
    return create_home(root, settings, now=now)
