"""Accounts: organisations above people (B2B), whose history is what happened with their members.

Someone belongs to an account from `joined_at` to before `left_at`; both were known from instants of
their own. What happened to them meanwhile counts for the account, as known from the later of the
two: when it was known itself, and when the membership was. Their own history stays as it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select, union, update

from features.links import (
    Link,
    all_links,
    hold_links,
    identity_pieces,
    is_known,
    links_around,
    parents_of,
)
from features.pieces import Piece, carriers, without_overlap
from features.tables import account_members, customers
from features.versions import NEVER
from governance.errors import InvalidInput, NotFound
from governance.instants import to_micros

SUBJECT = "account"


class Membership(NamedTuple):
    """`customer` belongs to `account` from `joined_at`, as known from `known_at`.

    Until before `left_at`, as known from `left_known_at`; None twice while they are a member.
    """

    account: str
    customer: str
    joined_at: datetime
    known_at: datetime
    left_at: datetime | None
    left_known_at: datetime | None


def join_account(
    conn: Connection,
    account: str,
    customer: str,
    *,
    joined_at: datetime,
    known_at: datetime,
) -> Membership:
    """Let what happens to `customer` from `joined_at` on count for `account`, too.

    `conn` is in a write transaction that holds the locks. Someone may belong to several accounts.
    Raises `NotFound` for a customer without history, `InvalidInput` for one who is a member at
    that time already, or an account without a name.
    """
    if not account.strip():
        raise InvalidInput("the account has no name", hint="state the account's id")
    hold_links(conn)
    if not is_known(conn, customer):
        raise NotFound(
            "the person is not known: no event was ever recorded under that id",
            hint="import their events first",
        )
    for each in _memberships_of(conn, account, customer):
        if each.left_at is None or joined_at < each.left_at:
            raise InvalidInput(
                "this person belongs to this account at that time already",
                hint="end the earlier membership first: keepwell customers leave",
            )
    conn.execute(
        insert(account_members).values(
            account_id=account, customer_id=customer, joined_at=joined_at, known_at=known_at
        )
    )
    return Membership(account, customer, joined_at, known_at, None, None)


def leave_account(
    conn: Connection,
    account: str,
    customer: str,
    *,
    left_at: datetime,
    known_at: datetime,
) -> Membership:
    """End a membership: what happens from `left_at` on no longer counts for the account.

    What came in between `left_at` and `known_at` counted until then, as was thought. Raises
    `NotFound` for someone who is no member, `InvalidInput` if they joined later.
    """
    hold_links(conn)
    current = [each for each in _memberships_of(conn, account, customer) if each.left_at is None]
    if not current:
        raise NotFound(
            "this person does not belong to this account now",
            hint="see who does with: keepwell customers links",
        )
    [found] = current
    if left_at < found.joined_at:
        raise InvalidInput(
            "the membership would end before it began", hint="state when the person left"
        )
    known = max(known_at, found.known_at)
    table = account_members.c
    conn.execute(
        update(account_members)
        .where(
            table.account_id == account,
            table.customer_id == customer,
            table.joined_at == found.joined_at,
        )
        .values(left_at=left_at, left_known_at=known)
    )
    return found._replace(left_at=left_at, left_known_at=known)


def all_memberships(conn: Connection) -> list[Membership]:
    """List every membership there is or was, by account, customer and time."""
    return [Membership(*row) for row in conn.execute(_MEMBERSHIPS)]


def memberships_around(conn: Connection, ids: Iterable[str]) -> list[Membership]:
    """List the memberships of these people, or in these accounts."""
    wanted, table = sorted(set(ids)), account_members.c
    own = or_(table.customer_id.in_(wanted), table.account_id.in_(wanted))
    return [Membership(*row) for row in conn.execute(_MEMBERSHIPS.where(own))]


def account_ids(conn: Connection) -> list[str]:
    """List the accounts that have or had members, or events of their own, in ascending order."""
    own = select(customers.c.customer_id).where(customers.c.subject == SUBJECT)
    found = conn.execute(union(select(account_members.c.account_id), own)).scalars()
    return sorted(found)


def pieces_of_account(conn: Connection, account: str) -> tuple[Piece, ...]:
    """Say whose events count for one account, and when."""
    table = account_members.c
    query = _MEMBERSHIPS.where(table.account_id == account)
    members = [Membership(*row) for row in conn.execute(query)]
    return account_pieces(members, links_around(conn, {each.customer for each in members}))


def pieces_of_accounts(conn: Connection) -> Iterator[tuple[str, tuple[Piece, ...]]]:
    """Say the same of every account, one after the other, in ascending order."""
    links = all_links(conn)
    members: dict[str, list[Membership]] = {}
    for each in all_memberships(conn):
        members.setdefault(each.account, []).append(each)
    for account in account_ids(conn):
        yield account, account_pieces(members.get(account, ()), links)


def account_pieces(members: Sequence[Membership], links: Sequence[Link]) -> tuple[Piece, ...]:
    """Turn memberships into pieces: a member who was merged takes the membership along.

    Whoever belongs to an account under two ids is counted once.
    """
    if not members:
        return ()
    parents = parents_of(links)
    of_person: dict[str, list[Piece]] = {}
    for piece in identity_pieces(links):
        of_person.setdefault(piece.owner, []).append(piece)
    found: list[Piece] = []
    for each in members:
        for since, until, person in carriers(parents, each.customer):
            for piece in of_person.get(person, [Piece(person, person)]):
                start = max(since, piece.known_from)
                end = min(until, piece.known_until)
                found += _clipped(each, piece.origin, start, end)
    return without_overlap(found)


def forget_memberships(conn: Connection, customer_id: str) -> None:
    """Remove a person from every account, for an erasure."""
    own = account_members.c.customer_id == customer_id
    conn.execute(delete(account_members).where(own))


def _clipped(each: Membership, origin: str, since: int, until: int) -> Iterator[Piece]:
    """The pieces of one membership, as far as the events of `origin` are the member's."""
    joined, known = to_micros(each.joined_at), max(to_micros(each.known_at), since)
    left = NEVER if each.left_at is None else to_micros(each.left_at)
    found = [Piece(origin, each.account, known, until, joined, left)]
    if each.left_known_at is not None:  # until then they were thought to be a member still
        noticed = min(until, to_micros(each.left_known_at))
        found.append(Piece(origin, each.account, known, noticed, left, NEVER))
    for piece in found:
        if piece.known_from < piece.known_until and piece.occurred_from < piece.occurred_until:
            yield piece


def _memberships_of(conn: Connection, account: str, customer: str) -> list[Membership]:
    table = account_members.c
    query = _MEMBERSHIPS.where(table.account_id == account, table.customer_id == customer)
    return [Membership(*row) for row in conn.execute(query)]


_MEMBERSHIPS = select(
    account_members.c.account_id,
    account_members.c.customer_id,
    account_members.c.joined_at,
    account_members.c.known_at,
    account_members.c.left_at,
    account_members.c.left_known_at,
).order_by(account_members.c.account_id, account_members.c.customer_id, account_members.c.joined_at)
