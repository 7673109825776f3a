"""Merging ids of one person and keeping accounts: each change locked, stamped and logged."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from features.accounts import (
    Membership,
    all_memberships,
    join_account,
    leave_account,
    memberships_around,
)
from features.links import (
    Link,
    all_links,
    contributors_by,
    links_around,
    merge,
    other_ids_by,
    split,
)
from governance.consent.registry import Refusal
from governance.errors import InvalidInput, KeepwellError, NotFound
from governance.instants import parse_instant
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.locks import lock_customers

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Clock = Callable[[], datetime]

MERGES = ("keep", "other")
MEMBERS = ("account", "person", "joined_at")
_OPTIONAL = ("known_at", "left_at")
_IDS = {"merges": MERGES, "members": ("person",)}


class Links(NamedTuple):
    """The links and memberships that concern someone, or all."""

    merged: tuple[Link, ...]
    members: tuple[Membership, ...]


class Imported(NamedTuple):
    """How many lines of a file were taken, were known before, or not taken and why."""

    kind: str
    recorded: int
    known: int
    refused: int
    reasons: Mapping[str, int]


def merge_customers(keepwell: Keepwell, keep: str, other: str, *, clock: Clock) -> Link:
    """Let the events of `other` count for `keep` from now on. See `features.links.merge`."""
    keep, other = keepwell.inside_id(keep), keepwell.inside_id(other)
    with keepwell.database.write() as conn:
        lock_linked(conn, [keep, other])
        now = clock()
        found = merge(conn, keep, other, known_at=now)
        _log(keepwell, conn, "identity_merged", found, now)
    return found


def split_customers(keepwell: Keepwell, keep: str, other: str, *, clock: Clock) -> Link:
    """Undo a merge from now on: `other` is a customer of its own again."""
    keep, other = keepwell.inside_id(keep), keepwell.inside_id(other)
    with keepwell.database.write() as conn:
        lock_linked(conn, [keep, other])
        now = clock()
        found = split(conn, keep, other, now=now)
        _log(keepwell, conn, "identity_split", found, now)
    return found


def join(
    keepwell: Keepwell, account: str, person: str, *, joined_at: datetime | None, clock: Clock
) -> Membership:
    """Let what happens to a person count for an account, from `joined_at` (None: from now) on."""
    person = keepwell.inside_id(person)
    with keepwell.database.write() as conn:
        lock_linked(conn, [person])
        now = clock()
        joined = _not_later(joined_at or now, now)
        found = join_account(
            conn, keepwell.inside_id(account), person, joined_at=joined, known_at=now
        )
        body = {"person": keepwell.persons.person_id(conn, person)}
        keepwell.ledger.append(conn, "account_joined", body, now=now)
    return found


def leave(
    keepwell: Keepwell, account: str, person: str, *, left_at: datetime | None, clock: Clock
) -> Membership:
    """End a membership at `left_at` (None: now)."""
    person = keepwell.inside_id(person)
    with keepwell.database.write() as conn:
        lock_linked(conn, [person])
        now = clock()
        left = _not_later(left_at or now, now)
        name = keepwell.inside_id(account)
        found = leave_account(conn, name, person, left_at=left, known_at=now)
        body = {"person": keepwell.persons.person_id(conn, person)}
        keepwell.ledger.append(conn, "account_left", body, now=now)
    return found


def links_of(keepwell: Keepwell, name: str | None) -> Links:
    """List what links one customer or account (None: all) to others, today and before."""
    with keepwell.database.read() as conn:
        if name is None:
            return Links(tuple(all_links(conn)), tuple(all_memberships(conn)))
        inside = keepwell.inside_id(name)
        merged = links_around(conn, [inside])
        everyone = {inside, *(each for link in merged for each in (link.keep, link.other))}
        return Links(tuple(merged), tuple(memberships_around(conn, everyone)))


def import_links(keepwell: Keepwell, path: Path, *, clock: Clock) -> Imported:
    """Bring in a file of merges (columns keep, other) or of members (account, person, joined_at).

    Optional are `known_at` (the instant the company knew; else now) and, for members, `left_at`.
    Bare dates are midnight in the home's time zone. A line that cannot be is counted with its
    reason and does not hold up the others; a line known before changes nothing. Raises
    `InvalidInput` for a file that is neither.
    """
    kind, lines = _read(path)
    needed = MERGES if kind == "merges" else MEMBERS
    take = _take_merge if kind == "merges" else _take_member
    zone, reasons = keepwell.settings.zone, Counter[str]()
    recorded = known = 0
    whole = [line for line in lines if all(name in line for name in needed)]
    if len(whole) < len(lines):
        reasons[f"a line without {' or '.join(needed)}"] = len(lines) - len(whole)
    with keepwell.database.write() as conn:
        lock_linked(conn, {keepwell.inside_id(line[name]) for line in whole for name in _IDS[kind]})
        now = clock()
        for line in sorted(whole, key=lambda line: _order(line, zone, now)):
            try:
                with conn.begin_nested():
                    new = take(keepwell, conn, line, zone, now)
            except KeepwellError as problem:
                reasons[problem.message] += 1
            else:
                recorded, known = recorded + new, known + (not new)
        if recorded:
            keepwell.ledger.append(conn, "links_imported", {kind: recorded}, now=now)
    return Imported(kind, recorded, known, reasons.total(), dict(reasons))


def person_permit(
    keepwell: Keepwell, conn: Connection, customer_id: str, purpose: str, *, now: datetime
) -> Permit | Refusal:
    """Ask for permission over one person: the id, and those of its other ids that permit it, too.

    A refusal concerns the id itself; another id that refuses contributes nothing. What is about the
    person (an objection, being a minor or staff) counts whichever of its ids it was said of.
    """
    links = links_around(conn, [customer_id])
    same = other_ids_by(links)
    others = contributors_by(links, [customer_id]).get(customer_id)
    if not others:
        known = same.get(customer_id, frozenset())
        return keepwell.registry.permit(conn, customer_id, purpose, now=now, others=known)
    permit, refused = keepwell.registry.permit_many(
        conn, purpose, {customer_id, *others}, now=now, hold=True, others=same
    )
    if permit.covers(customer_id):
        return permit
    return Refusal(purpose, refused.get(customer_id, "no_record"))


def lock_linked(conn: Connection, customer_ids: Collection[str]) -> None:
    """Hold these customers and everyone they are or were linked with.

    Nothing becomes known under any of a person's ids between reading them and deciding.
    """
    if conn.dialect.name == "sqlite":
        return  # a write transaction has the whole database
    wanted = set(customer_ids)
    held: set[str] = set()
    while not wanted <= held:
        wanted |= _linked(conn, wanted)
        lock_customers(conn, wanted)
        held = set(wanted)
        wanted |= _linked(conn, wanted)  # a merge may have come in while we waited


def _linked(conn: Connection, ids: Collection[str]) -> set[str]:
    return {each for link in links_around(conn, ids) for each in (link.keep, link.other)}


def _log(keepwell: Keepwell, conn: Connection, kind: str, link: Link, now: datetime) -> None:
    persons = keepwell.persons.person_ids(conn, {link.keep, link.other})
    body = {"person": persons[link.keep], "other": persons[link.other]}
    keepwell.ledger.append(conn, kind, body, now=now)


def _take_merge(
    keepwell: Keepwell, conn: Connection, line: Mapping[str, str], zone: tzinfo, now: datetime
) -> bool:
    keep, other = (keepwell.inside_id(line[name]) for name in MERGES)
    known = _instant(line, "known_at", zone, now)
    there = [link for link in links_around(conn, [other]) if link.other == other]
    if any(
        link.keep == keep and (link.unlinked_at is None or link.linked_at == known)
        for link in there
    ):
        return False
    merge(conn, keep, other, known_at=known)
    return True


def _take_member(
    keepwell: Keepwell, conn: Connection, line: Mapping[str, str], zone: tzinfo, now: datetime
) -> bool:
    account, person = (keepwell.inside_id(line[name]) for name in MEMBERS[:2])
    joined, known = (_instant(line, name, zone, now) for name in ("joined_at", "known_at"))
    left = _instant(line, "left_at", zone, now) if "left_at" in line else None
    there = [
        each
        for each in memberships_around(conn, [person])
        if (each.account, each.customer, each.joined_at) == (account, person, joined)
    ]
    if there and (left is None or there[0].left_at == left):
        return False
    if not there:
        join_account(conn, account, person, joined_at=joined, known_at=known)
    if left is not None:
        leave_account(conn, account, person, left_at=left, known_at=known)
    return True


def _instant(line: Mapping[str, str], name: str, zone: tzinfo, now: datetime) -> datetime:
    return _not_later(parse_instant(line[name], zone), now) if name in line else now


def _not_later(instant: datetime, now: datetime) -> datetime:
    if instant > now:
        raise InvalidInput("an instant lies in the future", hint="state one that has been")
    return instant


def _order(line: Mapping[str, str], zone: tzinfo, now: datetime) -> datetime:
    """Order lines as they became known; one that cannot be read may come anywhere."""
    try:
        return _instant(line, "known_at", zone, now)
    except InvalidInput:
        return now


def _read(path: Path) -> tuple[str, list[Mapping[str, str]]]:
    if not path.is_file():
        raise NotFound(f"there is no file {path.name}", hint="state where it lies")
    from features.importing.source import open_source  # slow to load, and only commands read files

    names = (*MERGES, *MEMBERS, *_OPTIONAL)
    with open_source(path, scratch=path.parent, store=path.parent, textual=names) as source:
        found = {name.lower(): name for name in source.types}
        kinds = [
            kind
            for kind, needed in (("merges", MERGES), ("members", MEMBERS))
            if all(name in found for name in needed)
        ]
        if len(kinds) != 1:
            raise InvalidInput(
                f"{path.name} is neither a file of merges nor one of members",
                hint=f"columns are {', '.join(MERGES)} or {', '.join(MEMBERS)}; optional known_at, "
                "for members left_at",
            )
        wanted = [name for name in names if name in found]
        lines = list(_lines(source.connection, [(name, found[name]) for name in wanted]))
    return kinds[0], lines


def _lines(
    connection: "DuckDBPyConnection", columns: list[tuple[str, str]]
) -> Iterator[Mapping[str, str]]:
    from duckdb import ColumnExpression

    found: Any = connection.sql("SELECT * FROM source").select(
        *(ColumnExpression(column).cast("VARCHAR") for _, column in columns)
    )
    for row in found.fetchall():
        values = zip((name for name, _ in columns), row, strict=True)
        yield {name: value.strip() for name, value in values if value and value.strip()}
