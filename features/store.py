"""The Parquet side of history: immutable segments, written aside and renamed, listed in a manifest.

A file counts only while `history_segments` names it. Rows of a segment are sorted by subject,
customer, `occurred_at`, `known_at` and digest.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import Connection, select, text

from features.chunks import EventColumns
from features.events import MISSING
from features.live import live_columns
from features.tables import history_segments
from governance.errors import IntegrityBroken

SEGMENT_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("customer_id", pa.string()),
        ("kind", pa.string()),
        ("event_id", pa.string()),
        ("occurrence", pa.int32()),
        ("occurred_at", pa.int64()),
        ("known_at", pa.int64()),
        ("value_micros", pa.int64()),
        ("currency", pa.string()),
        ("text", pa.string()),
        ("properties", pa.string()),
        ("corrects", pa.string()),
        ("retracts", pa.string()),
        ("digest_high", pa.uint64()),
        ("digest_low", pa.uint64()),
    ]
)
"""Columns of every segment; instants in µs since 1970 UTC, values in millionths."""

_DIGEST = ("digest_high", "digest_low")


@dataclass(frozen=True)
class HistoryStore:
    """The folder that holds a home's segments."""

    root: Path

    def path_of(self, name: str) -> Path:
        """Where the segment file `name` lies."""
        return self.root / name

    def temporary(self, name: str) -> Path:
        """Where `name` is written before `publish` renames it; the folder is made if needed."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / f".{name}.writing"

    @property
    def scratch(self) -> Path:
        """Where an import may put what does not fit into memory."""
        return self.root / ".scratch"

    def publish(self, name: str) -> Path:
        """Make what was written to `temporary(name)` durable under its final name."""
        written, final = self.temporary(name), self.path_of(name)
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(final)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return final


class Segment(NamedTuple):
    """One line of the manifest."""

    segment_id: str
    path: str
    kind: str
    source: str
    source_hash: str
    rows: int
    first_occurred_at: datetime
    last_occurred_at: datetime
    first_known_at: datetime
    last_known_at: datetime
    versions: int
    created_at: datetime


class Rows(NamedTuple):
    """Events of many customers: `customer` (n,) indexes `customers` (m,), ids in ascending order.

    Rows may come in any order.
    """

    customers: NDArray[np.object_]
    customer: NDArray[np.int32]
    columns: EventColumns


def hold_history(conn: Connection) -> None:
    """Let one transaction at a time write segment files; whoever comes second waits for its end.

    On SQLite the write transaction does that already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('keepwell.import'))"))


def segments(conn: Connection) -> list[Segment]:
    """List the segments that count, oldest first."""
    order = (history_segments.c.created_at, history_segments.c.segment_id)
    found = conn.execute(select(history_segments).order_by(*order))
    return [Segment(**row) for row in found.mappings()]


def register(conn: Connection, segment: Segment) -> None:
    """Make a published segment count, from the commit of this transaction on."""
    conn.execute(history_segments.insert(), [segment._asdict()])


def read_segments(
    conn: Connection,
    store: HistoryStore,
    subject: str,
    allowed: frozenset[str] | None,
    *,
    digests: bool = True,
) -> Rows:
    """Bring in all events of one kind of subject: every segment, then what is only live.

    Without `digests` their column stays empty where one segment holds everything: half the bytes.
    `allowed` names the customers wanted, None all of them. Strings are brought in where features
    need them (text, properties; ids where anything was corrected), as Arrow arrays.
    """
    manifest = segments(conn)
    versions = any(segment.versions for segment in manifest)
    live = live_columns(conn, subject)
    versions = versions or any(name in live.columns.strings for name in ("corrects", "retracts"))
    digests = digests or versions or len(manifest) + (len(live.columns) > 0) > 1
    parts = []
    for segment in manifest:
        path = store.path_of(segment.path)
        table = _read_table(path, subject, versions=versions, digests=digests)
        if len(table):
            parts.append(_to_rows(table, allowed))
    if len(live.columns):
        parts.append(_to_rows(_live_table(live.customers, live.columns), allowed))
    return _join(parts)


