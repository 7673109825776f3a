"""A filled home to copy as often as wanted; on PostgreSQL the server copies its database."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from serving.bootstrap import Keepwell, open_home
from serving.database import Database
from tests.serving.conftest import REACHABLE, Clock, Shop
from tests.serving.homes import new_home


@dataclass(frozen=True)
class Workbench:
    """`place` is where copies are opened, one at a time; `now` is after everything in them."""

    template: Path
    place: Path
    now: datetime
    server: Database | None

    def fresh(self) -> Keepwell:
        """Open a new copy of the filled home."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place)
        copy_database(self.server, "bench_template", "bench")
        return open_home(self.place)

    def back_up(self) -> None:
        """Copy the closed home aside, but for the journal, which lies outside of every backup."""
        _copy_home(self.place, self.place.with_name("backup"))
        copy_database(self.server, "bench", "bench_backup")

    def restore(self) -> Keepwell:
        """Put the copy back in the place of the closed home, and open it."""
        _copy_home(self.place.with_name("backup"), self.place)
        copy_database(self.server, "bench_backup", "bench")
        return open_home(self.place)


def make_workbench(
    folder: Path, postgres_uri: str | None, fill: Callable[[Shop], None]
) -> Workbench:
    """Make a home, fill it once and close it; close the bench's `server` when done."""
    server, settings = None, REACHABLE
    if postgres_uri is not None:
        server = Database(postgres_uri)
        copy_database(server, "template1", "bench_template")
        url = server.engine.url.set(database="bench_template")
        url_text = url.render_as_string(hide_password=False)
        settings = REACHABLE.model_copy(update={"database_url": url_text})
    template, clock = folder / "template", Clock()
    shop = Shop(new_home(template, settings, now=clock()), clock)
    fill(shop)
    shop.keepwell.close()
    written = template / "keepwell.toml"
    written.write_text(written.read_text().replace("bench_template", "bench"))
    return Workbench(template, folder / "home", clock(), server)


def copy_database(server: Database | None, source: str, target: str) -> None:
    """Copy a database nobody is connected to; does nothing without a server."""
    if server is None:
        return
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)"))
        conn.execute(text(f"CREATE DATABASE {target} TEMPLATE {source}"))


def empty_database(request: pytest.FixtureRequest, name: str) -> str:
    """Make a PostgreSQL database of this name anew; gives its address."""
    server = Database(str(request.getfixturevalue("postgres_uri")))
    copy_database(server, "template1", name)
    server.close()
    return str(server.engine.url.set(database=name).render_as_string(hide_password=False))


def _copy_home(source: Path, target: Path) -> None:
    shutil.rmtree(target / "var/history", ignore_errors=True)
    shutil.copytree(source / "var/history", target / "var/history")
    if (source / "var/keepwell.db").exists():
        shutil.copyfile(source / "var/keepwell.db", target / "var/keepwell.db")
