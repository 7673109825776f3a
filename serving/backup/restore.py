"""Makes an empty place into the home of a backup; until it is whole it is no home at all."""

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from governance.errors import IntegrityBroken, InvalidInput
from governance.log.journal import Journal
from governance.log.ledger import Ledger
from serving.backup.archive import Manifest, unpack
from serving.backup.rows import WORTH_SAYING, follow_numbers, load
from serving.bootstrap import open_home
from serving.caches import CACHE
from serving.database import sqlite_url
from serving.home import Home, keep_private
from serving.keys import load_keys
from serving.migrate import knows_revision, newest_revision, upgrade
from serving.opening import open_database
from serving.rights.acts import settle
from serving.settings import load_settings

Progress = Callable[[str], None]
JournalState = Literal["settled", "lost"]
UNFINISHED = ".restoring"
"""Where a restore puts things before they count; what a killed one left is replaced."""

EMBEDDED = "sqlite"
"""Says, in place of a URL, the SQLite file that lies in the home itself."""

_JOURNAL = "journal.jsonl"
_DATABASE_URL = re.compile(r"^\s*database_url\s*=.*\n?", re.MULTILINE)


class Restored(NamedTuple):
    """A home that was restored; `journal` is `lost` where what people asked for since is not known.

    `erased` counts the people who asked to be erased after the backup, and were now.
    """

    home: Path
    taken_at: str
    digest: str
    kind: str
    rows: int
    files: int
    journal: JournalState
    erased: int


def check_backup(path: Path) -> Manifest:
    """Read a backup through; raises `IntegrityBroken` naming what is not as it was written."""
    return unpack(path, None)


def restore_backup(
    path: Path,
    root: Path,
    *,
    now: datetime,
    journal: Path | None = None,
    keys: Path | None = None,
    database_url: str | None = None,
    progress: Progress = lambda _: None,
) -> Restored:
    """Restore the backup `path` into the empty folder `root` and an empty database.

    `journal` is the journal kept outside, unless it lies in its place already; `keys` the folder
    of keys kept apart. `database_url`, or `EMBEDDED`, goes before the one in the settings, and is
    written there. What people asked for since the backup is settled before this returns. Raises
    `IntegrityBroken` or `InvalidInput`; then nothing was restored.
    """
    root = root.resolve()
    _require_empty(root)
    work = root / UNFINISHED
    made = [each for each in (root, *root.parents) if not each.exists()]
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, mode=0o700)
        progress("reading the archive")
        manifest = unpack(path, work)
        home = Home(work / "home")
        _require_known(manifest)
        _complete(home, root, manifest, journal=journal, keys=keys, database_url=database_url)
        _fill_database(
            home,
            work / "tables",
            manifest,
            database_url=database_url,
            progress=progress,
            now=now,
        )
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):
            for each in made:
                each.rmdir()
        raise
    _settle_in(home, root)
    shutil.rmtree(work)
    progress("what people asked for since")
    state, erased = _settle(root, now)
    return Restored(
        root,
        manifest.taken_at,
        manifest.digest,
        manifest.kind,
        sum(manifest.rows.values()),
        sum(name.startswith("home/") for name in manifest.members),
        state,
        erased,
    )


def _require_empty(root: Path) -> None:
    """Refuse a folder that holds anything but a journal of its own or an unfinished restore."""
    if not root.exists():
        return
    if not root.is_dir():
        raise InvalidInput(f"{root} is a file", hint="name a new folder with --home")
    home, found = Home(root), {each.name for each in root.iterdir()} - {CACHE}
    if UNFINISHED in found and not home.keys.exists():
        return
    if not found or (found == {home.var.name} and set(home.var.iterdir()) <= {home.journal}):
        return
    raise InvalidInput(
        f"{root} is not empty", hint="name a new folder with --home; nothing is overwritten"
    )


def _require_known(manifest: Manifest) -> None:
    if not knows_revision(manifest.revision):
        raise InvalidInput(
            f"the backup is of revision {manifest.revision!r}, "
            f"this version knows those up to {newest_revision()}",
            hint=f"install version {manifest.version} or newer",
        )


def _complete(
    home: Home,
    root: Path,
    manifest: Manifest,
    *,
    journal: Path | None,
    keys: Path | None,
    database_url: str | None,
) -> None:
    """Bring together what a home needs: its folders, keys, journal and settings."""
    for folder in home.directories:
        folder.mkdir(parents=True, exist_ok=True)
    if keys is not None:
        for path in sorted(keys.glob("*.key")):
            _copy_privately(path, home.keys / path.name)
    elif not manifest.has_keys:
        raise InvalidInput(
            "this backup was taken without the home's keys",
            hint="say where they are kept: --keys FOLDER",
        )
    home.keys.chmod(0o700)
    held = load_keys(home.keys)
    source = _journal_file(root, journal)
    if source is not None:
        Journal(source, held.journal).entries()
        if source.parent != Home(root).journal:
            _copy_privately(source, home.journal / _JOURNAL)
    if database_url is not None:
        _write_database_url(home.settings_file, database_url)


