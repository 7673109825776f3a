"""What a home does every day: answer for one customer, take a day's events in, read them merged."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from sqlalchemy import select

from benchmarks.history_build import PURPOSE, Clock, everyone, warm_up
from benchmarks.history_data import EventSet, one_day
from benchmarks.history_features import CUTS
from benchmarks.history_home import NOW, opened, publish_day
from features.compaction import compact
from features.definitions import FeatureDefinition
from features.history import read_customer
from features.kernel import compute
from features.tables import history_chunks, live_events
from governance.proof import Permit
from serving.bootstrap import Keepwell


class Percentiles(NamedTuple):
    """Milliseconds that half, and that 99 of 100 calls stay under."""

    p50: float
    p99: float


def online(
    root: Path, features: Sequence[FeatureDefinition], *, calls: int, seed: int
) -> tuple[Percentiles, Percentiles]:
    """Time one customer's features at the last cut-off, from the database on, for random customers.

    Gives the percentiles with a permit at hand, and those of asking for the permit as well.
    """
    warm_up(features)
    with opened(root) as keepwell:
        with keepwell.database.read() as conn:
            known = list(conn.execute(select(history_chunks.c.customer_id).distinct()).scalars())
            permit = everyone(keepwell, conn)
        drawn = np.random.default_rng(seed).integers(0, len(known), calls + calls // 10)
        chosen = [known[k] for k in drawn.tolist()]
        reading, asking = [], []
        for customer_id in chosen:
            reading.append(_one(keepwell, customer_id, features, permit))
            asking.append(_one(keepwell, customer_id, features, None))
    warm = calls // 10  # the first calls fill the caches
    return _percentiles(reading[warm:]), _percentiles(asking[warm:])


def _one(
    keepwell: Keepwell,
    customer_id: str,
    features: Sequence[FeatureDefinition],
    permit: Permit | None,
) -> float:
    begun = time.perf_counter()
    with keepwell.database.read() as conn:
        if permit is None:
            asked = keepwell.registry.permit(conn, customer_id, PURPOSE, now=NOW)
            assert isinstance(asked, Permit)
            permit = asked
        histories = read_customer(conn, permit, customer_id)
    found = compute(histories, features, CUTS[-1:], permits={PURPOSE: permit})
    taken = time.perf_counter() - begun
    assert len(found) <= 1
    return 1000 * taken


def _percentiles(milliseconds: Sequence[float]) -> Percentiles:
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return Percentiles(float(p50), float(p99))


class Day(NamedTuple):
    """Seconds to publish a day's events that are in memory, and to compact as many live ones."""

    events: int
    publish: float
    compact: float


def publish_and_compact(keepwell: Keepwell, wanted: EventSet) -> Day:
    """Add two days of 1 % each to a home: durable, registered, committed, old files untouched."""
    size = wanted.events // 100
    day, live = one_day(wanted, size), _as_live(one_day(wanted._replace(day=1), size))
    clock = Clock()
    with keepwell.database.write() as conn:
        publish_day(conn, keepwell.store, day)
    published = clock.lap()
    with keepwell.database.write() as conn:
        for start in range(0, size, 10_000):
            conn.execute(live_events.insert(), live[start : start + 10_000])
    clock.lap()
    with keepwell.database.write() as conn:
        found = compact(conn, keepwell.store, now=NOW)
    assert found.events == size
    return Day(size, published, clock.lap())


def _as_live(day: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = day.to_pylist()
    for row in rows:
        high, low = row.pop("digest_high"), row.pop("digest_low")
        digest = high.to_bytes(8, "big") + low.to_bytes(8, "big")
        row |= {"digest": digest, "event_name": f"~{digest.hex()}.1", "segment_id": None}
    return rows
