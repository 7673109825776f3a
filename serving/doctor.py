"""What is installed, configured and reachable, and what to do about what is not."""

import ctypes.util
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Connection, func, select

from features.history import observed_until
from features.tables import customers, history_buckets, history_segments, live_events
from governance.errors import KeepwellError
from governance.review import champion
from governance.tables import ledger_head
from serving.bootstrap import Keepwell, open_home
from serving.home import Home

Outcome = Literal["ok", "attention", "missing"]
_PACKAGES = ("lightgbm", "scikit-learn", "shap", "mlflow", "fairlearn", "bentoml", "duckdb")
_LOW_DISK = 2 * 1024**3


class Check(NamedTuple):
    """One thing looked at: what was found and, unless it is ok, what to do."""

    name: str
    outcome: Outcome
    found: str
    advice: str = ""


def examine(root: Path, *, now: datetime) -> tuple[Check, ...]:
    """Look at the machine and at the home below `root`; never raises for what it finds."""
    checks = list(_machine(root))
    home = Home(root)
    try:
        keepwell = open_home(root)
    except KeepwellError as error:
        return (*checks, Check("home", "missing", error.message, error.hint))
    try:
        checks += _home(keepwell, home, now)
    finally:
        keepwell.close()
    return tuple(checks)


def _machine(root: Path) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("python", "ok", version)
    for package in _PACKAGES:
        try:
            yield Check(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, "missing", "not installed", "make setup")
    if ctypes.util.find_library("gomp"):
        yield Check("libgomp", "ok", "found (LightGBM links it)")
    else:
        yield Check("libgomp", "missing", "not found", "apt-get install libgomp1")
    free = shutil.disk_usage(root if root.exists() else Path.cwd()).free
    yield Check(
        "disk",
        "ok" if free > _LOW_DISK else "attention",
        f"{free / 1024**3:.1f} GiB free",
        "" if free > _LOW_DISK else "make room before importing or training",
    )


def _home(keepwell: Keepwell, home: Home, now: datetime) -> Iterator[Check]:
    yield Check("home", "ok", f"{keepwell.kind} home at {home.root}")
    yield Check("settings", "ok", _settings_in_words(keepwell))
    loose = [path.name for path in home.keys.iterdir() if path.stat().st_mode & 0o077]
    yield Check(
        "keys",
        "attention" if loose else "ok",
        f"{', '.join(loose)} can be read by others" if loose else "readable by the owner alone",
        f"chmod 600 {home.keys}/*" if loose else "",
    )
    with keepwell.database.read() as conn:
        yield Check("database", "ok", keepwell.database.engine.dialect.name)
        for check in (_history, _log, _models):
            yield from check(keepwell, conn, now)


def _settings_in_words(keepwell: Keepwell) -> str:
    settings = keepwell.settings
    stated = "read" if keepwell.home.settings_file.exists() else "all defaults"
    return f"{stated}; mode {settings.mode}, zone {settings.timezone}, {settings.currency}"


def _history(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    segments = conn.execute(select(func.count()).select_from(history_segments)).scalar_one()
    rows = conn.execute(select(func.coalesce(func.sum(history_buckets.c.rows), 0))).scalar_one()
    people = conn.execute(select(func.count()).select_from(customers)).scalar_one()
    live = conn.execute(select(func.count()).select_from(live_events)).scalar_one()
    size = sum(path.stat().st_size for path in keepwell.home.history.glob("*.parquet"))
    last = observed_until(conn)
    if last is None:
        yield Check("history", "attention", "empty", "keepwell import MAPPING --source FILE")
        return
    yield Check(
        "history",
        "ok",
        f"{people:,} customers, {rows:,} events in {segments} segments ({size / 1e6:.1f} MB), "
        f"{live:,} live; last event {last:%Y-%m-%d}, {max((now - last).days, 0)} days ago",
    )


def _log(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    entries = conn.execute(select(func.max(ledger_head.c.seq))).scalar() or 0
    yield Check("ledger", "ok", f"{entries:,} entries; check them with: keepwell ledger verify")


def _models(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    for name in sorted(keepwell.targets):
        approval = champion(conn, name, now=now)
        if approval is None:
            advice = f"keepwell train {name}, then keepwell review approve {name}"
            yield Check(f"model {name}", "attention", "none is approved", advice)
            continue
        signed = "self-signed" if approval.self_signed else f"signed by {approval.reviewer}"
        yield Check(f"model {name}", "ok", f"{approval.model_digest[:12]} {signed}")
