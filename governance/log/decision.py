"""The record of any verdict: a score, a refusal, a clearance. Its id replays.

The row holds what is needed to recompute the verdict; the ledger holds a salted commitment to it.
When a person withdraws, the stored result goes and the commitment stays: what was decided is
forgotten, that it was decided is not. Rows carry random person ids, never customer ids.
"""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, or_, select, update

from governance.canonical import canonical
from governance.errors import NotFound
from governance.instants import to_micros
from governance.log.chain import MerkleRoot
from governance.log.ledger import Ledger
from governance.tables import decision_batches as batches
from governance.tables import decisions as table
from governance.tables import ledger_entries

_PAGE = 2_000


def new_decision_id() -> str:
    """Give a fresh, unguessable id."""
    return str(uuid4())


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One verdict, ready to be recorded.

    `kind` is what was asked (score, clearance, …), `outcome` what came out (scored, refused, …) and
    `reason` why, both without personal data. `event_digest` and `feature_digest` name exactly what
    was known; `result` is what was told, as plain JSON. `person_id` is None when nobody of that id
    is known.
    """

    decision_id: str
    kind: str
    person_id: str | None
    purpose: str
    outcome: str
    reason: str = ""
    as_of: datetime | None = None
    model_digest: str | None = None
    target: str | None = None
    event_digest: str | None = None
    feature_digest: str | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedDecision(Decision):
    """A verdict as it stands in the record; `result` is None once it was forgotten."""

    recorded_at: datetime
    ledger_seq: int
    leaf: str
    result_digest: str | None
    retired_at: datetime | None = None

    @property
    def result_forgotten(self) -> bool:
        """Whether there was a result that a withdrawal or erasure took away."""
        return self.result_digest is not None and self.result is None


class KeptResult(NamedTuple):
    """What one person was told as of an instant, and is still kept."""

    person_id: str
    as_of: datetime
    result: Mapping[str, Any]


class CommitmentCheck(NamedTuple):
    """How many decisions were compared with the ledger, and which do not fit it."""

    checked: int
    bad: tuple[str, ...]


def record(
    conn: Connection, ledger: Ledger, decisions: Sequence[Decision], *, now: datetime
) -> None:
    """Write decisions and their commitment in the caller's transaction.

    One decision has a ledger entry of its own; several share one entry with their Merkle root.
    """
    if not decisions:
        return
    rows = [_row(decision, now, position) for position, decision in enumerate(decisions)]
    if len(rows) == 1:
        entry = ledger.append(conn, "decision", {"commitment": rows[0]["leaf"]}, now=now)
    else:
        outcomes = dict(Counter(decision.outcome for decision in decisions))
        leaves = [row["leaf"] for row in rows]
        entry = ledger.append_batch(conn, "decisions", leaves, {"outcomes": outcomes}, now=now)
    for row in rows:
        row["ledger_seq"] = entry.seq
    conn.execute(_INSERT, rows)


def standing() -> Select[Any]:
    """Select every verdict that was given, each with the entry of the log that commits to it.

    Those of a batch that has not ended, or never will, are not among them.
    """
    return _STANDING


def was_given() -> ColumnElement[bool]:
    """Say of a row of `decisions` whether that verdict was given, for queries of one's own."""
    batch = select(batches.c.batch).where(
        batches.c.batch == table.c.ledger_seq, batches.c.ledger_seq.is_not(None)
    )
    return or_(table.c.ledger_seq > 0, batch.exists())


def load(conn: Connection, decision_id: str) -> RecordedDecision:
    """Read one decision; raises `NotFound`."""
    row = conn.execute(_LOAD, {"wanted": decision_id}).one_or_none()
    if row is None:
        raise NotFound("there is no such decision", hint="use the decision_id of a score's answer")
    return _recorded(row)


def recent(conn: Connection, *, limit: int, kind: str | None = None) -> list[RecordedDecision]:
    """Read the newest decisions first, of one kind where given."""
    query = _STANDING.order_by(_ENTRY.desc(), table.c.position.desc()).limit(limit)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    return [_recorded(row) for row in conn.execute(query)]


def of_person(conn: Connection, person_id: str) -> list[RecordedDecision]:
    """Read everything that was decided about one person, oldest first."""
    query = _STANDING.where(table.c.person_id == person_id).order_by(_ENTRY, table.c.position)
    return [_recorded(row) for row in conn.execute(query)]


