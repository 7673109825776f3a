"""Keepwell's own build of the feature table, each run in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
from sqlalchemy import Connection

from benchmarks.history_data import EventSet, blocks, one_day
from benchmarks.history_features import CUTS, END, definitions
from benchmarks.history_home import NOW, opened
from features.batch import feature_tables, schema_of, to_arrow
from features.buckets import rows_of_table
from features.definitions import FeatureDefinition
from features.events import Event
from features.history import customer_ids, from_events, read_ranges
from features.kernel import compute
from features.merging import merge
from governance.proof import Permit
from serving.bootstrap import Keepwell

PURPOSE = "risk_scoring"
COMPRESSION = "lz4"


class Build(NamedTuple):
    """Seconds of each step, what came out, and memory in GiB.

    `compute` is the batch as it runs, reading and computing at once, until the last table is there;
    of `steps`, one after the other on one thread, `read` and `kernel` are apart. `permit` is asking
    who may be computed. What was not done is 0. `idle_gib` is what the process held before it
    touched any data, `peak_gib` the most it ever held.
    """

    permit: float
    compute: float = 0.0
    read: float = 0.0
    kernel: float = 0.0
    write: float = 0.0
    rows: int = 0
    events: int = 0
    idle_gib: float = 0.0
    peak_gib: float = 0.0


def everyone(keepwell: Keepwell, conn: Connection) -> Permit:
    """Ask for the permit over all customers of a home."""
    permit, refused = keepwell.registry.permit_many(conn, PURPOSE, customer_ids(conn), now=NOW)
    assert not refused
    return permit


def batch(keepwell: Keepwell, out: Path | None, threads: int) -> Build:
    """Build as a batch does: read the next range while one is computed, write it, forget it."""
    features = definitions()
    warm_up(features)
    idle, clock = peak_gib(), Clock()
    computed = wrote = 0.0
    rows = 0
    writer: pq.ParquetWriter | None = None
    with keepwell.database.read() as conn:
        permit = everyone(keepwell, conn)
        judged = clock.lap()
        ranges = read_ranges(conn, keepwell.store, permit)
        permits = {PURPOSE: permit}
        if out is not None:
            names = [feature.name for feature in features]
            writer = pq.ParquetWriter(
                out, schema_of(names), compression=COMPRESSION, use_dictionary=["customer_id"]
            )
        for table in feature_tables(ranges, features, CUTS, permits=permits, threads=threads):
            rows += len(table)
            computed += clock.lap()
            if writer is not None:
                writer.write_table(to_arrow(table))
                wrote += clock.lap()
        computed += clock.lap()
        if writer is not None:
            writer.close()
            wrote += clock.lap()
    return Build(
        judged, compute=computed, write=wrote, rows=rows, idle_gib=idle, peak_gib=peak_gib()
    )


def steps(keepwell: Keepwell) -> Build:
    """Read and compute one range after the other, to tell what each of the two takes."""
    features = definitions()
    warm_up(features)
    idle, clock = peak_gib(), Clock()
    read = computed = 0.0
    rows = events = 0
    with keepwell.database.read() as conn:
        permit = everyone(keepwell, conn)
        judged = clock.lap()
        for histories in read_ranges(conn, keepwell.store, permit):
            read += clock.lap()
            rows += len(compute(histories, features, CUTS, permits={PURPOSE: permit}))
            events += len(histories.occurred_at)
            computed += clock.lap()
        read += clock.lap()
    return Build(
        judged,
        read=read,
        kernel=computed,
        rows=rows,
        events=events,
        idle_gib=idle,
        peak_gib=peak_gib(),
    )


def warm_up(features: Sequence[FeatureDefinition]) -> None:
    """Merge and compute a few events, so that what is loaded once is loaded before the clock runs.

    That is compiled code, and pandas, which Arrow imports when it first sees a list.
    """
    few = EventSet(events=20, customers=2)
    merge(*(rows_of_table(table) for table in (*blocks(few), one_day(few, 2))))
    before = END - timedelta(days=1)
    event = Event(customer_id="c0", kind="order", occurred_at=before, known_at=before, value=1.0)
    compute(from_events([event]), features, CUTS, permits={})


def peak_gib() -> float:
    """Most memory this process has held so far.

    Linux says so per program (VmHWM); `getrusage` would count its parent's before the exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


class Clock:
    """A stop watch."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the lap before."""
        now = time.perf_counter()
        found, self._last = now - self._last, now
        return found


def in_child(module: str, *arguments: str | Path | int, threads: int) -> dict[str, float]:
    """Run a module in a process of its own and read the JSON it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def build(root: Path, way: str, *, threads: int, out: Path | None = None) -> Build:
    """Build in a process of its own: `way` is `batch` or `steps`."""
    where = () if out is None else (out,)
    found = in_child("benchmarks.history_build", way, root, threads, *where, threads=threads)
    return Build(**found)  # type: ignore[arg-type]


def main() -> None:
    """Be that process: WAY HOME THREADS [OUT]."""
    way, root, threads, *out = sys.argv[1:]
    with opened(Path(root)) as keepwell:
        found = (
            steps(keepwell)
            if way == "steps"
            else batch(keepwell, Path(out[0]) if out else None, int(threads))
        )
    print(json.dumps(found._asdict()))


if __name__ == "__main__":
    main()