def _journal_file(root: Path, named: Path | None) -> Path | None:
    """Find the journal: the one that was named, or one that lies in its place already."""
    there = Home(root).journal / _JOURNAL
    source = there if named is None else named / _JOURNAL if named.is_dir() else named
    if named is None and not there.exists():
        return None
    if not source.is_file():
        raise InvalidInput(f"there is no journal at {source}", hint="name the file itself")
    if there.exists() and not there.samefile(source):
        raise InvalidInput(
            f"there is a journal at {there} already, and another was named",
            hint="move away the one that is not this home's",
        )
    return there if there.exists() else source


def _copy_privately(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())


def _write_database_url(path: Path, url: str) -> None:
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    table = re.search(r"^\s*\[", written, re.MULTILINE)
    begins = len(written) if table is None else table.start()
    top = _DATABASE_URL.sub("", written[:begins])
    line = "" if url == EMBEDDED else f"database_url = {json.dumps(url)}\n"
    path.write_text(line + top + written[begins:], encoding="utf-8")


def _fill_database(
    home: Home,
    tables: Path,
    manifest: Manifest,
    *,
    database_url: str | None,
    progress: Progress,
    now: datetime,
) -> None:
    """Make the tables as they were, fill them and bring them up to date in one transaction."""
    settings = load_settings(home.settings_file, own_features=False)
    wanted = None if database_url == EMBEDDED else database_url
    if database_url is not None and settings.database_url != wanted:
        raise InvalidInput(
            "KEEPWELL_DATABASE_URL names another database than --database-url",
            hint="unset the one that is not meant",
        )
    database = open_database(settings.database_url or sqlite_url(home.database_file))
    try:
        with database.write() as conn:
            if inspect(conn).get_table_names():
                raise InvalidInput(
                    "the database to restore into is not empty",
                    hint="nothing is overwritten: name an empty one with --database-url, or empty "
                    "this one where an earlier restore was cut off",
                )
            upgrade(conn, manifest.revision)
            for name, rows in manifest.rows.items():
                if rows >= WORTH_SAYING:
                    progress(f"{name}: {rows:,} rows")
                _load(conn, tables, name, rows)
            follow_numbers(conn, list(manifest.rows))
            if manifest.revision != newest_revision():
                upgrade(conn, newest_revision())
            body = {"taken_at": manifest.taken_at, "backup": manifest.digest}
            Ledger(load_keys(home.keys).ledger).append(conn, "restored", body, now=now)
    except OperationalError as problem:
        raise InvalidInput(
            f"the database cannot be reached or written ({type(problem.orig).__name__})",
            hint="check the address with: keepwell doctor",
        ) from None
    finally:
        database.close()


def _load(conn: Connection, tables: Path, name: str, rows: int) -> None:
    found = inspect(conn)
    if not found.has_table(name):
        raise IntegrityBroken(f"the backup holds a table {name[:80]!r} of no version known here")
    done = load(conn, name, list((tables / name).glob("*.parquet")))
    if done != rows:
        raise IntegrityBroken(f"{name}: the backup states {rows:,} rows and holds {done:,}")


def _settle_in(home: Home, root: Path) -> None:
    """Move what is whole to where it counts; the keys come last, without which nothing is a home.

    The folder of the journal may be there already, on a disk of its own.
    """
    target = Home(root)
    for place in (target.root, target.var):
        place.mkdir(exist_ok=True)
    keep_private(target.var)
    outside = [each for each in home.root.iterdir() if each != home.var]
    inside = sorted(home.var.iterdir(), key=lambda path: path == home.keys)
    for each in (*outside, *inside):
        to = target.root / each.relative_to(home.root)
        if each == home.journal and to.exists():
            for kept in each.iterdir():
                _copy_privately(kept, to / kept.name)
            continue
        if to.is_dir():
            shutil.rmtree(to)  # of a restore that was killed right here
        each.replace(to)
    for folder in (target.journal, target.var, target.root):
        _flush(folder)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(root: Path, now: datetime) -> tuple[JournalState, int]:
    keepwell = open_home(root)
    try:
        return "settled", settle(keepwell, now=now)
    except IntegrityBroken:
        return "lost", 0
    finally:
        keepwell.close()