def newest_results(
    conn: Connection,
    *,
    kind: str,
    target: str,
    model_digest: str,
    after: datetime,
    until: datetime,
    limit: int,
) -> list[KeptResult]:
    """Read each person's newest result that is still kept, as of an instant in (after, until].

    Of more than `limit` people some at random, always the same: person ids are random.
    """
    asked = (
        (table.c.kind == kind)
        & (table.c.target == target)
        & (table.c.model_digest == model_digest)
        & (table.c.as_of > after)
        & (table.c.as_of <= until)
        & table.c.result.is_not(None)
        & table.c.person_id.is_not(None)
    )
    rank = func.row_number().over(
        partition_by=table.c.person_id,
        order_by=(table.c.as_of.desc(), _ENTRY.desc(), table.c.position.desc()),
    )
    ranked = _GIVEN.with_only_columns(
        table.c.person_id, table.c.as_of, table.c.result, rank.label("rank")
    )
    inner = ranked.where(asked).subquery("ranked")
    query = select(inner).where(inner.c.rank == 1).order_by(inner.c.person_id).limit(limit)
    return [
        KeptResult(row.person_id, row.as_of, json.loads(row.result)) for row in conn.execute(query)
    ]


def newest_of(
    conn: Connection, person_ids: Collection[str], *, kind: str, target: str
) -> dict[str, RecordedDecision]:
    """Read the newest decision of one kind and target about each of some people.

    People about whom there is none are left out.
    """
    rank = func.row_number().over(
        partition_by=table.c.person_id, order_by=(_ENTRY.desc(), table.c.position.desc())
    )
    asked = (
        table.c.person_id.in_(sorted(person_ids))
        & (table.c.kind == kind)
        & (table.c.target == target)
    )
    ranked = _STANDING.add_columns(rank.label("rank")).where(asked).subquery("ranked")
    rows = conn.execute(select(ranked).where(ranked.c.rank == 1))
    return {row.person_id: _recorded(row) for row in rows}


def forget_results(conn: Connection, person_id: str, purpose: str) -> int:
    """Delete stored results for one purpose, as a withdrawal asks; gives their number.

    A result that names the purpose among its own (a score that read well-being features) goes too:
    its reasons say what the person no longer wants to be used.
    """
    named = table.c.result.contains(f'"{purpose}"', autoescape=True)
    return conn.execute(_forget(person_id).where((table.c.purpose == purpose) | named)).rowcount


def forget_person(conn: Connection, person_id: str) -> int:
    """Delete every stored result of one person, as an erasure asks; gives their number."""
    return conn.execute(_forget(person_id)).rowcount


def check_commitments(conn: Connection) -> CommitmentCheck:
    """Compare every decision with what the ledger committed to.

    Finds decisions that were edited, added or removed behind the ledger's back. Forgotten results
    do not disturb it, nor do decisions that a logged retention retired: theirs is the commitment
    alone. Verify the ledger itself first.
    """
    checked, bad = 0, []
    committed, retired = _commitments(conn), _retired_through(conn)
    seen = set()
    for seq, group in groupby(_in_order(conn), key=lambda row: row.ledger_seq):
        seen.add(seq)
        leaves, edited = _Leaves(), []
        for row in group:
            leaves.add(row.leaf)
            if not _fits(row, retired):
                edited.append(row.decision_id)
        checked += leaves.count
        promised = committed.get(seq)
        if not edited and (promised is None or promised != leaves.promise()):
            edited = [row.decision_id for row in _of_entry(conn, seq)]
        bad.extend(edited)
    bad.extend(f"the decisions of ledger entry {seq}" for seq in sorted(committed.keys() - seen))
    return CommitmentCheck(checked, tuple(bad))


_INSERT = table.insert()
_ENTRY = func.coalesce(batches.c.ledger_seq, table.c.ledger_seq).label("ledger_seq")
_GIVEN: Select[Any] = (
    select(table)
    .select_from(table.outerjoin(batches, batches.c.batch == table.c.ledger_seq))
    .where(or_(table.c.ledger_seq > 0, batches.c.ledger_seq.is_not(None)))
)
_STANDING: Select[Any] = _GIVEN.with_only_columns(
    *(column for column in table.c if column.name != "ledger_seq"), _ENTRY
)
_LOAD = _STANDING.where(table.c.decision_id == bindparam("wanted"))
_BATCHES = (
    select(batches.c.batch, batches.c.ledger_seq)
    .where(batches.c.ledger_seq.is_not(None))
    .order_by(batches.c.ledger_seq)
)
_PAGE_QUERY = (
    select(table)
    .where(
        (table.c.ledger_seq > bindparam("seq"))
        | ((table.c.ledger_seq == bindparam("seq")) & (table.c.position > bindparam("at")))
    )
    .order_by(table.c.ledger_seq, table.c.position)
    .limit(_PAGE)
)
_PAGE_OF_BATCH = (
    _STANDING.where(table.c.ledger_seq == bindparam("batch"), table.c.position > bindparam("at"))
    .order_by(table.c.position)
    .limit(_PAGE)
)


