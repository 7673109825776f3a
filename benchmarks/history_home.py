"""Evaluation homes filled with generated events, kept in a folder so that runs can be repeated."""

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from benchmarks.history_data import EventSet, blocks
from benchmarks.history_features import END
from features.compaction import write_segment
from features.segment import segment_chunks
from features.store import HistoryStore, Segment, register
from features.tables import customers, history_chunks, insert_new
from governance.instants import from_micros
from serving.bootstrap import Keepwell, create_home, open_home
from serving.home import Home
from serving.settings import Settings

NOW = END + timedelta(days=1)
CHUNKED_CUSTOMERS = 100_000
"""So many customers get the packed rows that online reads need; the others only lie in Parquet."""

_ROW_GROUP = 122_880


def data_set(folder: Path, wanted: EventSet, say: Callable[[str], None]) -> Path:
    """Give the root of a home that holds this event set, generating it the first time."""
    late = f"{100 * wanted.late:g}"
    root = folder / f"events-{wanted.events}-late-{late}-seed-{wanted.seed}"
    if root.exists():
        return root
    say(f"generating {wanted.events:,} events of {wanted.customers:,} customers, {late} % late")
    begun = time.perf_counter()
    aside = folder / f".{root.name}.writing"
    shutil.rmtree(aside, ignore_errors=True)
    keepwell = create_home(aside, Settings(kind="evaluation"), now=NOW)
    try:
        with keepwell.database.write() as conn:
            publish(conn, keepwell.store, blocks(wanted))
    finally:
        keepwell.close()
    aside.replace(root)
    say(f"generated in {time.perf_counter() - begun:.0f} s")
    return root


def publish(conn: Connection, store: HistoryStore, tables: Iterable[pa.Table]) -> None:
    """Make sorted tables one base segment, with its manifest line, its customers and chunks."""
    segment_id = uuid.uuid4().hex
    name = f"{segment_id}.parquet"
    rows, occurred, known = 0, list[int](), list[int]()
    writer: pq.ParquetWriter | None = None
    for table in tables:
        path = store.temporary(name)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=_ROW_GROUP)
        rows += len(table)
        for column, seen in (("occurred_at", occurred), ("known_at", known)):
            bounds = pc.min_max(table[column])
            seen += [bounds["min"].as_py(), bounds["max"].as_py()]
        first = table.group_by("customer_id", use_threads=False).aggregate([("known_at", "min")])
        people = [
            {"subject": "customer", "customer_id": who, "first_known_at": from_micros(when)}
            for who, when in zip(*(column.to_pylist() for column in first.columns), strict=True)
        ]
        insert_new(conn, customers, people)
    assert writer is not None
    writer.close()
    path = store.publish(name)
    register(
        conn,
        Segment(
            segment_id=segment_id,
            path=name,
            kind="import",
            source="generated",
            source_hash="",
            rows=rows,
            first_occurred_at=from_micros(min(occurred)),
            last_occurred_at=from_micros(max(occurred)),
            first_known_at=from_micros(min(known)),
            last_known_at=from_micros(max(known)),
            versions=0,
            created_at=NOW,
        ),
    )
    chunks = islice(segment_chunks(path), CHUNKED_CUSTOMERS)
    while some := list(islice(chunks, 2_000)):
        packed = [
            {
                "subject": each.subject,
                "customer_id": each.customer_id,
                "segment_id": segment_id,
                "payload": each.payload,
            }
            for each in some
        ]
        conn.execute(history_chunks.insert(), packed)


def publish_day(conn: Connection, store: HistoryStore, day: pa.Table) -> None:
    """Make one day's events, ready in memory, a durable segment that counts from the commit on."""
    segment = write_segment(
        store, day, segment_id=uuid.uuid4().hex, kind="compaction", source="live", now=NOW
    )
    register(conn, segment)


def segment_files(root: Path) -> list[str]:
    """Give the Parquet files of a home's history."""
    return sorted(str(path) for path in Home(root).history.rglob("*.parquet"))


@contextmanager
def opened(root: Path) -> Iterator[Keepwell]:
    """Open a home and close it again."""
    keepwell = open_home(root)
    try:
        yield keepwell
    finally:
        keepwell.close()


@contextmanager
def scratch_copy(root: Path) -> Iterator[Keepwell]:
    """Open a copy of a home that may be changed; its immutable segment files are hard links."""
    copy = root.with_name(f".{root.name}.copy")
    shutil.rmtree(copy, ignore_errors=True)

    def link(source: str, target: str) -> None:
        if source.endswith(".parquet"):
            Path(target).hardlink_to(source)
        else:
            shutil.copy2(source, target)

    shutil.copytree(root, copy, copy_function=link)
    try:
        with opened(copy) as keepwell:
            yield keepwell
    finally:
        shutil.rmtree(copy)
