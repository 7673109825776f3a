"""Events of many customers as arrays: grouped by customer, checked for order, put into order."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.chunks import EventColumns

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Events grouped by customer: those of `customers[i]` are rows `offsets[i]:offsets[i + 1]`.

    `customers` (m,) are ids in ascending order, each with at least one row. Columns without
    digests have an empty `digests`. Strings may be lists or Arrow arrays.
    """

    customers: NDArray[np.object_]
    offsets: Ints
    columns: EventColumns


def no_rows() -> Rows:
    """Nothing of no one."""
    nothing = np.zeros(0, np.int64)
    columns = EventColumns(
        kinds=(),
        kind=np.zeros(0, np.int16),
        occurred_at=nothing,
        known_at=nothing,
        value_micros=nothing,
        digests=np.zeros((0, 2), np.uint64),
        occurrence=np.zeros(0, np.int32),
        strings={},
    )
    return Rows(np.zeros(0, np.object_), np.zeros(1, np.int64), columns)


def all_ones(size: int) -> NDArray[np.int32]:
    """Give the usual `occurrence` (n,) without a place in memory for each; read only."""
    return np.broadcast_to(np.int32(1), size)


def are_all_ones(occurrence: NDArray[np.int32]) -> bool:
    """Whether this is what `all_ones` gave, or a part of it."""
    return occurrence.strides == (0,)


def has_digests(columns: EventColumns) -> bool:
    """Whether digests were read with the events."""
    return len(columns.digests) == len(columns)


def in_order(rows: Rows) -> bool:
    """Whether each customer's rows ascend by `occurred_at`, `known_at`, digest and occurrence.

    Looks at digests only if they are there. Cheap where times differ: only ties are looked into.
    """
    columns = rows.columns
    occurred = columns.occurred_at
    if len(occurred) < 2:
        return True
    open_pairs = occurred[1:] <= occurred[:-1]
    open_pairs[rows.offsets[1:-1] - 1] = False
    ties = np.flatnonzero(open_pairs)
    keys: list[NDArray[Any]] = [occurred, columns.known_at]
    if has_digests(columns):
        keys += [columns.digests[:, 0], columns.digests[:, 1], columns.occurrence]
    for key in keys:
        before, after = key[ties], key[ties + 1]
        if (after < before).any():
            return False
        ties = ties[after == before]
    return True


def put_in_order(rows: Rows) -> Rows:
    """Sort each customer's rows; needs digests to settle ties as everywhere else."""
    columns = rows.columns
    customer = np.repeat(np.arange(len(rows.customers)), np.diff(rows.offsets))
    return Rows(rows.customers, rows.offsets, take(columns, order_of(columns, customer)))


def order_of(columns: EventColumns, customer: Ints) -> Ints:
    """Give the places (n,) of events in order, where `customer` (n,) says whose each one is."""
    ties = (columns.occurrence, columns.digests[:, 1], columns.digests[:, 0])
    return np.lexsort((*ties, columns.known_at, columns.occurred_at, customer))


def take(columns: EventColumns, places: Ints) -> EventColumns:
    """Give the events at these places, in this order."""
    known = columns.known_at
    occurred_at = columns.occurred_at[places]
    listed = places.tolist() if any(isinstance(c, list) for c in columns.strings.values()) else []
    return EventColumns(
        kinds=columns.kinds,
        kind=columns.kind[places],
        occurred_at=occurred_at,
        known_at=occurred_at if known is columns.occurred_at else known[places],
        value_micros=columns.value_micros[places],
        digests=columns.digests[places] if has_digests(columns) else columns.digests,
        occurrence=all_ones(len(places))
        if are_all_ones(columns.occurrence)
        else columns.occurrence[places],
        strings={
            name: [column[k] for k in listed] if isinstance(column, list) else column.take(places)
            for name, column in columns.strings.items()
        },
    )


