"""Events counted for someone else: pieces applied to rows, and the result among everyone's rows.

Pure arrays. The rows of the ids that contribute go in with their versions settled, each within its
own id; the rows of those they count for come out, sorted as everywhere else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.chunks import EventColumns
from features.pieces import Piece
from features.rows import Ints, Rows, has_digests, name_kinds, take, with_kinds

OWN = -1
"""The place among contributors of an event that was recorded under the customer's own id."""


@dataclass(frozen=True, eq=False)
class Origins:
    """Under which id each event was recorded, where histories hold those of other ids, too.

    `contributors` (c,) are the other ids, ascending; `of_event` (n,) is a place among them, or
    `OWN`. `away` says when customers (by their place) counted for someone else, as known (µs).
    """

    contributors: NDArray[np.object_]
    of_event: NDArray[np.int32]
    away: Mapping[int, tuple[tuple[int, int], ...]]


class Counted(NamedTuple):
    """Rows with the instant each version is superseded at; `origins` None where all are own."""

    rows: Rows
    superseded_at: Ints
    origins: Origins | None


class Linked(NamedTuple):
    """What is read apart for people who are linked: can be pickled.

    `owners`, ascending, are those whose events are put together from `pieces`, out of the rows of
    those who contribute. Permission is not looked at: `among` does that. `own` holds rows recorded
    under the owners' names themselves where these are no ids of people (accounts).
    """

    owners: tuple[str, ...]
    pieces: tuple[Piece, ...]
    rows: Rows
    own: Rows | None = None

    @property
    def contributors(self) -> frozenset[str]:
        """Other ids whose events may count for these owners."""
        inside = frozenset(self.owners)
        return frozenset(p.origin for p in self.pieces if p.owner in inside and p.origin != p.owner)


def count_for(
    rows: Rows,
    superseded_at: Ints,
    pieces: Sequence[Piece],
    owners: Sequence[str],
    away: Mapping[str, tuple[tuple[int, int], ...]],
    own: tuple[Rows, Ints] | None = None,
) -> Counted:
    """Put the events of each owner (ascending) together from the rows of those who contribute.

    Needs digests. A version that would never count for an owner is left out; an owner stays, with
    or without events.
    """
    place = {customer: k for k, customer in enumerate(rows.customers)}
    number = {owner: k for k, owner in enumerate(owners)}
    others = {p.origin for p in pieces if p.owner in number and p.origin != p.owner} & set(place)
    names = np.array(sorted(others), np.object_)
    code = {name: k for k, name in enumerate(names)}
    parts = []
    for piece in pieces:
        if piece.owner in number and piece.origin in place:
            k = place[piece.origin]
            start, stop = int(rows.offsets[k]), int(rows.offsets[k + 1])
            origin = OWN if piece.origin == piece.owner else code[piece.origin]
            parts.append(_part(rows.columns, superseded_at, start, stop, piece, number, origin))
    columns = rows.columns
    if own is not None and len(own[0].customers):
        shifted = len(columns)
        columns, superseded_at = _behind((columns, superseded_at), (own[0].columns, own[1]))
        for k, owner in enumerate(own[0].customers):
            start, stop = (int(own[0].offsets[k + each]) + shifted for each in (0, 1))
            piece = Piece(owner, owner)
            parts.append(_part(columns, superseded_at, start, stop, piece, number, OWN))
    found = _Part(*(np.concatenate(each) for each in zip(_NOTHING, *parts, strict=True)))
    chosen = replace(take(columns, found.places), known_at=found.known_at)
    order = _order(chosen, found.owner)
    counts = np.bincount(found.owner, minlength=len(owners))
    return Counted(
        Rows(
            np.array(owners, np.object_),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            name_kinds(take(chosen, order)),
        ),
        found.superseded_at[order],
        Origins(
            names,
            found.origin[order].astype(np.int32),
            {number[owner]: spans for owner, spans in away.items() if owner in number},
        ),
    )


def weave(one: Counted, other: Counted) -> Counted:
    """Put two parts with different customers together, in the order of their ids.

    Digests come out where both have them.
    """
    if not len(other.rows.customers):
        return one
    customers = np.concatenate([one.rows.customers, other.rows.customers])
    ascending = np.array(sorted(range(len(customers)), key=customers.__getitem__), np.int64)
    rank = np.empty(len(ascending), np.int64)
    rank[ascending] = np.arange(len(ascending))
    sizes = np.concatenate([np.diff(one.rows.offsets), np.diff(other.rows.offsets)])
    order = np.argsort(np.repeat(rank, sizes), kind="stable")
    columns, superseded_at = _behind(
        (one.rows.columns, one.superseded_at), (other.rows.columns, other.superseded_at)
    )
    offsets = np.concatenate([[0], np.cumsum(sizes[ascending])]).astype(np.int64)
    woven = Rows(customers[ascending], offsets, name_kinds(take(columns, order)))
    return Counted(woven, superseded_at[order], _weave_origins(one, other, rank, order))


