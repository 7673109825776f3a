"""Bucket files: sorted rows cut between customers, written for fast reading, and read in part.

Numbers are plain and lightly compressed (LZ4), what repeats (customer, kind) is a dictionary, and
`known_at` is left out where it equals `occurred_at`: ten million events without digests are read
in a few tenths of a second on one core. Row groups carry the first and last customer, so that
the rows of a few people can be brought in alone.
"""

import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.chunks import EventColumns
from features.events import MISSING
from features.rows import Rows, all_ones, cut, no_rows
from features.store import SEGMENT_SCHEMA, Bucket, HistoryStore
from governance.errors import IntegrityBroken
from governance.instants import from_micros

BUCKET_ROWS = 250_000
SORT_KEYS = ("subject", "customer_id", "occurred_at", "known_at", "digest_high", "digest_low")

_ROW_GROUP = 65_536
_SMALL_ROW_GROUP = 4_096
_SMALL_BUCKET = BUCKET_ROWS // 2
_DIGEST = ("digest_high", "digest_low")
_REPEATING = [
    field.name
    for field in SEGMENT_SCHEMA
    if field.type == pa.string() or field.name in ("occurrence", "known_at")
]
_COMPRESSION = {
    field.name: "none" if field.name in _DIGEST else "lz4" for field in SEGMENT_SCHEMA
} | dict.fromkeys(("event_id", "text", "properties"), "zstd")


def sort_rows(table: pa.Table) -> pa.Table:
    """Sort a table of `SEGMENT_SCHEMA` as a segment is."""
    return table.sort_by([(key, "ascending") for key in (*SORT_KEYS, "occurrence")])


def cut_between_customers(
    tables: Iterable[pa.Table], *, bucket_rows: int = BUCKET_ROWS
) -> Iterator[pa.Table]:
    """Cut sorted tables into ones of about `bucket_rows`, each of one kind of subject.

    No customer is split: someone with more events than that has a bucket of that size.
    """
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        held.append(table)
        size += len(table)
        if size < 2 * bucket_rows:
            continue
        whole = pa.concat_tables(held)
        *ready, (start, stop) = _places_to_cut(whole, bucket_rows)
        for first, last in ready:
            yield whole.slice(first, last - first)
        held, size = [whole.slice(start, stop - start)], stop - start
    if size:
        whole = pa.concat_tables(held)
        for first, last in _places_to_cut(whole, bucket_rows):
            yield whole.slice(first, last - first)


def _places_to_cut(table: pa.Table, bucket_rows: int) -> list[tuple[int, int]]:
    starts = customer_starts(table)
    ends = np.append(starts[1:], len(table))
    subjects = table["subject"].combine_chunks()
    changes = pc.not_equal(subjects[1:], subjects[:-1]).to_numpy(zero_copy_only=False)
    found, first = [], 0
    for stop in [*(np.flatnonzero(changes) + 1).tolist(), len(table)]:  # ends of subjects
        while first < stop:
            own = ends[np.searchsorted(ends, first, "right") : np.searchsorted(ends, stop) + 1]
            fitting = int(np.searchsorted(own, first + bucket_rows, "right"))
            end = int(own[max(fitting - 1, 0)])
            found.append((first, end))
            first = end
    return found


