"""Evaluation homes filled with generated events, kept in a folder so that runs can be repeated."""

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from benchmarks.history_data import EventSet, blocks
from benchmarks.history_features import END
from features.buckets import cut_between_customers, sort_rows, write_bucket, write_buckets
from features.segment import table_chunks
from features.store import HistoryStore, Segment, register
from features.tables import customers, history_chunks, insert_new
from governance.instants import from_micros
from serving.bootstrap import Keepwell, create_home, open_home
from serving.home import Home
from serving.settings import Settings

NOW = END + timedelta(days=1)
CHUNKED_CUSTOMERS = 100_000
"""About so many customers get the packed rows that online reads need; the rest lie in Parquet."""


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
    """Make sorted tables one base segment, with its manifest lines, its customers and chunks."""
    segment_id = uuid.uuid4().hex
    files, packed = [], 0
    for table in cut_between_customers(tables):
        files.append(write_bucket(store, table, segment_id))
        insert_new(conn, customers, [_person(each) for each in _first_seen(table)])
        if packed < CHUNKED_CUSTOMERS:
            chunks = [
                {
                    "subject": each.subject,
                    "customer_id": each.customer_id,
                    "segment_id": segment_id,
                    "payload": each.payload,
                }
                for each in table_chunks(table)
            ]
            conn.execute(history_chunks.insert(), chunks)
            packed += len(chunks)
    register(conn, Segment(segment_id, "import", "generated", "", NOW), files)


def _first_seen(table: pa.Table) -> Iterator[tuple[str, int]]:
    first = table.group_by("customer_id", use_threads=False).aggregate([("known_at", "min")])
    return zip(*(column.to_pylist() for column in first.columns), strict=True)


def _person(seen: tuple[str, int]) -> dict[str, Any]:
    customer_id, first_known_at = seen
    return {
        "subject": "customer",
        "customer_id": customer_id,
        "first_known_at": from_micros(first_known_at),
    }


def publish_day(conn: Connection, store: HistoryStore, day: pa.Table) -> None:
    """Make one day's events, ready in memory, a durable segment that counts from the commit on."""
    segment_id = uuid.uuid4().hex
    files = write_buckets(store, [sort_rows(day)], segment_id)
    register(conn, Segment(segment_id, "compaction", "live", "", NOW), files)


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
