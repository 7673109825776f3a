"""Keepwell's own build, carrier by carrier: read a range, compute it, write it, forget it."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from benchmarks.history_features import CUTS, definitions
from benchmarks.history_home import NOW, opened
from features.definitions import FeatureDefinition
from features.history import Histories, customer_ids, read_all
from features.kernel import FeatureTable, compute
from governance.proof import Permit
from serving.bootstrap import Keepwell

PURPOSE = "risk_scoring"
_ROW_GROUP = 65_536


class Build(NamedTuple):
    """Seconds of each step, what came out, and peak resident memory in GiB.

    `idle_gib` is what the process held before it touched any data.
    """

    permit: float
    read: float
    kernel: float
    write: float
    rows: int
    events: int
    idle_gib: float
    peak_gib: float

    @property
    def read_and_kernel(self) -> float:
        """Seconds from Parquet to features."""
        return self.read + self.kernel

    @property
    def whole(self) -> float:
        """Seconds from Parquet to Parquet, permission included."""
        return self.permit + self.read + self.kernel + self.write


def everyone(keepwell: Keepwell, conn: Connection) -> Permit:
    """Ask for the permit over all customers of a home."""
    permit, refused = keepwell.registry.permit_many(conn, PURPOSE, customer_ids(conn), now=NOW)
    assert not refused
    return permit


def ranges(keepwell: Keepwell, conn: Connection, permit: Permit) -> Iterator[Histories]:
    """Read the whole history in pieces that fit into memory, as a batch does."""
    yield read_all(conn, keepwell.store, permit, digests=False)


def build(keepwell: Keepwell, out: Path | None, features: Sequence[FeatureDefinition]) -> Build:
    """Compute the feature table; write it to `out`, or let each piece go where there is none."""
    idle = peak_gib()
    clock = _Clock()
    rows = events = 0
    writer: pq.ParquetWriter | None = None
    with keepwell.database.read() as conn:
        permit = everyone(keepwell, conn)
        judged = clock.lap()
        read = computed = wrote = 0.0
        for histories in ranges(keepwell, conn, permit):
            read += clock.lap()
            table = compute(histories, features, CUTS, permits={PURPOSE: permit})
            events += len(histories.occurred_at)
            rows += len(table)
            computed += clock.lap()
            if out is not None:
                writer = _write(writer, table, out)
                wrote += clock.lap()
        if writer is not None:
            writer.close()
            wrote += clock.lap()
    return Build(judged, read, computed, wrote, rows, events, idle, peak_gib())


def warm_up(features: Sequence[FeatureDefinition]) -> None:
    """Compute a history of one event, so that compiled code is loaded before anything is timed."""
    from datetime import timedelta

    from benchmarks.history_features import END
    from features.events import Event
    from features.history import from_events

    before = END - timedelta(days=1)
    event = Event(customer_id="c0", kind="order", occurred_at=before, known_at=before, value=1.0)
    compute(from_events([event]), features, CUTS, permits={})


def _write(writer: pq.ParquetWriter | None, found: FeatureTable, out: Path) -> pq.ParquetWriter:
    columns = {
        "customer_id": pa.array(found.customers, pa.string()),
        "as_of": pa.array(found.as_of),
    } | {name: pa.array(found.values[:, k]) for k, name in enumerate(found.names)}
    table = pa.table(columns)
    writer = writer or pq.ParquetWriter(
        out, table.schema, compression="lz4", use_dictionary=["customer_id"]
    )
    writer.write_table(table, row_group_size=_ROW_GROUP)
    return writer


def peak_gib() -> float:
    """Most memory this process has held so far.

    Linux says so per program (VmHWM); `getrusage` would count a parent's size before the exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the lap before."""
        now = time.perf_counter()
        found, self._last = now - self._last, now
        return found


def main() -> None:
    """Build in a process of its own: `python -m benchmarks.history_build HOME [OUT]`."""
    features = definitions()
    warm_up(features)
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with opened(Path(sys.argv[1])) as keepwell:
        print(json.dumps(build(keepwell, out, features)._asdict()))


if __name__ == "__main__":
    main()