def customer_starts(table: pa.Table) -> NDArray[np.int64]:
    """Where each customer's rows begin in a sorted table."""
    if not len(table):
        return np.zeros(0, np.int64)
    changes = np.zeros(len(table), np.bool_)
    changes[0] = True
    for name in ("subject", "customer_id"):
        column = table[name].combine_chunks()
        changes[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(changes)


def write_bucket(store: HistoryStore, table: pa.Table, segment_id: str) -> Bucket:
    """Write sorted rows of one kind of subject as a durable file, and describe it.

    It counts once a manifest line names it.
    """
    name = f"{segment_id}.{uuid.uuid4().hex[:8]}.parquet"
    known, occurred = table["known_at"], table["occurred_at"]
    late = pc.not_equal(known, occurred)
    place = table.schema.get_field_index("known_at")
    stored = pc.if_else(late, known, pa.scalar(None, pa.int64()))
    small = len(table) < _SMALL_BUCKET
    pq.write_table(
        table.set_column(place, SEGMENT_SCHEMA.field(place), stored),
        store.temporary(name),
        row_group_size=_SMALL_ROW_GROUP if small else _ROW_GROUP,
        use_dictionary=_REPEATING,
        compression=_COMPRESSION,
        write_statistics=True,
    )
    store.publish(name)
    first_at, known_at = pc.min_max(occurred), pc.min_max(known)
    pointing = pc.or_(pc.is_valid(table["corrects"]), pc.is_valid(table["retracts"]))
    return Bucket(
        path=name,
        segment_id=segment_id,
        subject=table["subject"][0].as_py(),
        first_customer=table["customer_id"][0].as_py(),
        last_customer=table["customer_id"][len(table) - 1].as_py(),
        rows=len(table),
        versions=int(pc.sum(pointing).as_py() or 0),
        first_occurred_at=from_micros(first_at["min"].as_py()),
        last_occurred_at=from_micros(first_at["max"].as_py()),
        first_known_at=from_micros(known_at["min"].as_py()),
        last_known_at=from_micros(known_at["max"].as_py()),
    )


def write_buckets(
    store: HistoryStore,
    tables: Iterable[pa.Table],
    segment_id: str,
    *,
    bucket_rows: int = BUCKET_ROWS,
) -> list[Bucket]:
    """Write sorted tables as the buckets of a segment."""
    cuts = cut_between_customers(tables, bucket_rows=bucket_rows)
    return [write_bucket(store, table, segment_id) for table in cuts]


def open_bucket(store: HistoryStore, name: str) -> pq.ParquetFile:
    """Open a bucket; raises `IntegrityBroken` when it is gone or no longer what it was."""
    try:
        return pq.ParquetFile(
            store.path_of(name), read_dictionary=["subject", "customer_id", "kind"], memory_map=True
        )
    except (OSError, pa.ArrowException) as problem:
        raise _unreadable(name, problem) from None


def _unreadable(name: str, problem: Exception) -> IntegrityBroken:
    return IntegrityBroken(
        f"history file {name} cannot be read ({type(problem).__name__})",
        hint="run the read again: an erasure may have replaced it; otherwise restore var/history "
        "from a backup",
    )


def read_table(store: HistoryStore, name: str) -> pa.Table:
    """Bring in a whole bucket as a table of `SEGMENT_SCHEMA`."""
    try:
        table = pq.read_table(store.path_of(name), schema=SEGMENT_SCHEMA)
    except (OSError, pa.ArrowException) as problem:
        raise _unreadable(name, problem) from None
    return _complete(table)


def holds_customer(store: HistoryStore, name: str, customer_id: str) -> bool:
    """Whether a bucket holds rows of someone, as a customer or otherwise."""
    file = open_bucket(store, name)
    near = []
    for k in range(file.num_row_groups):
        first, last = group_bounds(file, k, "subject")
        if first is not None and first == last:  # else ids do not ascend over the group
            first, last = group_bounds(file, k, "customer_id")
            if first is not None and not first <= customer_id <= last:
                continue
        near.append(k)
    found = file.read_row_groups(near, columns=["customer_id"], use_threads=False)["customer_id"]
    return any(customer_id in chunk.dictionary.to_pylist() for chunk in found.chunks)


class Span(NamedTuple):
    """Customers above `after` up to and with `until`; None as `until` is everyone above."""

    after: str | None
    until: str | None

    def holds(self, first: str | None, last: str | None) -> bool:
        """Whether any id between `first` and `last` (None: not known) may be in here."""
        if first is None or last is None:
            return True
        return (self.until is None or first <= self.until) and (
            self.after is None or last > self.after
        )

    def any_of(self, customers: Sequence[str]) -> bool:
        """Whether one of these ids, given in ascending order, is in here."""
        start = 0 if self.after is None else bisect_right(customers, self.after)
        return start < len(customers) and (self.until is None or customers[start] <= self.until)


def group_bounds(file: pq.ParquetFile, group: int, column: str) -> tuple[Any, Any]:
    """First and last value of a column in a row group, as its statistics say; else None twice."""
    place = file.schema_arrow.get_field_index(column)
    found = file.metadata.row_group(group).column(place).statistics
    return (found.min, found.max) if found is not None and found.has_min_max else (None, None)


def read_buckets(
    store: HistoryStore,
    names: Sequence[str],
    subject: str,
    span: Span,
    *,
    digests: bool,
    versions: bool,
) -> Rows:
    """Bring in a segment's rows of one kind of subject for a span of customers.

    `names` are buckets of one segment in the order of their customers. Row groups that cannot
    hold any are left out. Strings come where features need them (text, properties; ids where
    anything was corrected), digests if asked for.
    """
    files = [open_bucket(store, name) for name in names]
    wanted = ["customer_id", "kind", "occurred_at", "value_micros"]
    if any(not _all_are(file, "occurrence", 1) for file in files):
        wanted.append("occurrence")
    optional = ["known_at", "text", "properties"]
    if versions:
        optional += ["event_id", "corrects", "retracts"]
    wanted += [name for name in optional if any(_has_any(file, name) for file in files)]
    wanted += _DIGEST if digests else ()
    tables = []
    try:
        for file in files:
            tables.append(_read_groups(file, wanted, subject, span))
    except (OSError, pa.ArrowException) as problem:
        raise _unreadable(names[len(tables)], problem) from None
    rows = _to_rows(pa.concat_tables(tables))
    names_in = rows.customers
    start = 0 if span.after is None else int(np.searchsorted(names_in, span.after, "right"))
    stop = (
        len(names_in) if span.until is None else int(np.searchsorted(names_in, span.until, "right"))
    )
    return cut(rows, start, stop)


def read_span(
    store: HistoryStore, names: Sequence[str], subject: str, span: Span
) -> list[pa.Table]:
    """Bring in whole rows of one kind of subject for a span of customers, file by file."""
    found = [SEGMENT_SCHEMA.empty_table()]
    for name in names:
        file = open_bucket(store, name)
        try:
            table = _read_groups(file, SEGMENT_SCHEMA.names, subject, span)
        except (OSError, pa.ArrowException) as problem:
            raise _unreadable(name, problem) from None
        table = _complete(table.cast(SEGMENT_SCHEMA))
        wanted = np.ones(len(table), np.bool_)
        if span.after is not None:
            wanted &= pc.greater(table["customer_id"], span.after).to_numpy()
        if span.until is not None:
            wanted &= pc.less_equal(table["customer_id"], span.until).to_numpy()
        found.append(table.filter(pa.array(wanted)))
    return found


def _complete(table: pa.Table) -> pa.Table:
    """Write out `known_at` where it was left out for being the same as `occurred_at`."""
    place = SEGMENT_SCHEMA.get_field_index("known_at")
    known = pc.coalesce(table["known_at"], table["occurred_at"])
    return table.set_column(place, SEGMENT_SCHEMA.field(place), known)


def _read_groups(file: pq.ParquetFile, wanted: Sequence[str], subject: str, span: Span) -> pa.Table:
    groups, mixed = [], False
    for k in range(file.num_row_groups):
        first, last = group_bounds(file, k, "subject")
        if first is not None and not first <= subject <= last:
            continue
        if first == last == subject and not span.holds(*group_bounds(file, k, "customer_id")):
            continue
        groups.append(k)
        mixed = mixed or (first, last) != (subject, subject)
    if not mixed:
        return file.read_row_groups(groups, columns=list(wanted), use_threads=False)
    columns = dict.fromkeys((*wanted, "subject"))
    table = file.read_row_groups(groups, columns=list(columns), use_threads=False)
    own = pc.equal(table["subject"].cast(pa.string()), subject)
    return table.filter(own).select(list(wanted))


def _all_are(file: pq.ParquetFile, column: str, value: int) -> bool:
    return all(group_bounds(file, k, column) == (value, value) for k in range(file.num_row_groups))


def _has_any(file: pq.ParquetFile, name: str) -> bool:
    place = file.schema_arrow.get_field_index(name)
    meta = file.metadata
    for k in range(meta.num_row_groups):
        group = meta.row_group(k)
        found = group.column(place).statistics
        if found is None or not found.has_null_count or found.null_count < group.num_rows:
            return True
    return False


def rows_of_table(table: pa.Table) -> Rows:
    """Turn a sorted table of `SEGMENT_SCHEMA` columns into rows, as reading it back would."""
    names = ("customer_id", "kind")
    for name in names:
        column = table[name].combine_chunks().dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return _to_rows(table)


def _to_rows(table: pa.Table) -> Rows:
    if not len(table):
        return no_rows()
    customers, offsets = _customers(table["customer_id"])
    kinds, kind = _kinds(table["kind"])
    given = set(table.column_names)
    occurred_at = _numbers(table["occurred_at"])
    known_at = occurred_at
    if "known_at" in given and table["known_at"].null_count < len(table):
        known_at = _numbers(table["known_at"])
        known_at = np.where(known_at == MISSING, occurred_at, known_at)
    strings = {
        name: table[name].cast(pa.large_string()).combine_chunks()
        for name in ("text", "properties", "event_id", "corrects", "retracts")
        if name in given and table[name].null_count < len(table)
    }
    strings = {
        name: column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        for name, column in strings.items()
    }
    digests = np.zeros((0, 2), np.uint64)
    if _DIGEST[0] in given:
        digests = np.stack([_numbers(table[name]) for name in _DIGEST], axis=1)
    columns = EventColumns(
        kinds=kinds,
        kind=kind,
        occurred_at=occurred_at,
        known_at=known_at,
        value_micros=_numbers(table["value_micros"]),
        digests=digests,
        occurrence=_numbers(table["occurrence"]) if "occurrence" in given else all_ones(len(table)),
        strings=strings,
    )
    return Rows(customers, offsets, columns)


def _customers(column: pa.ChunkedArray) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Ids in the order in which they come, and where each one's rows begin; and the end.

    Raises `IntegrityBroken` unless they ascend.
    """
    names: list[str] = []
    starts: list[NDArray[np.int64]] = []
    place = 0
    for chunk in column.chunks:
        codes = _buffer(chunk.indices, np.dtype(np.int32))
        if not len(codes):
            continue
        begins = np.concatenate([[0], np.flatnonzero(codes[1:] != codes[:-1]) + 1])
        dictionary = chunk.dictionary.to_pylist()
        own = [dictionary[code] for code in codes[begins].tolist()]
        if names and names[-1] == own[0]:
            begins, own = begins[1:], own[1:]
        names += own
        starts.append(begins + place)
        place += len(codes)
    found = np.array(names, dtype=np.object_)
    if not (found[:-1] < found[1:]).all():
        raise IntegrityBroken(
            "a history file is not in the order of its customers",
            hint="restore var/history from a backup",
        )
    return found, np.concatenate([*starts, [place]]).astype(np.int64)


def _kinds(column: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    place: dict[str, int] = {}
    parts = []
    for chunk in column.chunks:
        if not len(chunk):
            continue
        codes = _buffer(chunk.indices, np.dtype(np.int32))
        own = [place.setdefault(name, len(place)) for name in chunk.dictionary.to_pylist()]
        parts.append(np.array(own, np.int16)[codes])
    return tuple(place), np.concatenate(parts)


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """Numbers of a column straight from Arrow's buffers, `MISSING` where there is none."""
    dtype = np.dtype(str(column.type))
    parts = []
    for chunk in column.chunks:
        found = _buffer(chunk, dtype)
        if chunk.null_count:
            bits = np.frombuffer(chunk.buffers()[0], np.uint8)
            valid = np.unpackbits(bits, bitorder="little", count=chunk.offset + len(chunk))
            found = np.where(valid[chunk.offset :], found, dtype.type(MISSING))
        parts.append(found)
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, dtype), *parts])


def _buffer(chunk: pa.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    if not len(chunk):
        return np.zeros(0, dtype)
    start = chunk.offset * dtype.itemsize
    found: NDArray[Any] = np.frombuffer(chunk.buffers()[1], dtype, len(chunk), start)
    return found
