"""Writers of one SQLite file pass one by one, whichever thread or process they are in."""

import subprocess
import sys
import threading
from pathlib import Path

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