def cut(rows: Rows, start: int, stop: int) -> Rows:
    """Give the customers `start:stop` alone; arrays are views, not copies."""
    if (start, stop) == (0, len(rows.customers)):
        return rows
    first, last = int(rows.offsets[start]), int(rows.offsets[stop])
    columns, own = rows.columns, slice(first, last)
    occurred_at, known = columns.occurred_at[own], columns.known_at
    return Rows(
        rows.customers[start:stop],
        rows.offsets[start : stop + 1] - first,
        EventColumns(
            kinds=columns.kinds,
            kind=columns.kind[own],
            occurred_at=occurred_at,
            known_at=occurred_at if known is columns.occurred_at else known[own],
            value_micros=columns.value_micros[own],
            digests=columns.digests[own] if has_digests(columns) else columns.digests,
            occurrence=columns.occurrence[own],
            strings={name: column[own] for name, column in columns.strings.items()},
        ),
    )


def only(rows: Rows, allowed: frozenset[str]) -> Rows:
    """Give the rows of these customers alone."""
    return _chosen(rows, np.array([each in allowed for each in rows.customers], np.bool_))


def without(rows: Rows, left_out: Collection[str]) -> Rows:
    """Give the rows of everyone but these customers."""
    gone = frozenset(left_out)
    return _chosen(rows, np.array([each not in gone for each in rows.customers], np.bool_))


def _chosen(rows: Rows, wanted: NDArray[np.bool_]) -> Rows:
    if wanted.all():
        return rows
    sizes = np.diff(rows.offsets)
    places = np.flatnonzero(np.repeat(wanted, sizes))
    return Rows(
        rows.customers[wanted],
        np.concatenate([[0], np.cumsum(sizes[wanted])]).astype(np.int64),
        take(rows.columns, places),
    )


def name_kinds(columns: EventColumns) -> EventColumns:
    """Number the kinds that occur, in ascending order of their names; forget all others."""
    used = np.bincount(columns.kind, minlength=len(columns.kinds)) > 0
    kinds = tuple(sorted(kind for kind, some in zip(columns.kinds, used, strict=True) if some))
    return with_kinds(columns, kinds)


def with_kinds(columns: EventColumns, kinds: tuple[str, ...]) -> EventColumns:
    """Number the kinds as their places in `kinds`, which holds every one that occurs."""
    if kinds == columns.kinds:
        return columns
    place = {kind: code for code, kind in enumerate(kinds)}
    recoded = np.array([place.get(kind, -1) for kind in columns.kinds], np.int16)[columns.kind]
    return EventColumns(
        kinds=kinds,
        kind=recoded,
        occurred_at=columns.occurred_at,
        known_at=columns.known_at,
        value_micros=columns.value_micros,
        digests=columns.digests,
        occurrence=columns.occurrence,
        strings=columns.strings,
    )


def end_to_end(parts: list[Rows]) -> Rows:
    """Put parts whose customers follow one another into one."""
    parts = [part for part in parts if len(part.customers)]
    if not parts:
        return no_rows()
    if len(parts) == 1:
        return parts[0]
    kinds = tuple(sorted(set().union(*(part.columns.kinds for part in parts))))
    columns = [with_kinds(part.columns, kinds) for part in parts]
    starts = np.cumsum([0, *(len(each) for each in columns)])
    offsets = [part.offsets[1:] + start for part, start in zip(parts, starts[:-1], strict=True)]
    occurred_at = np.concatenate([each.occurred_at for each in columns])
    same = all(each.known_at is each.occurred_at for each in columns)
    joined = EventColumns(
        kinds=kinds,
        kind=np.concatenate([each.kind for each in columns]),
        occurred_at=occurred_at,
        known_at=occurred_at if same else np.concatenate([each.known_at for each in columns]),
        value_micros=np.concatenate([each.value_micros for each in columns]),
        digests=np.concatenate([each.digests for each in columns]),
        occurrence=all_ones(int(starts[-1]))
        if all(are_all_ones(each.occurrence) for each in columns)
        else np.concatenate([each.occurrence for each in columns]),
        strings=_strings(columns),
    )
    customers = np.concatenate([part.customers for part in parts])
    return Rows(customers, np.concatenate([np.zeros(1, np.int64), *offsets]), joined)


def _strings(parts: list[EventColumns]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part.strings)
    nothing = pa.large_string()
    return {
        name: pa.concat_arrays(
            [
                pa.array(part.strings[name], nothing)
                if name in part.strings
                else pa.nulls(len(part), nothing)
                for part in parts
            ]
        )
        for name in names
    }
