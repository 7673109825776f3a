"""Thousands of random ways to tamper with the log: each is found, and where it begins."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from sqlalchemy import BigInteger, Connection, Table, select, text, type_coerce

from governance.instants import UtcInstant
from governance.log.chain import entry_digest, link_of
from governance.log.decision import Decision, check_commitments, new_decision_id, record
from governance.log.ledger import Ledger, SignedHead, Verification, head, verify
from governance.tables import decisions, ledger_entries, ledger_head
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
LEDGER = Ledger(KEY)
ROUNDS = settings().max_examples * 10
"""600 each time, 10,000 with `--hypothesis-profile=evidence`."""
Row = dict[str, Any]


class Tampered(NamedTuple):
    """The rows as an attacker leaves them, and where verification must point."""

    rows: list[Row]
    first_bad: int
    outcome: str = "broken"
    head: Row | None = None  # the head row they wrote, too


def fill(conn: Connection) -> None:
    """A life in small: some fifty decisions, alone and in batches, between other entries."""
    for number in range(12):
        now = NOW + timedelta(seconds=number)
        LEDGER.append(conn, "consent", {"person": f"person_{number}", "state": "given"}, now=now)
        for size in (1, 3):
            record(conn, LEDGER, [verdict(number) for _ in range(size)], now=now)


def verdict(number: int) -> Decision:
    return Decision(
        decision_id=new_decision_id(),
        kind="score",
        person_id=f"person_{number}",
        purpose="risk_scoring",
        outcome="scored",
        reason="as asked",
        as_of=NOW,
        model_digest="a" * 64,
        target="churn",
        event_digest="b" * 64,
        feature_digest="c" * 64,
        result={"probability": 0.25, "number": number},
    )


# ways to tamper: rows in, rows out; positions count from 1 as entries do


def flip(rng: Random, rows: list[Row]) -> Tampered:
    at = rng.randrange(len(rows))
    column = rng.choice([name for name in rows[at] if name != "seq"])
    rows[at] |= {column: flipped(rng, rows[at][column])}
    return Tampered(rows, at + 1)


def delete(rng: Random, rows: list[Row]) -> Tampered:
    at = rng.randrange(len(rows))
    del rows[at]
    return Tampered(rows, at + 1, "truncated" if at == len(rows) else "broken")


def delete_and_renumber(rng: Random, rows: list[Row]) -> Tampered:
    found = delete(rng, rows)
    return found._replace(rows=renumbered(found.rows))


def insert_a_copy(rng: Random, rows: list[Row]) -> Tampered:
    at = rng.randrange(len(rows) + 1)
    others = [row for place, row in enumerate(rows) if place != at]  # not the one that belongs here
    rows.insert(at, dict(rng.choice(others)))
    return Tampered(renumbered(rows), at + 1)


def insert_a_forgery(rng: Random, rows: list[Row]) -> Tampered:
    """An entry that hangs on the one before, and everything after it hung on it anew."""
    at = rng.randrange(len(rows) + 1)
    rows.insert(at, dict(rng.choice(rows)) | {"body": '{"person":"forged"}'})
    link = chained(renumbered(rows), at)
    return Tampered(rows, at + 1, head={"seq": len(rows), "link": link})


def edit_and_rehash(rng: Random, rows: list[Row]) -> Tampered:
    at = rng.randrange(len(rows))
    rows[at] |= {"body": flipped(rng, rows[at]["body"])}
    link = chained(rows, at)
    return Tampered(rows, at + 1, head={"seq": len(rows), "link": link})


def edit_and_rehash_a_part(rng: Random, rows: list[Row]) -> Tampered:
    at = rng.randrange(len(rows) - 1)
    rows[at] |= {"body": flipped(rng, rows[at]["body"])}
    chained(rows[: rng.randrange(at + 1, len(rows))], at)
    return Tampered(rows, at + 1)


def swap(rng: Random, rows: list[Row]) -> Tampered:
    first, second = sorted(rng.sample(range(len(rows)), 2))
    rows[first], rows[second] = rows[second], rows[first]
    return Tampered(renumbered(rows), first + 1)


def truncate(rng: Random, rows: list[Row]) -> Tampered:
    stays = rng.randrange(len(rows))
    return Tampered(rows[:stays], stays + 1, "truncated")


def truncate_with_the_head(rng: Random, rows: list[Row]) -> Tampered:
    """Cut off and leave no trace in the database: only an exported head tells."""
    stays = rng.randrange(1, len(rows))
    last = rows[stays - 1]
    found = {"seq": stays, "link": link_of(last["entry_hash"], last["signature"])}
    return Tampered(rows[:stays], stays + 1, "truncated", found)


WAYS: tuple[Callable[[Random, list[Row]], Tampered], ...] = (
    flip, flip, flip, delete, delete_and_renumber, insert_a_copy, insert_a_forgery,
    edit_and_rehash, edit_and_rehash_a_part, swap, truncate, truncate_with_the_head,
)  # fmt: skip


def flipped(rng: Random, value: Any) -> Any:
    """One bit of a number, one character of a text."""
    if isinstance(value, int):
        return value ^ (1 << rng.randrange(40))
    at = rng.randrange(len(value))
    others = [c for c in '0123456789abcdefABCDEF{}:," ' if c != value[at]]
    return value[:at] + rng.choice(others) + value[at + 1 :]


def renumbered(rows: list[Row]) -> list[Row]:
    for seq, row in enumerate(rows, start=1):
        row["seq"] = seq
    return rows


def chained(rows: list[Row], start: int) -> str:
    """Hang every row from `start` on the one before, as far as that goes without the key."""
    before = rows[start - 1] if start else None
    link = link_of(before["entry_hash"], before["signature"]) if before else "0" * 64
    for row in rows[start:]:
        digest = entry_digest(row["seq"], row["recorded_at"], row["kind"], row["body"], link)
        row |= {"prev_hash": link, "entry_hash": digest}
        link = link_of(digest, row["signature"])
    return link


def raw(table: Table) -> list[Any]:
    """The columns as they lie in the table, instants as whole numbers."""
    return [
        type_coerce(c, BigInteger).label(c.name) if isinstance(c.type, UtcInstant) else c
        for c in table.columns
    ]


def rows_of(conn: Connection, table: Table, *order: str) -> list[Row]:
    query = select(*raw(table)).order_by(*(table.c[name] for name in order))
    return [dict(row) for row in conn.execute(query).mappings()]


def put(conn: Connection, table: Table, rows: list[Row]) -> None:
    """Replace what the table holds by these very values, behind everyone's back."""
    conn.execute(table.delete())
    if rows:
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        conn.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({values})"), rows)