def _forget(person_id: str) -> Any:
    return (
        update(table)
        .where(table.c.person_id == person_id)
        .where(table.c.result.is_not(None))
        .values(result=None)
    )


def _row(decision: Decision, now: datetime, position: int) -> dict[str, Any]:
    salt = secrets.token_hex(16)
    result = None if decision.result is None else canonical(decision.result)
    row: dict[str, Any] = {
        "decision_id": decision.decision_id,
        "kind": decision.kind,
        "person_id": decision.person_id,
        "purpose": decision.purpose,
        "recorded_at": now,
        "as_of": decision.as_of,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "model_digest": decision.model_digest,
        "target": decision.target,
        "event_digest": decision.event_digest,
        "feature_digest": decision.feature_digest,
        "result": result,
        "result_digest": None if result is None else _salted(salt, "result", result),
        "salt": salt,
        "position": position,
    }
    row["leaf"] = _leaf(row)
    return row


_COMMITTED = (
    "decision_id", "kind", "person_id", "purpose", "outcome", "reason", "model_digest", "target",
    "event_digest", "feature_digest", "result_digest",
)  # fmt: skip


def _leaf(row: Mapping[Any, Any]) -> str:
    body = {name: row[name] for name in _COMMITTED}
    body["recorded_at"] = to_micros(row["recorded_at"])
    body["as_of"] = None if row["as_of"] is None else to_micros(row["as_of"])
    return _salted(row["salt"], "decision", canonical(body))


def _salted(salt: str, use: str, text: str) -> str:
    return hashlib.sha256(f"keepwell {use}\n{salt}\n{text}".encode()).hexdigest()


def _fits(row: Row[Any], retired_through: int) -> bool:
    if row.retired_at is not None:
        return bool(row.ledger_seq <= retired_through and row.person_id is None)
    fields: Mapping[Any, Any] = row._mapping
    if row.result is not None and _salted(row.salt, "result", row.result) != row.result_digest:
        return False
    return bool(_leaf(fields) == row.leaf)


class _Leaves:
    """The leaves of one entry, one after the other, and what the log should hold of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first = ""
        self._root = MerkleRoot()

    def add(self, leaf: str) -> None:
        self._first = self._first or leaf
        self._root.add(leaf)
        self.count += 1

    def promise(self) -> tuple[int, str]:
        return (1, self._first) if self.count == 1 else (self.count, self._root.hex())


def _commitments(conn: Connection) -> dict[int, tuple[int, str]]:
    query = select(ledger_entries.c.seq, ledger_entries.c.body).where(
        ledger_entries.c.kind.in_(("decision", "decisions"))
    )
    found = {}
    for seq, text in conn.execute(query):
        body = json.loads(text)
        if "commitment" in body:
            found[seq] = (1, body["commitment"])
        else:
            found[seq] = (body["leaves"], body["root"])
    return found


def _retired_through(conn: Connection) -> int:
    """Give the entry up to which the ledger says that decisions were retired; 0 for none."""
    query = select(ledger_entries.c.body).where(ledger_entries.c.kind == "retention")
    return max(
        (json.loads(body).get("decisions_through", 0) for body in conn.execute(query).scalars()),
        default=0,
    )


def _in_order(conn: Connection) -> Iterator[Row[Any]]:
    seq, at = 0, -1
    while True:
        page = conn.execute(_PAGE_QUERY, {"seq": seq, "at": at}).all()
        yield from page
        if len(page) < _PAGE:
            break
        seq, at = page[-1].ledger_seq, page[-1].position
    for batch, _ in conn.execute(_BATCHES).all():
        yield from _of_batch(conn, batch)


def _of_batch(conn: Connection, batch: int) -> Iterator[Row[Any]]:
    at = -1
    while True:
        page = conn.execute(_PAGE_OF_BATCH, {"batch": batch, "at": at}).all()
        yield from page
        if len(page) < _PAGE:
            return
        at = page[-1].position


def _of_entry(conn: Connection, seq: int) -> Iterator[Row[Any]]:
    yield from conn.execute(_STANDING.where(_ENTRY.in_([seq])))


def _recorded(row: Row[Any]) -> RecordedDecision:
    return RecordedDecision(
        decision_id=row.decision_id,
        kind=row.kind,
        person_id=row.person_id,
        purpose=row.purpose,
        outcome=row.outcome,
        reason=row.reason,
        as_of=row.as_of,
        model_digest=row.model_digest,
        target=row.target,
        event_digest=row.event_digest,
        feature_digest=row.feature_digest,
        result=None if row.result is None else json.loads(row.result),
        recorded_at=row.recorded_at,
        ledger_seq=row.ledger_seq,
        leaf=row.leaf,
        result_digest=row.result_digest,
        retired_at=row.retired_at,
    )
