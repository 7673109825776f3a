"""Two ids that are one person: merged, split again, each with the instant it was known.

From `linked_at` on the events of `other_id` count for `keep_id`, until `unlinked_at`. Nothing is
rewritten: what was known before stays as it was known then. `features.pieces` says what follows.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, text, update

from features.pieces import Parents, Piece, carriers, pieces_of
from features.tables import customers, identity_links
from features.versions import NEVER
from governance.errors import InvalidInput, NotFound
from governance.instants import to_micros

_SLICE = 500


class Link(NamedTuple):
    """The events of `other` count for `keep`, as known from `linked_at` until `unlinked_at`."""

    keep: str
    other: str
    linked_at: datetime
    unlinked_at: datetime | None


def merge(conn: Connection, keep: str, other: str, *, known_at: datetime) -> Link:
    """Let the events of `other` count for `keep` from `known_at` on; undone by `split`.

    `conn` is in a write transaction that holds the locks of all ids concerned; `known_at` is its
    clock, or for links brought in from elsewhere an earlier instant, after the last change to
    `other`. Raises `NotFound` for an id without history, `InvalidInput` where the two are merged
    already, `other` counts for someone else, or a circle would come of it.
    """
    if keep == other:
        raise InvalidInput("an id cannot be merged with itself", hint="name two different ids")
    hold_links(conn)
    for word, each in (("to keep", keep), ("to merge", other)):
        if not is_known(conn, each):
            raise NotFound(
                f"the id {word} is not known: no event was ever recorded under it",
                hint="import its events first",
            )
    links = links_around(conn, [keep, other])
    now = to_micros(known_at)
    for link in links:
        if link.other != other:
            continue
        if link.unlinked_at is None:
            raise InvalidInput(
                "these two are merged already"
                if link.keep == keep
                else "the second id is merged into another one already",
                hint="see them with: keepwell customers links ID; undo with customers split",
            )
        if to_micros(link.unlinked_at) >= now:
            raise InvalidInput(
                "the second id was split off later than this merge became known",
                hint="state a later known_at, or none",
            )
    parents = parents_of(links)
    if any(owner == other for _, until, owner in carriers(parents, keep) if until > now):
        raise InvalidInput(
            "this would be a circle: the id to keep is itself merged into the other",
            hint="see customers links; to keep the other id instead, split them first",
        )
    conn.execute(insert(identity_links).values(keep_id=keep, other_id=other, linked_at=known_at))
    return Link(keep, other, known_at, None)


def split(conn: Connection, keep: str, other: str, *, now: datetime) -> Link:
    """Undo a merge from `now` on: the events of `other` count for itself again.

    `conn` is in a write transaction that holds the locks. Raises `NotFound` if they are not merged.
    """
    hold_links(conn)
    found = [
        link
        for link in links_around(conn, [other])
        if link.other == other and link.keep == keep and link.unlinked_at is None
    ]
    if not found:
        raise NotFound(
            "these two are not merged, or the other way round",
            hint="see who is with: keepwell customers links ID",
        )
    [link] = found
    ended = max(now, link.linked_at)
    conn.execute(
        update(identity_links)
        .where(identity_links.c.other_id == other, identity_links.c.linked_at == link.linked_at)
        .values(unlinked_at=ended)
    )
    return link._replace(unlinked_at=ended)


def hold_links(conn: Connection) -> None:
    """Let one transaction at a time change links; on SQLite the write transaction does that."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('keepwell.links'))"))


def is_known(conn: Connection, customer_id: str) -> bool:
    """Whether any event of this customer was ever recorded."""
    own = (customers.c.customer_id == customer_id) & (customers.c.subject == "customer")
    return conn.execute(select(customers.c.customer_id).where(own)).first() is not None


def all_links(conn: Connection) -> list[Link]:
    """List every link there is or was, in the order they became known."""
    table = identity_links.c
    order = (table.linked_at, table.keep_id, table.other_id)
    return [Link(*row) for row in conn.execute(select(*_COLUMNS).order_by(*order))]


def links_around(conn: Connection, ids: Iterable[str]) -> list[Link]:
    """List the links that have ever concerned these ids, directly or through others."""
    found: set[Link] = set()
    seen: set[str] = set()
    waiting = set(ids)
    while waiting:
        seen |= waiting
        for some in _in_parts(sorted(waiting)):
            one = len(some) == 1
            rows = conn.execute(_NAMING_ONE if one else _NAMING, {"some": some[0] if one else some})
            found.update(Link(*row) for row in rows)
        waiting = {each for link in found for each in (link.keep, link.other)} - seen
    return sorted(found, key=lambda link: (link.linked_at, link.keep, link.other))


