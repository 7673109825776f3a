"""Columns of events, and their packing into one customer's chunk of a history segment.

A chunk is what the operational database keeps per customer and segment so that one indexed read
brings a history in: a short JSON header with the strings, then plain little-endian arrays.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import MISSING
from governance.errors import IntegrityBroken

Ints = NDArray[np.int64]

STRING_COLUMNS = ("event_id", "currency", "text", "properties", "corrects", "retracts")

_MAGIC = b"KW1"
_PREFIX = struct.Struct("<3sBII")  # magic, flags, events, header bytes
_OWN_KNOWN_AT = 1
_OWN_OCCURRENCE = 2
_HAS_VALUES = 4
_ONE = struct.pack("<i", 1)
_NO_VALUE = struct.pack("<q", MISSING)


@dataclass(frozen=True, eq=False)
class EventColumns:
    """Events as arrays of equal length (n,).

    `kind` indexes `kinds`; `value_micros` is `MISSING` where there is no value; `digests` (n, 2)
    holds the 16 bytes of each content digest as two big-endian halves; `strings` maps a name of
    `STRING_COLUMNS` to one string or None per event (a list, or an Arrow array where many
    customers are read) and leaves out columns without any.
    """

    kinds: tuple[str, ...]
    kind: NDArray[np.int16]
    occurred_at: Ints
    known_at: Ints
    value_micros: Ints
    digests: NDArray[np.uint64]
    occurrence: NDArray[np.int32]
    strings: dict[str, Any]

    def __len__(self) -> int:
        return len(self.occurred_at)


def pack(columns: EventColumns) -> bytes:
    """Pack one customer's events; `unpack` gives back equal columns."""
    present = (
        not np.array_equal(columns.known_at, columns.occurred_at),
        bool((columns.occurrence != 1).any()),
        bool((columns.value_micros != MISSING).any()),
    )
    parts = (
        columns.occurred_at.astype("<i8", copy=False).tobytes(),
        columns.digests.astype(">u8", copy=False).tobytes(),
        columns.kind.astype("<i2", copy=False).tobytes(),
        columns.known_at.astype("<i8", copy=False).tobytes(),
        columns.occurrence.astype("<i4", copy=False).tobytes(),
        columns.value_micros.astype("<i8", copy=False).tobytes(),
    )
    return pack_parts(columns.kinds, len(columns), columns.strings, parts, present)


def pack_parts(
    kinds: tuple[str, ...],
    size: int,
    strings: Mapping[str, Sequence[str | None]],
    parts: Sequence[bytes | memoryview],
    present: tuple[bool, bool, bool],
) -> bytes:
    """Put the bytes of one customer's columns together, as `pack` does.

    `parts` are occurred_at, digests, kind, known_at, occurrence and value; `present` says which of
    the last three differ from what is left out: the same as occurred_at, ones, no value.
    """
    header = _header(kinds, strings) if strings else _kinds_alone(kinds)
    flags = _OWN_KNOWN_AT * present[0] + _OWN_OCCURRENCE * present[1] + _HAS_VALUES * present[2]
    optional = [part for part, there in zip(parts[3:], present, strict=True) if there]
    return b"".join([_PREFIX.pack(_MAGIC, flags, size, len(header)), header, *parts[:3], *optional])


def _header(kinds: tuple[str, ...], strings: Mapping[str, Sequence[str | None]]) -> bytes:
    head: dict[str, Any] = {"k": kinds}
    if strings:
        head["s"] = strings
    return json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()


@lru_cache(maxsize=64)
def _kinds_alone(kinds: tuple[str, ...]) -> bytes:
    return _header(kinds, {})


def unpack(payload: bytes) -> EventColumns:
    """Read what `pack` wrote; raises `IntegrityBroken` for bytes that are no chunk."""
    try:
        return _unpack(payload)
    except (struct.error, ValueError, KeyError) as problem:
        raise _unreadable(problem) from None


def _unreadable(problem: Exception) -> IntegrityBroken:
    return IntegrityBroken(
        f"a chunk of history cannot be read ({type(problem).__name__})",
        hint="restore the operational database from a backup",
    )


def _unpack(payload: bytes) -> EventColumns:
    magic, flags, size, header_size = _PREFIX.unpack_from(payload)
    if magic != _MAGIC:
        raise ValueError("not a chunk")
    place = _PREFIX.size + header_size
    head = json.loads(payload[_PREFIX.size : place])

    def read(dtype: str, count: int) -> NDArray[Any]:
        nonlocal place
        found = np.frombuffer(payload, dtype, count, place)
        place += found.nbytes
        return found

    occurred_at = read("<i8", size)
    digests = read(">u8", 2 * size).astype(np.uint64).reshape(size, 2)
    kind = read("<i2", size)
    known_at = read("<i8", size) if flags & _OWN_KNOWN_AT else occurred_at
    occurrence = read("<i4", size) if flags & _OWN_OCCURRENCE else np.ones(size, np.int32)
    values = read("<i8", size) if flags & _HAS_VALUES else np.full(size, MISSING, dtype=np.int64)
    return EventColumns(
        kinds=tuple(head["k"]),
        kind=kind,
        occurred_at=occurred_at,
        known_at=known_at,
        value_micros=values,
        digests=digests,
        occurrence=occurrence,
        strings=head.get("s", {}),
    )


