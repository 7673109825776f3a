"""Everything `/metrics` says, in Prometheus's text form: one scrape tells of all workers."""

import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from governance.tables import ledger_head
from serving.bootstrap import Keepwell
from serving.http.metering import Meter, counts_text, gauges_text
from serving.http.model_gauges import model_gauges
from serving.http.process_gauges import ProcessGauges
from serving.http.worker_counts import Told, WorkerCounts, all_counts
from serving.interventions.delivery.switched_off import switched_off
from serving.interventions.tables import outbox
from serving.scoring.scorer import Scorer
from serving.version import product_version

_PAGE = 4096
_UNSENT = ("pending", "leased", "on_wire", "dead", "unknown")
_WAITS = ("pending", "leased", "on_wire")
WORKER_GAUGES = {
    "keepwell_worker_memory_bytes": "Resident memory of a worker.",
    "keepwell_worker_start_time_seconds": "When a worker started, in seconds since 1970.",
    "keepwell_requests_in_progress": "Requests a worker is at.",
    "keepwell_scores_waiting": "Questions for scores that wait to be answered together.",
    "keepwell_database_connections_in_use": "Connections of the worker's pool that are in use.",
}


class Gauge(NamedTuple):
    """One number with its meaning, and what it is labelled with."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = {}
    kind: str = "gauge"


class Metrics:
    """Writes what one service says of itself; `ready` tells whether this worker is."""

    def __init__(self, keepwell: Keepwell, meter: Meter, scorer: Scorer) -> None:
        self._keepwell = keepwell
        self._scorer = scorer
        self._process = ProcessGauges(keepwell)
        self._started = time.time()
        self.meter = meter
        self.workers = WorkerCounts(meter, worker=0, folder=None, figures=self.figures)
        self.in_progress: Callable[[], int] = lambda: 0
        self.ready: Callable[[], bool] = lambda: True

    def join(self, worker: int, folder: Path | None) -> WorkerCounts:
        """Be one of several workers, which leave their counts in `folder`; start what it gives."""
        self.workers = WorkerCounts(self.meter, worker=worker, folder=folder, figures=self.figures)
        return self.workers

    def figures(self) -> dict[str, float]:
        """Say how this worker is, by the names of `WORKER_GAUGES`."""
        pool = self._keepwell.database.engine.pool
        in_use: Callable[[], int] = getattr(pool, "checkedout", lambda: 0)
        return {
            "keepwell_worker_memory_bytes": float(resident_bytes()),
            "keepwell_worker_start_time_seconds": self._started,
            "keepwell_requests_in_progress": float(self.in_progress()),
            "keepwell_scores_waiting": float(len(self._scorer.line)),
            "keepwell_database_connections_in_use": float(in_use()),
        }

    def text(self, *, now: datetime) -> str:
        """Write everything; reads the database in a few short statements."""
        told = self.workers.told()
        damaged = self._scorer.champions.damaged
        return (
            counts_text(all_counts(told))
            + _text(_of_workers(told))
            + _text([_info(), *self._of_service(now)])
            + gauges_text(model_gauges(self._keepwell, now=now, damaged=damaged))
            + self._process.text(now=now)
        )

    def _of_service(self, now: datetime) -> Iterable[Gauge]:
        yield Gauge("keepwell_ready", "Whether the worker asked is ready.", float(self.ready()))
        with self._keepwell.database.read() as conn:
            yield from _queue(conn, now)
            yield _receiver(conn, self._keepwell.settings.webhook.url)
            written = conn.execute(select(func.max(ledger_head.c.seq))).scalar() or 0
        meaning = "Entries of the signed log."
        yield Gauge("keepwell_ledger_entries_total", meaning, float(written), kind="counter")


def resident_bytes() -> int:
    """How much memory this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _of_workers(told: list[Told]) -> Iterable[Gauge]:
    alive = [each for each in told if each.is_alive]
    yield Gauge("keepwell_workers", "Worker processes that run.", float(len(alive)))
    restarts = len(told) - len({each.worker for each in told})
    meaning = "Workers that ended and were replaced since the service started."
    yield Gauge("keepwell_worker_restarts_total", meaning, float(restarts), kind="counter")
    for name, meaning in WORKER_GAUGES.items():
        for each in sorted(alive, key=lambda each: each.worker):
            if name in each.figures:
                labels = {"worker": str(each.worker)}
                yield Gauge(name, meaning, each.figures[name], labels)


def _queue(conn: Connection, now: datetime) -> Iterable[Gauge]:
    status, due = outbox.c.status, outbox.c.due_at
    counted = select(status, func.count(), func.min(due)).where(status.in_(_UNSENT))
    found = {row[0]: row for row in conn.execute(counted.group_by(status))}
    meaning = "Messages that have not arrived, or may not have, by where they stand."
    for name in _UNSENT:
        n = found[name][1] if name in found else 0
        yield Gauge("keepwell_outbox_messages", meaning, float(n), {"status": name})
    oldest = min((found[name][2] for name in _WAITS if name in found), default=now)
    late = max((now - oldest).total_seconds(), 0.0)
    meaning = "For how long the message that is due longest has been due."
    yield Gauge("keepwell_outbox_late_seconds", meaning, late)


def _receiver(conn: Connection, url: str | None) -> Gauge:
    meaning = "Whether the webhook is off because its receiver answered 410."
    is_off = url is not None and switched_off(conn, url) is not None
    return Gauge("keepwell_webhook_switched_off", meaning, float(is_off))


def _info() -> Gauge:
    versions = {
        "version": product_version(),
        "python": platform.python_version(),
        "lightgbm": _version("lightgbm"),
        "bentoml": _version("bentoml"),
    }
    return Gauge("keepwell_info", "What runs here.", 1.0, versions)


def _version(package: str) -> str:
    loaded = sys.modules.get(package)
    return str(getattr(loaded, "__version__", "")) or metadata.version(package)


def _text(gauges: Iterable[Gauge]) -> str:
    lines, told = [], set()
    for each in gauges:
        if each.name not in told:
            told.add(each.name)
            lines += [f"# HELP {each.name} {each.meaning}", f"# TYPE {each.name} {each.kind}"]
        labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
        lines.append(f"{each.name}{f'{{{labels}}}' if labels else ''} {each.value:.15g}")
    return "".join(f"{line}\n" for line in lines)