def verified(conn: Connection, tampered: Tampered, exported: SignedHead | None) -> Verification:
    """What verification says of the tampered log, which is then as it was."""
    aside = conn.begin_nested()
    put(conn, ledger_entries, tampered.rows)
    if tampered.head is not None:
        conn.execute(ledger_head.update().values(tampered.head))
    found = verify(conn, KEY.public_key(), exported)
    aside.rollback()
    return found


@pytest.fixture
def rounds(database: Database) -> int:
    return ROUNDS if database.is_sqlite else ROUNDS // 20


def test_every_random_corruption_of_the_log_is_found_where_it_begins(
    database: Database, rounds: int
) -> None:
    missed = []
    with database.write() as conn:
        fill(conn)
        whole, exported = rows_of(conn, ledger_entries, "seq"), head(conn, KEY)
        for seed in range(rounds):
            rng = Random(seed)
            way = rng.choice(WAYS)
            tampered = way(rng, [dict(row) for row in whole])
            with_head = way is truncate_with_the_head or rng.random() < 0.5
            found = verified(conn, tampered, exported if with_head else None)
            if (found.outcome, found.first_bad) != (tampered.outcome, tampered.first_bad):
                missed.append((seed, way.__name__, tampered.first_bad, with_head, found))
    assert missed == []


# the decisions, which the log only commits to


class Misled(NamedTuple):
    """The decisions as an attacker leaves them, and which must be named."""

    rows: list[Row]
    bad: set[str]


def edit_a_decision(rng: Random, rows: list[Row]) -> Misled:
    at = rng.randrange(len(rows))
    edited = [n for n, value in rows[at].items() if value is not None and n not in _PLACES]
    column = rng.choice(edited)
    rows[at] |= {column: flipped(rng, rows[at][column])}
    return Misled(rows, {rows[at]["decision_id"]})


def remove_a_decision(rng: Random, rows: list[Row]) -> Misled:
    gone = rows.pop(rng.randrange(len(rows)))
    return Misled(
        rows, together(rows, gone) or {f"the decisions of ledger entry {gone['ledger_seq']}"}
    )


def add_a_decision(rng: Random, rows: list[Row]) -> Misled:
    added = dict(rng.choice(rows)) | {"decision_id": new_decision_id(), "position": 9}
    return Misled([*rows, added], {added["decision_id"]})


def move_a_decision(rng: Random, rows: list[Row]) -> Misled:
    """To another entry: both are named."""
    at = rng.randrange(len(rows))
    here = rows[at]["ledger_seq"]
    there = rng.choice([row["ledger_seq"] for row in rows if row["ledger_seq"] != here])
    rows[at] |= {"ledger_seq": there, "position": 9}
    left = [row for row in rows if row["ledger_seq"] == here]
    emptied = set() if left else {f"the decisions of ledger entry {here}"}
    concerned = {row["decision_id"] for row in rows if row["ledger_seq"] in (here, there)}
    return Misled(rows, concerned | emptied)


def swap_two_of_a_batch(rng: Random, rows: list[Row]) -> Misled:
    entry = rng.choice(_batches(rows))
    batch = [row for row in rows if row["ledger_seq"] == entry]
    first, second = rng.sample(batch, 2)
    first["position"], second["position"] = second["position"], first["position"]
    return Misled(rows, {row["decision_id"] for row in batch})


MISLEADING: tuple[Callable[[Random, list[Row]], Misled], ...] = (
    edit_a_decision, edit_a_decision, remove_a_decision, add_a_decision, move_a_decision,
    swap_two_of_a_batch,
)  # fmt: skip
_PLACES = ("ledger_seq", "position")


def together(rows: list[Row], one: Row) -> set[str]:
    return {row["decision_id"] for row in rows if row["ledger_seq"] == one["ledger_seq"]}


def _batches(rows: list[Row]) -> list[int]:
    entries = [row["ledger_seq"] for row in rows]
    return sorted({entry for entry in entries if entries.count(entry) > 1})


def test_every_random_corruption_of_decisions_is_found_and_named(
    database: Database, rounds: int
) -> None:
    missed = []
    with database.write() as conn:
        fill(conn)
        whole = rows_of(conn, decisions, "ledger_seq", "position")
        for seed in range(rounds):
            rng = Random(seed)
            way = rng.choice(MISLEADING)
            misled = way(rng, [dict(row) for row in whole])
            aside = conn.begin_nested()
            put(conn, decisions, misled.rows)
            found = check_commitments(conn).bad
            aside.rollback()
            if set(found) != misled.bad:
                missed.append((seed, way.__name__, misled.bad, found))
    assert missed == []
