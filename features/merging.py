"""Sorted parts of a history into one: each row of the smaller part finds its place by bisection.

A day's rows among ten million cost what the day's rows cost; the larger part is copied in blocks.
Compiled once and kept on disk; the order is that of `features.rows.in_order`.
"""

from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.chunks import EventColumns
from features.rows import Ints, Rows, all_ones, are_all_ones, has_digests, with_kinds

_INTS = nb.types.Array(nb.int64, 1, "C", readonly=True)
_HALVES = nb.types.Array(nb.uint64, 2, "A", readonly=True)
_COUNTS = nb.types.Array(nb.int32, 1, "C", readonly=True)


class Tied(Exception):
    """Rows of two parts have equal times: only digests, which were not read, can order them."""


def merge(one: Rows, other: Rows) -> Rows:
    """Merge two parts in order into one in order; raises `Tied` where digests would be needed."""
    large, small = (one, other) if len(one.columns) >= len(other.columns) else (other, one)
    if not len(small.customers):
        return large
    customers, in_large, in_small = _everyone(large, small)
    counts = np.zeros(len(customers), np.int64)
    counts[in_large] += np.diff(large.offsets)
    bounds = np.concatenate([[0], np.cumsum(counts)])  # of the large part, for everyone
    counts[in_small] += np.diff(small.offsets)
    place = np.repeat(in_small, np.diff(small.offsets))
    with_digests = has_digests(large.columns) and has_digests(small.columns)
    find: Any = _places
    into, ties = find(
        bounds[place],
        bounds[place + 1],
        *_keys(large.columns, with_digests),
        *_keys(small.columns, with_digests),
        with_digests,
    )
    if ties:
        raise Tied
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Rows(customers, offsets, _merge_columns(large.columns, small.columns, into))


def _keys(columns: EventColumns, with_digests: bool) -> tuple[NDArray[Any], ...]:
    digests = columns.digests if with_digests else np.zeros((0, 2), np.uint64)
    occurrence = columns.occurrence if with_digests else columns.occurrence[:0]
    plain = (columns.occurred_at, columns.known_at, digests, occurrence)
    return tuple(np.ascontiguousarray(key) if key.ndim == 1 else key for key in plain)


def _everyone(large: Rows, small: Rows) -> tuple[NDArray[np.object_], Ints, Ints]:
    place = dict(zip(large.customers, range(len(large.customers)), strict=True))
    try:
        in_small = [place[customer] for customer in small.customers]
    except KeyError:
        customers = np.array(sorted({*large.customers, *small.customers}), np.object_)
        place = dict(zip(customers, range(len(customers)), strict=True))
        in_large = np.array([place[customer] for customer in large.customers], np.int64)
        return customers, in_large, np.array([place[c] for c in small.customers], np.int64)
    return large.customers, np.arange(len(large.customers)), np.array(in_small, np.int64)


def _merge_columns(large: EventColumns, small: EventColumns, into: Ints) -> EventColumns:
    kinds = tuple(sorted({*large.kinds, *small.kinds}))
    large, small = with_kinds(large, kinds), with_kinds(small, kinds)

    def mix(name: str) -> NDArray[Any]:
        a, b = getattr(large, name), getattr(small, name)
        found: NDArray[Any] = _mix(np.ascontiguousarray(a), np.ascontiguousarray(b), into)
        return found

    occurred_at = mix("occurred_at")
    same = large.known_at is large.occurred_at and small.known_at is small.occurred_at
    once = are_all_ones(large.occurrence) and are_all_ones(small.occurrence)
    digests = large.digests[:0]
    if has_digests(large) and has_digests(small):
        halves = [
            _mix(np.ascontiguousarray(large.digests[:, k]), small.digests[:, k].copy(), into)
            for k in (0, 1)
        ]
        digests = np.stack(halves, axis=1)
    names = dict.fromkeys((*large.strings, *small.strings))
    order = None
    strings = {}
    for name in names:
        if order is None:
            size = len(large)
            order = pa.array(_mix(np.arange(size), np.arange(size, size + len(small)), into))
        both = pa.concat_arrays([_strings(large, name), _strings(small, name)])
        strings[name] = both.take(order)
    return EventColumns(
        kinds=kinds,
        kind=mix("kind"),
        occurred_at=occurred_at,
        known_at=occurred_at if same else mix("known_at"),
        value_micros=mix("value_micros"),
        digests=digests,
        occurrence=all_ones(len(occurred_at)) if once else mix("occurrence"),
        strings=strings,
    )


def _strings(columns: EventColumns, name: str) -> pa.Array:
    found = columns.strings.get(name)
    if found is None:
        return pa.nulls(len(columns), pa.large_string())
    return pa.array(found, pa.large_string()) if isinstance(found, list) else found


@nb.njit(
    nb.types.Tuple((nb.int64[::1], nb.int64))(  # type: ignore[no-untyped-call]
        *(_INTS, _INTS),
        *(_INTS, _INTS, _HALVES, _COUNTS),
        *(_INTS, _INTS, _HALVES, _COUNTS),
        nb.boolean,
    ),
    cache=True,
)
def _places(
    starts: Any,
    stops: Any,
    occurred: Any,
    known: Any,
    digests: Any,
    occurrence: Any,
    own_occurred: Any,
    own_known: Any,
    own_digests: Any,
    own_occurrence: Any,
    with_digests: bool,
) -> Any:
    """Before which row of the large part each row of the small one goes; how many are tied."""
    found = np.empty(len(own_occurred), np.int64)
    ties = 0
    for k in range(len(own_occurred)):
        low, high = starts[k], stops[k]
        while low < high:
            middle = (low + high) // 2
            before = False
            if occurred[middle] != own_occurred[k]:
                before = occurred[middle] < own_occurred[k]
            elif known[middle] != own_known[k]:
                before = known[middle] < own_known[k]
            elif not with_digests:
                ties += 1
                before = True
            elif digests[middle, 0] != own_digests[k, 0]:
                before = digests[middle, 0] < own_digests[k, 0]
            elif digests[middle, 1] != own_digests[k, 1]:
                before = digests[middle, 1] < own_digests[k, 1]
            else:
                before = occurrence[middle] < own_occurrence[k]
            if before:
                low = middle + 1
            else:
                high = middle
        found[k] = low
    return found, ties


def _signature(kind: Any) -> Any:
    own = nb.types.Array(kind, 1, "C", readonly=True)
    return kind[::1](own, own, _INTS)


@nb.njit([_signature(kind) for kind in (nb.int64, nb.uint64, nb.int32, nb.int16)], cache=True)
def _mix(large: Any, small: Any, into: Any) -> Any:
    """Insert `small[k]` before `large[into[k]]`."""
    found = np.empty(len(large) + len(small), large.dtype)
    done = 0
    for k in range(len(small)):
        found[done + k : into[k] + k] = large[done : into[k]]
        found[into[k] + k] = small[k]
        done = into[k]
    found[done + len(small) :] = large[done:]
    return found