def _read_table(path: Path, subject: str, *, versions: bool, digests: bool) -> pa.Table:
    try:
        file = pq.ParquetFile(path, read_dictionary=["subject", "customer_id", "kind"])
    except (OSError, pa.ArrowException) as problem:
        raise IntegrityBroken(
            f"history segment {path.name} cannot be read ({type(problem).__name__})",
            hint="restore var/history from a backup, or run the read again if a customer was "
            "being erased",
        ) from None
    wanted = ["customer_id", "kind", "occurrence", "occurred_at", "known_at"]
    wanted += ["value_micros", *(_DIGEST if digests else ())]
    optional = ["text", "properties"]
    if versions:
        optional += ["event_id", "corrects", "retracts"]
    wanted += [name for name in optional if _has_any(file, name)]
    groups = [k for k in range(file.num_row_groups) if _may_hold(file, k, subject)]
    if all(_holds_only(file, k, subject) for k in groups):
        return file.read_row_groups(groups, columns=wanted)
    table = file.read_row_groups(groups, columns=[*wanted, "subject"])
    return table.filter(pc.equal(table["subject"].cast(pa.string()), subject))


def _bounds(file: pq.ParquetFile, group: int) -> tuple[str, str] | None:
    """First and last subject of a row group, as its statistics say."""
    place = file.schema_arrow.get_field_index("subject")
    found = file.metadata.row_group(group).column(place).statistics
    return (found.min, found.max) if found is not None and found.has_min_max else None


def _may_hold(file: pq.ParquetFile, group: int, subject: str) -> bool:
    bounds = _bounds(file, group)
    return bounds is None or bounds[0] <= subject <= bounds[1]


def _holds_only(file: pq.ParquetFile, group: int, subject: str) -> bool:
    return _bounds(file, group) == (subject, subject)


def _has_any(file: pq.ParquetFile, name: str) -> bool:
    place = file.schema_arrow.get_field_index(name)
    meta = file.metadata
    for k in range(meta.num_row_groups):
        group = meta.row_group(k)
        found = group.column(place).statistics
        if found is None or not found.has_null_count or found.null_count < group.num_rows:
            return True
    return False


def _to_rows(table: pa.Table, allowed: frozenset[str] | None) -> Rows:
    customers, customer = _codes(table["customer_id"])
    if allowed is not None:
        wanted = np.array([c in allowed for c in customers], np.bool_)
        if not wanted.all():
            keep = wanted[customer]
            table = table.filter(pa.array(keep))
            renumbered = np.cumsum(wanted) - 1
            customers, customer = customers[wanted], renumbered[customer[keep]].astype(np.int32)
    kinds, kind = _codes(table["kind"])
    strings = {
        name: table[name].cast(pa.large_string()).combine_chunks()
        for name in ("text", "properties", "event_id", "corrects", "retracts")
        if name in table.column_names and table[name].null_count < len(table)
    }
    columns = EventColumns(
        kinds=tuple(kinds),
        kind=kind.astype(np.int16),
        occurred_at=_numbers(table["occurred_at"]),
        known_at=_numbers(table["known_at"]),
        value_micros=_numbers(table["value_micros"]),
        digests=np.stack([_numbers(table[name]) for name in _DIGEST], axis=1)
        if _DIGEST[0] in table.column_names
        else np.zeros((0, 2), np.uint64),
        occurrence=_numbers(table["occurrence"]),
        strings=strings,
    )
    return Rows(customers, customer, columns)


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.object_], NDArray[np.int32]]:
    """Ascending distinct values of a text column, and each row's place among them."""
    place: dict[str, int] = {}
    parts = [np.zeros(0, np.int32)]
    for chunk in column.chunks:
        encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        codes = _buffer(encoded.indices, np.dtype(np.int32))
        names = encoded.dictionary.to_pylist()
        used = np.zeros(len(names), np.bool_)
        used[codes] = True
        own = [
            place.setdefault(n, len(place)) if u else -1 for n, u in zip(names, used, strict=True)
        ]
        parts.append(np.array(own, np.int32)[codes])
    codes = np.concatenate(parts)
    found = np.array(list(place), dtype=np.object_)
    order = np.argsort(found, kind="stable")
    if (order[:-1] < order[1:]).all():
        return found, codes
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return found[order], rank[codes]


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """Numbers of a column straight from Arrow's buffers, `MISSING` where there is none."""
    dtype = np.dtype(str(column.type))
    parts = [np.zeros(0, dtype)]
    for chunk in column.chunks:
        found = _buffer(chunk, dtype)
        if chunk.null_count:
            bits = np.frombuffer(chunk.buffers()[0], np.uint8)
            valid = np.unpackbits(bits, bitorder="little", count=chunk.offset + len(chunk))
            found = np.where(valid[chunk.offset :], found, dtype.type(MISSING))
        parts.append(found)
    return np.concatenate(parts)


