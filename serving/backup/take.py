"""Takes a backup of a home while it is in use: everything in it is as of one instant."""

import os
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from random import uniform
from time import monotonic, sleep
from typing import IO, NamedTuple

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from features.own_functions import function_files
from features.store import HistoryStore, buckets
from governance.errors import KeepwellError
from governance.instants import to_text
from governance.tables import consent_head, ledger_head, models
from serving.backup.archive import Manifest, Writing, write_archive
from serving.backup.rows import WORTH_SAYING, dump
from serving.bootstrap import Keepwell
from serving.database import Database
from serving.migrate import current_revision, metadatas
from serving.tables import home as home_table
from serving.version import product_version

Progress = Callable[[str], None]
MLFLOW_DATABASE = "mlflow.db"

_TRIES = 5
_FILES_OF_OUR_OWN = 256
_PATIENCE_S = 60.0
_AT_REST = text("SET LOCAL lock_timeout = '200ms'")  # below PostgreSQL's own look for deadlocks
_KNOWN = select(home_table.c.kind, home_table.c.journal_position, home_table.c.journal_seal)


class Busy(KeepwellError):
    """The home changes so fast that no quiet instant was found."""

    code = "busy"


class Taken(NamedTuple):
    """A backup that was written; `digest` is that of its manifest."""

    path: Path
    taken_at: datetime
    digest: str
    members: int
    bytes: int
    rows: int
    has_keys: bool


def take_backup(
    keepwell: Keepwell,
    path: Path,
    *,
    now: datetime,
    keys: bool = True,
    mlruns: bool = False,
    progress: Progress = lambda _: None,
) -> Taken:
    """Write a backup of `keepwell` to the new file `path`, readable by the owner alone.

    Reads and writes of the home go on. What commits while it runs is not in it. Raises
    `InvalidInput` if the file exists; whatever is raised, no file of this name is left.
    """
    with ExitStack() as stack:
        conn, files = _hold(keepwell, stack)
        known = conn.execute(_KNOWN).one()
        revision = current_revision(conn) or ""
        writing = stack.enter_context(write_archive(path, mtime=int(now.timestamp())))
        progress("settings and keys")
        for name, place in _small_files(keepwell, conn, keys=keys):
            _add(writing, name, place)
        rows: dict[str, int] = {}
        for part in dump(conn, metadatas()):
            rows[part.table] = rows.get(part.table, 0) + part.rows
            if rows[part.table] >= WORTH_SAYING:
                progress(f"{part.table}: {rows[part.table]:,} rows")
            writing.add_bytes(part.name, part.content)
        for number, (name, file) in enumerate(files.items(), start=1):
            progress(f"history: file {number:,} of {len(files):,}")
            size = os.fstat(file.fileno()).st_size
            writing.add_file(f"home/var/history/{name}", file, size)
        if mlruns:
            progress("mlruns")
            _add_mlruns(writing, keepwell.home.mlruns)
        manifest = Manifest(
            taken_at=to_text(now),
            version=product_version(),
            kind=known.kind,
            revision=revision,
            dialect=conn.dialect.name,
            journal_position=known.journal_position,
            journal_seal=known.journal_seal,
            has_keys=keys,
            has_mlruns=mlruns,
            rows=rows,
            members=dict(writing.members),
        )
        writing.finish(manifest)
    size = path.stat().st_size
    return Taken(path, now, manifest.digest, len(manifest.members), size, sum(rows.values()), keys)


def _hold(keepwell: Keepwell, stack: ExitStack) -> tuple[Connection, dict[str, IO[bytes]]]:
    """Begin one snapshot and open every history file it names, so that none can go meanwhile.

    An erasure deletes what it replaced at once; then the next snapshot names other files.
    """
    for _ in range(_TRIES):
        with ExitStack() as tried:
            conn = tried.enter_context(quiet_snapshot(keepwell.database))
            named = [bucket.path for bucket in buckets(conn)]
            _allow_open_files(len(named))
            try:
                files = {each: tried.enter_context(_open(keepwell.store, each)) for each in named}
            except FileNotFoundError:
                continue
            stack.enter_context(tried.pop_all())
            return conn, files
    raise Busy(
        f"files of the history went away {_TRIES} times while they were being opened",
        hint="if it happens again, see: keepwell doctor",
    )


def _allow_open_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _FILES_OF_OUR_OWN
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def quiet_snapshot(database: Database) -> Iterator[Connection]:
    """Read as of one instant at which nobody was between the journal and a commit.

    On SQLite writers come one by one and the journal is written within their turn. On PostgreSQL a
    line may be known to one transaction while the one that wrote it has not committed: all who
    write lines are kept waiting for the moment in which the snapshot begins.
    """
    with database.snapshot() as conn:
        if database.is_sqlite:
            conn.execute(_KNOWN).all()
        else:
            _begin_at_rest(database, conn)
        yield conn


def _begin_at_rest(database: Database, conn: Connection) -> None:
    deadline = monotonic() + _PATIENCE_S
    while True:
        try:
            with database.write() as holding:
                holding.execute(_AT_REST)
                for head in (consent_head, ledger_head):
                    holding.execute(select(head).with_for_update())
                conn.execute(_KNOWN).all()
                return
        except OperationalError:
            if monotonic() > deadline:
                raise Busy(
                    f"no quiet instant was found in {_PATIENCE_S:.0f} s",
                    hint="an import or a training may be running: try again after it",
                ) from None
            sleep(uniform(0.01, 0.05))  # noqa: S311 - no secret depends on it


def _small_files(keepwell: Keepwell, conn: Connection, *, keys: bool) -> Iterator[tuple[str, Path]]:
    """Name what lies in files beside the history: settings, own functions, models, keys."""
    home = keepwell.home
    for path in sorted(home.root.glob("*.toml")):
        yield f"home/{path.name}", path
    for name in sorted(function_files(each.definition for each in keepwell.features.own)):
        yield f"home/{name}", home.root / name
    if keys:
        for path in sorted(home.keys.glob("*.key")):
            yield f"home/var/keys/{path.name}", path
    for digest in sorted(conn.execute(select(models.c.model_digest)).scalars()):
        yield from _below(f"home/var/bundles/{digest}", home.bundles / digest)
    yield from _below("home/var/text", home.var / "text")


def _below(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _add(writing: Writing, name: str, path: Path) -> None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return  # retention took it, and nothing names it any more
    writing.add_bytes(name, content)


def _add_mlruns(writing: Writing, folder: Path) -> None:
    """Add MLflow's own database as of one instant, and what it names."""
    database = folder / MLFLOW_DATABASE
    for name, path in _below("home/mlruns", folder):
        if path == database:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".backup-") as copy:
                with (
                    closing(sqlite3.connect(path)) as source,
                    closing(sqlite3.connect(copy.name)) as target,
                ):
                    source.backup(target)
                size = Path(copy.name).stat().st_size
                with Path(copy.name).open("rb") as file:
                    writing.add_file(name, file, size)
        elif not path.name.startswith((".", MLFLOW_DATABASE)):
            with path.open("rb") as file:
                writing.add_file(name, file, os.fstat(file.fileno()).st_size)


def _open(store: HistoryStore, name: str) -> IO[bytes]:
    return store.path_of(name).open("rb")
