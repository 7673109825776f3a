"""A backup or a restore that is killed leaves nothing that looks whole, and can be done again."""

import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from governance.errors import IntegrityBroken, KeepwellError
from serving.backup.archive import PARTIAL
from serving.backup.restore import check_backup, restore_backup
from serving.backup.take import take_backup
from serving.bootstrap import open_home
from serving.database import Database
from tests.conftest import long_form
from tests.serving.children import forked
from tests.serving.dying_backups import NOW, RESTORING, TAKING, restore_and_die, take_and_die
from tests.serving.holding import check_home
from tests.serving.lived import PEOPLE, live
from tests.serving.workbench import Workbench, copy_database, make_workbench


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    """Give what starts children quickly: one clean process that has imported everything."""
    return forked()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return make_workbench(tmp_path_factory.mktemp("lived"), None, live)


@pytest.fixture
def archive(bench: Workbench, tmp_path: Path) -> Path:
    """Give a whole backup of a lived-in home."""
    keepwell = bench.fresh()
    found = take_backup(keepwell, tmp_path / "home.tar", now=NOW).path
    keepwell.close()
    return found


@pytest.fixture
def empty_postgres(postgres_uri: str) -> Iterator[Database]:
    """Give a database without tables on the shared server."""
    server = Database(postgres_uri)
    copy_database(server, "template1", "killed")
    url = server.engine.url.set(database="killed").render_as_string(False)
    database = Database(url)
    yield database
    database.close()
    server.close()


def is_killed(children: ForkServerContext, act: Callable[..., None], *given: Any) -> None:
    child = children.Process(target=act, args=tuple(map(str, given)))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("point", TAKING)
def test_a_backup_killed_at_any_point_has_no_name_and_is_taken_again(
    bench: Workbench, children: ForkServerContext, tmp_path: Path, point: str
) -> None:
    path = tmp_path / "home.tar"
    keepwell = bench.fresh()
    is_killed(children, take_and_die, bench.place, path, point)
    assert [each.name for each in tmp_path.iterdir()] == [path.name + PARTIAL]
    if point in ("begun", "half_way"):
        with pytest.raises(IntegrityBroken):
            check_backup(tmp_path / (path.name + PARTIAL))
    assert check_backup(take_backup(keepwell, path, now=NOW).path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    keepwell.close()


@pytest.mark.parametrize("point", RESTORING)
def test_a_restore_killed_at_any_point_is_no_home_and_is_done_again(
    children: ForkServerContext, archive: Path, tmp_path: Path, point: str
) -> None:
    if point in ("unpacked", "completed", "moved"):
        long_form()
    root = tmp_path / "restored"
    is_killed(children, restore_and_die, archive, root, "", point)
    with pytest.raises(KeepwellError, match="not a Keepwell home"):
        open_home(root)
    assert restore_backup(archive, root, now=NOW).journal == "settled"
    keepwell = open_home(root)
    check_home(keepwell, now=NOW, customers=PEOPLE)
    assert sorted(each.name for each in root.iterdir()) == ["keepwell.toml", "mlruns", "var"]
    keepwell.close()


@pytest.mark.parametrize("point", ["filled"])
def test_on_postgres_a_killed_restore_leaves_the_database_as_empty_as_it_was(
    children: ForkServerContext, archive: Path, tmp_path: Path, empty_postgres: Database, point: str
) -> None:
    root = tmp_path / "restored"
    is_killed(children, restore_and_die, archive, root, empty_postgres.url, point)
    with empty_postgres.read() as conn:
        assert inspect(conn).get_table_names() == []
    done = restore_backup(archive, root, now=NOW, database_url=empty_postgres.url)
    assert done.journal == "settled"
