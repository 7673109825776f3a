"""The daily look at models that serve, experiments that run and the company's figures, in a
process of its own.

It takes a core and memory.

python -m serving.daily_look HOME    looks at every model whose last look is too old, and at every
                                     running experiment, and takes the dashboard's figures
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import structlog
from sqlalchemy import text

from governance.errors import KeepwellError
from serving.bootstrap import Keepwell, open_home
from serving.dashboard.look import take_look
from serving.dashboard.shelf import is_due
from serving.logs import log_to_stderr
from serving.reporting.trial_look import take_looks
from serving.rights.acts import settle
from serving.scoring.staleness import due_targets
from serving.trials.watch import watch
from serving.watching.look import Look
from serving.watching.monitoring import Clock, monitor

_LOCK = 0x6B656571
_MODEST = 15

log = structlog.get_logger("keepwell.monitoring")


def monitor_due(keepwell: Keepwell, *, clock: Clock) -> tuple[Look, ...]:
    """Look at every serving model whose last look is missing, too old or before its signature."""
    due = due_targets(keepwell, now=clock())
    return tuple(monitor(keepwell, keepwell.target(name), clock=clock) for name in due)


@contextmanager
def alone(keepwell: Keepwell) -> Iterator[bool]:
    """Tell whether no other process is at it, on this machine or, with PostgreSQL, on any."""
    with _alone_here(keepwell.home.var) as here:
        if not here or keepwell.database.is_sqlite:
            yield here
            return
        with keepwell.database.engine.connect() as conn:
            asked = text("SELECT pg_try_advisory_lock(:lock)")
            yield bool(conn.execute(asked, {"lock": _LOCK}).scalar())
            conn.invalidate()  # the lock goes with its session


@contextmanager
def _alone_here(folder: Path) -> Iterator[bool]:
    with (folder / "monitoring.lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _main(root: Path) -> int:
    log_to_stderr()
    os.nice(_MODEST)  # requests go first
    keepwell = open_home(root)
    try:
        with alone(keepwell) as mine:
            if not mine:
                return 0
            settle(keepwell, now=datetime.now(UTC))
            for tried in watch(keepwell, now=datetime.now(UTC)):
                came = tried.outcome.replace(" ", "_")
                log.info("experiment looked at", target=tried.playbook, status=came)
            for look in monitor_due(keepwell, clock=lambda: datetime.now(UTC)):
                log.info("monitored", target=look.target, status=look.standing.status)
            with keepwell.database.read() as conn:
                figures_due = is_due(conn, now=datetime.now(UTC))
            if figures_due:
                take_look(keepwell, clock=lambda: datetime.now(UTC))
                log.info("dashboard taken")
            take_looks(keepwell, now=datetime.now(UTC))
    except KeepwellError as error:
        log.error("monitoring failed", code=error.code, message=error.message)
        return error.exit_code
    finally:
        keepwell.close()
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