def unpack_many(payloads: Sequence[bytes]) -> tuple[EventColumns, NDArray[np.int64]]:
    """Read many chunks into one set of columns, one after the other, with the size of each (c,).

    What `join` makes of the chunks unpacked one by one, for less; raises `IntegrityBroken` as
    `unpack` does. Kinds are in ascending order.
    """
    try:
        return _unpack_many(payloads)
    except (struct.error, ValueError, KeyError, IndexError) as problem:
        raise _unreadable(problem) from None


def _unpack_many(payloads: Sequence[bytes]) -> tuple[EventColumns, NDArray[np.int64]]:
    occurred_at: list[bytes] = []
    digests: list[bytes] = []
    kind: list[bytes] = []
    known_at: list[bytes] = []
    occurrence: list[bytes] = []
    value: list[bytes] = []
    heads: list[bytes] = []
    sizes: list[int] = []
    for payload in payloads:
        magic, flags, size, header_size = _PREFIX.unpack_from(payload)
        if magic != _MAGIC:
            raise ValueError("not a chunk")
        place = _PREFIX.size + header_size
        heads.append(payload[_PREFIX.size : place])
        sizes.append(size)
        digests_at = place + 8 * size
        kind_at = digests_at + 16 * size
        known_at_at = kind_at + 2 * size
        occurrence_at = known_at_at + (8 * size if flags & _OWN_KNOWN_AT else 0)
        value_at = occurrence_at + (4 * size if flags & _OWN_OCCURRENCE else 0)
        end = value_at + (8 * size if flags & _HAS_VALUES else 0)
        if len(payload) != end:
            raise ValueError("a chunk is cut off or goes on too long")
        occurred_at.append(payload[place:digests_at])
        digests.append(payload[digests_at:kind_at])
        kind.append(payload[kind_at:known_at_at])
        known_at.append(payload[known_at_at:occurrence_at] or occurred_at[-1])
        occurrence.append(payload[occurrence_at:value_at] or _ONE * size)
        value.append(payload[value_at:end] or _NO_VALUE * size)
    found = json.loads(b"[" + b",".join(heads) + b"]")
    counts = np.array(sizes, np.int64)
    kinds, codes = _kinds_together([each["k"] for each in found], counts, b"".join(kind))
    columns = EventColumns(
        kinds=kinds,
        kind=codes,
        occurred_at=np.frombuffer(b"".join(occurred_at), "<i8"),
        known_at=np.frombuffer(b"".join(known_at), "<i8"),
        value_micros=np.frombuffer(b"".join(value), "<i8"),
        digests=np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2),
        occurrence=np.frombuffer(b"".join(occurrence), "<i4"),
        strings=_strings_together([each.get("s", {}) for each in found], sizes),
    )
    return columns, counts


def _kinds_together(
    lists: Sequence[Sequence[str]], sizes: NDArray[np.int64], codes: bytes
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """Number the kinds of all chunks together: each chunk's codes are places in its own list."""
    kinds = tuple(sorted(set().union(*lists)))
    place = {kind: code for code, kind in enumerate(kinds)}
    own = np.array([place[kind] for each in lists for kind in each], np.int16)
    begins = np.cumsum([0, *(len(each) for each in lists[:-1])])
    return kinds, own[np.frombuffer(codes, "<i2") + np.repeat(begins, sizes)]


def _strings_together(
    chunks: Sequence[Mapping[str, list[str | None]]], sizes: Sequence[int]
) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for name in STRING_COLUMNS:
        if any(name in each for each in chunks):
            column: list[str | None] = []
            found[name] = column
            for each, size in zip(chunks, sizes, strict=True):
                column += each[name] if name in each else [None] * size
    return found


def join(parts: Sequence[EventColumns]) -> EventColumns:
    """Put the columns of several chunks behind each other, with one common list of kinds."""
    if len(parts) == 1:
        return parts[0]
    kinds = tuple(sorted({kind for part in parts for kind in part.kinds}))
    place = {kind: code for code, kind in enumerate(kinds)}
    codes = [np.array([place[kind] for kind in part.kinds], np.int16)[part.kind] for part in parts]
    names = [name for name in STRING_COLUMNS if any(name in part.strings for part in parts)]
    return EventColumns(
        kinds=kinds,
        kind=np.concatenate(codes),
        occurred_at=np.concatenate([part.occurred_at for part in parts]),
        known_at=np.concatenate([part.known_at for part in parts]),
        value_micros=np.concatenate([part.value_micros for part in parts]),
        digests=np.concatenate([part.digests for part in parts]),
        occurrence=np.concatenate([part.occurrence for part in parts]),
        strings={
            name: [text for part in parts for text in part.strings.get(name, [None] * len(part))]
            for name in names
        },
    )
