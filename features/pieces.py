"""Which events count for whom, and from when to when that was known: what links come down to.

A link between ids never rewrites history. It is knowledge with its own instant: from then on the
events of one id count for another, as if they had become known at that instant, and no longer for
the id itself, as if they had been retracted there. Undone, they count for their own id again.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from features.versions import NEVER

ALWAYS = -(2**63)
"""The instant (µs) that lies before all others."""

Span = tuple[int, int]


class Piece(NamedTuple):
    """Events of `origin` count for `owner` while this is known, if they occurred in a window.

    All in µs. A version known from `k` and superseded at `s` counts for the owner as known from
    `max(k, known_from)` and superseded at `min(s, known_until)`; of events that occurred in
    [`occurred_from`, `occurred_until`) only.
    """

    origin: str
    owner: str
    known_from: int = ALWAYS
    known_until: int = NEVER
    occurred_from: int = ALWAYS
    occurred_until: int = NEVER


Parents = Mapping[str, Sequence[tuple[int, int, str]]]
"""For each id, in order: from when until when it counted for which other id directly."""


def carriers(parents: Parents, origin: str) -> list[tuple[int, int, str]]:
    """Give whom the events of `origin` count for, from when until when known; in that order.

    Follows chains: what counts for someone who counts for a third counts for the third.
    """
    found = []
    waiting = [(ALWAYS, NEVER, origin)]
    while waiting:
        start, end, customer_id = waiting.pop()
        at = start
        for since, until, keep in parents.get(customer_id, ()):
            first, last = max(since, start), min(until, end)
            if first >= last:
                continue
            if at < first:
                found.append((at, first, customer_id))
            waiting.append((first, last, keep))
            at = last
        if at < end:
            found.append((at, end, customer_id))
    found.sort()
    joined: list[tuple[int, int, str]] = []
    for since, until, owner in found:
        if joined and joined[-1][2] == owner and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until, owner)
        else:
            joined.append((since, until, owner))
    return joined


def pieces_of(parents: Parents) -> tuple[Piece, ...]:
    """Give the pieces of every id that is linked to another, or another to it."""
    concerned = {keep for each in parents.values() for _, _, keep in each}.union(parents)
    return tuple(
        Piece(origin, owner, since, until)
        for origin in sorted(concerned)
        for since, until, owner in carriers(parents, origin)
    )


def without_overlap(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Say the same with pieces in which no event is counted twice for one owner at a time.

    Someone may belong to an account under two ids, or have joined it twice.
    """
    together: dict[tuple[str, str], list[Piece]] = {}
    for piece in pieces:
        together.setdefault((piece.owner, piece.origin), []).append(piece)
    found = []
    for (owner, origin), some in sorted(together.items()):
        edges = sorted({edge for p in some for edge in (p.occurred_from, p.occurred_until)})
        cells: list[Piece] = []
        for first, last in pairwise(edges):
            there = [p for p in some if p.occurred_from <= first and last <= p.occurred_until]
            for since, until in _union((p.known_from, p.known_until) for p in there):
                cells.append(Piece(origin, owner, since, until, first, last))
        found += _glued(cells)
    return tuple(found)


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _glued(cells: Sequence[Piece]) -> list[Piece]:
    """Put neighbouring windows of equal knowledge together."""
    found: list[Piece] = []
    for cell in sorted(cells, key=lambda p: (p.known_from, p.known_until, p.occurred_from)):
        last = found[-1] if found else None
        if (
            last is not None
            and (last.known_from, last.known_until) == (cell.known_from, cell.known_until)
            and last.occurred_until == cell.occurred_from
        ):
            found[-1] = last._replace(occurred_until=cell.occurred_until)
        else:
            found.append(cell)
    return found
