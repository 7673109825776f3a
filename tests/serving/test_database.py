"""Writers of one SQLite file pass one by one, whichever thread or process they are in."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from serving.database import Database, sqlite_url

_ADD = (
    "import sys; from sqlalchemy import text; from serving.database import Database\n"
    "db = Database(sys.argv[1])\n"
    "for _ in range(50):\n"
    "    with db.write() as conn: conn.execute(text('UPDATE counter SET n = n + 1'))\n"
)


def test_no_write_is_lost_between_threads_and_processes(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "counter.db"))
    with database.write() as conn:
        conn.execute(text("CREATE TABLE counter (n INTEGER)"))
        conn.execute(text("INSERT INTO counter VALUES (0)"))
    child = subprocess.Popen([sys.executable, "-c", _ADD, database.url])

    def add() -> None:
        for _ in range(50):
            with database.write() as conn:
                conn.execute(text("UPDATE counter SET n = n + 1"))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert child.wait(timeout=60) == 0
    with database.read() as conn:
        assert conn.execute(text("SELECT n FROM counter")).scalar_one() == 200
    database.close()


def test_a_failed_write_lets_the_next_one_in(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "counter.db"))
    try:
        with database.write() as conn:
            conn.execute(text("CREATE TABLE counter (n INTEGER)"))
            raise KeyError("stop")
    except KeyError:
        pass
    with database.write() as conn:
        conn.execute(text("CREATE TABLE counter (n INTEGER)"))
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_snapshot_sees_nothing_of_what_is_committed_meanwhile(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = sqlite_url(tmp_path / "counter.db")
    database = Database(url if kind == "sqlite" else request.getfixturevalue("postgres_uri"))
    with database.write() as conn:
        conn.execute(text("DROP TABLE IF EXISTS snapshot_counter"))
        conn.execute(text("CREATE TABLE snapshot_counter (n INTEGER)"))
    count = text("SELECT count(*) FROM snapshot_counter")
    with database.snapshot() as reading:
        before = reading.execute(count).scalar_one()
        with database.write() as conn:
            conn.execute(text("INSERT INTO snapshot_counter VALUES (1)"))
        assert reading.execute(count).scalar_one() == before == 0
    with database.write() as conn:
        assert conn.execute(count).scalar_one() == 1
        conn.execute(text("DROP TABLE snapshot_counter"))
    database.close()