def _buffer(chunk: pa.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    if not len(chunk):
        return np.zeros(0, dtype)
    start = chunk.offset * dtype.itemsize
    found: NDArray[Any] = np.frombuffer(chunk.buffers()[1], dtype, len(chunk), start)
    return found


def digest_halves(digests: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Split 16-byte digests into two numbers each, as segments hold them."""
    halves = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)
    return halves[:, 0], halves[:, 1]


def _live_table(customers: list[str], columns: EventColumns) -> pa.Table:
    names = pa.array(columns.kinds, pa.string())
    arrays = {
        "customer_id": pa.array(customers, pa.string()).dictionary_encode(),
        "kind": pa.DictionaryArray.from_arrays(pa.array(columns.kind.astype(np.int32)), names),
        "occurrence": pa.array(columns.occurrence),
        "occurred_at": pa.array(columns.occurred_at),
        "known_at": pa.array(columns.known_at),
        "value_micros": pa.array(columns.value_micros),
        "digest_high": pa.array(columns.digests[:, 0]),
        "digest_low": pa.array(columns.digests[:, 1]),
    }
    for name, strings in columns.strings.items():
        arrays[name] = pa.array(strings, pa.string())
    return pa.table(arrays)


def _join(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        nothing = np.zeros(0, np.int64)
        empty = EventColumns(
            kinds=(),
            kind=np.zeros(0, np.int16),
            occurred_at=nothing,
            known_at=nothing,
            value_micros=nothing,
            digests=np.zeros((0, 2), np.uint64),
            occurrence=np.zeros(0, np.int32),
            strings={},
        )
        return Rows(np.zeros(0, np.object_), np.zeros(0, np.int32), empty)
    everyone = sorted(set().union(*(part.customers for part in parts)))
    kinds = tuple(sorted(set().union(*(part.columns.kinds for part in parts))))
    customers = np.array(everyone, dtype=np.object_)
    place = {name: k for k, name in enumerate(everyone)}
    kind_place = {name: k for k, name in enumerate(kinds)}
    columns = [part.columns for part in parts]

    def recode(names: Iterable[str], codes: NDArray[Any], places: dict[str, int]) -> NDArray[Any]:
        found: NDArray[Any] = np.array([places[name] for name in names], codes.dtype)[codes]
        return found

    strings = {}
    for name in ("text", "properties", "event_id", "corrects", "retracts"):
        if any(name in part.strings for part in columns):
            strings[name] = pa.concat_arrays(
                [part.strings.get(name, pa.nulls(len(part), pa.large_string())) for part in columns]
            )
    joined = EventColumns(
        kinds=kinds,
        kind=np.concatenate([recode(part.kinds, part.kind, kind_place) for part in columns]),
        occurred_at=np.concatenate([part.occurred_at for part in columns]),
        known_at=np.concatenate([part.known_at for part in columns]),
        value_micros=np.concatenate([part.value_micros for part in columns]),
        digests=np.concatenate([part.digests for part in columns]),
        occurrence=np.concatenate([part.occurrence for part in columns]),
        strings=strings,
    )
    customer = np.concatenate([recode(part.customers, part.customer, place) for part in parts])
    return Rows(customers, customer.astype(np.int32), joined)
