"""Histories put together from several ids: merged people, and accounts of their members.

Rows of those concerned are read from the database, which holds every event, wherever files put
their ids; one customer online, everyone in a batch and a worker without a database then go through
the same few lines.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from features.accounts import SUBJECT, pieces_of_account, pieces_of_accounts
from features.buckets import Span
from features.counting import Counted, Linked, count_for
from features.links import all_links, away, identity_pieces, links_around
from features.pieces import Piece
from features.rows import Rows, end_to_end, no_rows, only
from features.stored import customer_rows, rows_of_many
from features.versions import settled


def linked_customer(
    conn: Connection, customer_id: str, covered: frozenset[str], own: Rows
) -> Counted:
    """Put the history of someone merged together, from the ids that `covered` names.

    `own` are the rows recorded under the id itself.
    """
    pieces = identity_pieces(links_around(conn, [customer_id]))
    others = {p.origin for p in pieces if p.owner == customer_id} & covered - {customer_id}
    parts = [own, *(customer_rows(conn, each, "customer") for each in sorted(others))]
    parts.sort(key=lambda part: part.customers.tolist())
    linked = Linked((customer_id,), pieces, end_to_end(parts))
    return count_linked(linked, covered)


def linked_account(conn: Connection, account: str, covered: frozenset[str]) -> Counted:
    """Put the history of one account together, from the members that `covered` names."""
    pieces = tuple(p for p in pieces_of_account(conn, account) if p.origin in covered)
    members = rows_of_many(conn, {piece.origin for piece in pieces}, "customer")
    own = customer_rows(conn, account, SUBJECT)
    return count_linked(Linked((account,), pieces, members, own), covered)


def plan_linked(conn: Connection, subject: str, spans: Sequence[Span]) -> list[Linked | None]:
    """Say for each of these ranges of customers what must be read apart; None for nothing."""
    pieces = identity_pieces(all_links(conn)) if subject == "customer" else ()
    if not pieces:
        return [None] * len(spans)
    everyone = sorted({each for p in pieces for each in (p.owner, p.origin)})
    found: list[Linked | None] = []
    for span in spans:
        first = 0 if span.after is None else bisect_right(everyone, span.after)
        last = len(everyone) if span.until is None else bisect_right(everyone, span.until)
        owners = tuple(everyone[first:last])
        inside = frozenset(owners)
        own = tuple(p for p in pieces if p.owner in inside or p.origin in inside)
        origins = {p.origin for p in own if p.owner in inside}
        found.append(Linked(owners, own, rows_of_many(conn, origins, "customer")) if own else None)
    return found


def plan_accounts(conn: Connection, events_per_range: int) -> Iterator[tuple[Span, Linked]]:
    """Cut the accounts into ranges of about `events_per_range` events of their members.

    `conn` is used between one range and the next.
    """
    after: str | None = None
    held: list[tuple[str, tuple[Piece, ...], Rows]] = []
    members: dict[str, Rows] = {}
    size = 0
    for account, pieces in pieces_of_accounts(conn):
        if size >= events_per_range:
            until = held[-1][0]
            yield Span(after, until), _accounts(held, members)
            after, held, members, size = until, [], {}, 0
        for origin in {piece.origin for piece in pieces} - members.keys():
            members[origin] = customer_rows(conn, origin, "customer")
            size += len(members[origin].columns)
        own = customer_rows(conn, account, SUBJECT)
        size += len(own.columns)
        held.append((account, pieces, own))
    if held:
        yield Span(after, None), _accounts(held, members)


def count_linked(linked: Linked, covered: frozenset[str] | None) -> Counted:
    """Count the events of those whom `covered` names (None: of everyone) for their owners.

    Merged people come out only if they are covered themselves; accounts always.
    """
    rows, owners = linked.rows, linked.owners
    if covered is not None:
        rows = only(rows, covered)
        if linked.own is None:
            owners = tuple(owner for owner in owners if owner in covered)
    if linked.own is not None:
        own = (linked.own, settled(linked.own))
        return count_for(rows, settled(rows), linked.pieces, owners, {}, own)
    elsewhere = away(linked.pieces, frozenset(owners))
    return count_for(rows, settled(rows), linked.pieces, owners, elsewhere)


def _accounts(
    held: Sequence[tuple[str, tuple[Piece, ...], Rows]], members: dict[str, Rows]
) -> Linked:
    owners = tuple(account for account, _, _ in held)
    pieces = tuple(piece for _, some, _ in held for piece in some)
    rows = end_to_end([members[each] for each in sorted(members)])
    own = end_to_end([rows for _, _, rows in held])
    return Linked(owners, pieces, rows, own if len(own.customers) else no_rows())