class _Part(NamedTuple):
    places: Ints
    known_at: Ints
    superseded_at: Ints
    owner: Ints
    origin: Ints


_NOTHING = _Part(*(np.zeros(0, np.int64) for _ in range(5)))


def _part(
    columns: EventColumns,
    superseded_at: Ints,
    start: int,
    stop: int,
    piece: Piece,
    number: Mapping[str, int],
    origin: int,
) -> _Part:
    known, ended = columns.known_at[start:stop], superseded_at[start:stop]
    occurred = columns.occurred_at[start:stop]
    from_then = np.maximum(known, piece.known_from)
    until = np.minimum(ended, piece.known_until)
    inside = (occurred >= piece.occurred_from) & (occurred < piece.occurred_until)
    never_counted = (ended <= known) & (known >= piece.known_from) & (known < piece.known_until)
    keep = np.flatnonzero(inside & ((from_then < until) | never_counted))
    return _Part(
        keep + start,
        from_then[keep],
        until[keep],
        np.full(len(keep), number[piece.owner]),
        np.full(len(keep), origin),
    )


def _order(columns: EventColumns, owner: Ints) -> Ints:
    ties = (columns.occurrence, columns.digests[:, 1], columns.digests[:, 0])
    order: Ints = np.lexsort((*ties, columns.known_at, columns.occurred_at, owner))
    return order


def _behind(
    one: tuple[EventColumns, Ints], other: tuple[EventColumns, Ints]
) -> tuple[EventColumns, Ints]:
    """Columns behind columns, with one common list of kinds."""
    kinds = tuple(sorted({*one[0].kinds, *other[0].kinds}))
    a, b = with_kinds(one[0], kinds), with_kinds(other[0], kinds)
    both = has_digests(a) and has_digests(b)
    names = dict.fromkeys((*a.strings, *b.strings))
    columns = EventColumns(
        kinds=kinds,
        kind=np.concatenate([a.kind, b.kind]),
        occurred_at=np.concatenate([a.occurred_at, b.occurred_at]),
        known_at=np.concatenate([a.known_at, b.known_at]),
        value_micros=np.concatenate([a.value_micros, b.value_micros]),
        digests=np.concatenate([a.digests, b.digests]) if both else np.zeros((0, 2), np.uint64),
        occurrence=np.concatenate([a.occurrence, b.occurrence]),
        strings={name: pa.concat_arrays([_text(a, name), _text(b, name)]) for name in names},
    )
    return columns, np.concatenate([one[1], other[1]])


def _text(columns: EventColumns, name: str) -> Any:
    found = columns.strings.get(name)
    if found is None:
        return pa.nulls(len(columns), pa.large_string())
    return pa.array(found, pa.large_string()) if isinstance(found, list) else found


def _weave_origins(one: Counted, other: Counted, rank: Ints, order: Ints) -> Origins | None:
    if one.origins is None and other.origins is None:
        return None
    parts = [_own(one) if one.origins is None else one.origins]
    parts.append(_own(other) if other.origins is None else other.origins)
    names = np.array(sorted({*parts[0].contributors, *parts[1].contributors}), np.object_)
    code = {name: k for k, name in enumerate(names)}
    found: list[NDArray[np.int32]] = []
    away: dict[int, tuple[tuple[int, int], ...]] = {}
    first = 0
    for part, size in zip(parts, (len(one.rows.customers), len(other.rows.customers)), strict=True):
        recoded = np.array([*(code[name] for name in part.contributors), OWN], np.int32)
        found.append(recoded[part.of_event])  # OWN is the last
        away |= {int(rank[first + k]): spans for k, spans in part.away.items()}
        first += size
    return Origins(names, np.concatenate(found)[order], away)


def _own(part: Counted) -> Origins:
    size = len(part.rows.columns)
    return Origins(np.zeros(0, np.object_), np.full(size, OWN, np.int32), {})


def named(origins: Origins, ids: Collection[str]) -> NDArray[np.bool_]:
    """Whether each event (n,) was recorded under one of these other ids."""
    among = np.array([*(name in ids for name in origins.contributors), False], np.bool_)
    return among[origins.of_event]