def direct_links(conn: Connection, customer_id: str) -> list[Link]:
    """List the links that name this very id."""
    return [link for link in links_around(conn, [customer_id]) if customer_id in link[:2]]


def parents_of(links: Iterable[Link]) -> Parents:
    """Say of each id when it counted for which other one directly."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for link in links:
        until = NEVER if link.unlinked_at is None else to_micros(link.unlinked_at)
        found.setdefault(link.other, []).append((to_micros(link.linked_at), until, link.keep))
    return {other: sorted(each) for other, each in found.items()}


def identity_pieces(links: Iterable[Link]) -> tuple[Piece, ...]:
    """Say whose events count for whom, of every id these links name."""
    return pieces_of(parents_of(links))


def contributors(conn: Connection, ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Give the other ids whose events count or ever counted for each of these.

    Ids without any are left out. Permission to read someone merged is asked for all of them.
    """
    return contributors_by(links_around(conn, ids), ids)


def contributors_by(links: Iterable[Link], ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Give what `contributors` gives, from links that were read before."""
    found: dict[str, set[str]] = {}
    wanted = set(ids)
    for piece in identity_pieces(links):
        if piece.owner in wanted and piece.origin != piece.owner:
            found.setdefault(piece.owner, set()).add(piece.origin)
    return {owner: frozenset(each) for owner, each in found.items()}


def other_ids(conn: Connection, ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Give the other ids of the same person for each of these, and maybe for more, as linked now.

    It does not matter which id was merged into which. Ids without any are left out.
    """
    return other_ids_by(links_around(conn, ids) if len(ids) <= _SLICE else all_links(conn))


def other_ids_by(links: Iterable[Link]) -> dict[str, frozenset[str]]:
    """Give what `other_ids` gives, from links that were read before."""
    together: dict[str, set[str]] = {}
    for link in links:
        if link.unlinked_at is None:
            keep, other = (together.get(each, {each}) for each in (link.keep, link.other))
            everyone = keep | other
            together.update(dict.fromkeys(everyone, everyone))
    return {each: frozenset(everyone - {each}) for each, everyone in together.items()}


def counted_for(conn: Connection, ids: Collection[str]) -> frozenset[str]:
    """Give the other customers for whom events of these ids count or ever counted.

    Whatever was made of those events goes when one of these ids withdraws its permission.
    """
    wanted = set(ids)
    pieces = identity_pieces(links_around(conn, wanted))
    return frozenset(p.owner for p in pieces if p.origin in wanted and p.owner != p.origin)


def merged_into(conn: Connection, customer_id: str) -> str | None:
    """Give the id that this one's events count for now; None where that is the id itself."""
    *_, (_, _, owner) = carriers(parents_of(links_around(conn, [customer_id])), customer_id)
    return None if owner == customer_id else owner


def merged_ids(conn: Connection, customer_id: str) -> list[str]:
    """List the other ids whose events count for this one now, or through it for another."""
    return below(links_around(conn, [customer_id]), customer_id)


def below(links: Iterable[Link], customer_id: str) -> list[str]:
    """List the ids that are merged into this one now, and into those."""
    current: dict[str, list[str]] = {}
    for link in links:
        if link.unlinked_at is None:
            current.setdefault(link.keep, []).append(link.other)
    found: list[str] = []
    waiting = [customer_id]
    while waiting:
        others = current.get(waiting.pop(), [])
        found += others
        waiting += others
    return sorted(found)


def forget_links(conn: Connection, customer_id: str) -> None:
    """Remove every link that names this id, for an erasure."""
    table = identity_links.c
    own = or_(table.keep_id == customer_id, table.other_id == customer_id)
    conn.execute(delete(identity_links).where(own))


def away(
    pieces: Iterable[Piece], owners: Collection[str]
) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Say of each of `owners` when its own events counted for someone else, as known (µs)."""
    found: dict[str, list[tuple[int, int]]] = {}
    for piece in pieces:
        if piece.origin in owners and piece.owner != piece.origin:
            found.setdefault(piece.origin, []).append((piece.known_from, piece.known_until))
    return {origin: tuple(each) for origin, each in found.items()}


_COLUMNS = (
    identity_links.c.keep_id,
    identity_links.c.other_id,
    identity_links.c.linked_at,
    identity_links.c.unlinked_at,
)

_NAMING = select(*_COLUMNS).where(
    or_(
        identity_links.c.keep_id.in_(bindparam("some", expanding=True)),
        identity_links.c.other_id.in_(bindparam("some", expanding=True)),
    )
)


_NAMING_ONE = select(*_COLUMNS).where(
    or_(
        identity_links.c.keep_id == bindparam("some"),
        identity_links.c.other_id == bindparam("some"),
    )
)


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _SLICE):
        yield ids[start : start + _SLICE]
