"""The verdicts of one batch, written piece by piece and given all at once.

A million verdicts are too many for one transaction that lets nobody else write. So they are laid
down in short ones, under a number of their own below 0, where nobody is shown them; withdrawals
and erasures reach them all the same. The last transaction writes the one entry that commits to
them, and with it they count. What a batch leaves behind that never got there is swept by the next.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from governance.canonical import canonical
from governance.errors import InsufficientData
from governance.instants import to_micros
from governance.log.chain import MerkleRoot
from governance.log.ledger import Ledger
from governance.pseudonym import slices
from governance.tables import decision_batches, decisions, persons

ABANDONED = timedelta(hours=1)
"""A batch that laid nothing down for so long has died."""

_BYTES = 32
_CHANGED = ("refused", "changed_since", None, None, None, None)


class Verdict(NamedTuple):
    """One verdict of a batch, ready to be laid down; `result` is canonical JSON."""

    decision_id: str
    person_id: str | None
    outcome: str
    reason: str
    model_digest: str | None
    event_digest: str | None
    feature_digest: str | None
    result: str | None
    result_digest: str | None
    salt: str
    leaf: str


class Laid(NamedTuple):
    """A verdict that was laid down, as far as it matters when its person changes their mind."""

    decision_id: str
    person_id: str | None
    outcome: str
    position: int


class BatchFacts(NamedTuple):
    """What all verdicts of a batch share; `recorded_at` is when permission was judged."""

    kind: str
    purpose: str
    target: str
    as_of: datetime
    recorded_at: datetime


class Sealer:
    """Commits to verdicts as `governance.log.decision.record` does, by templates."""

    def __init__(self, facts: BatchFacts) -> None:
        self._kind, self._purpose = canonical(facts.kind), canonical(facts.purpose)
        self._target = canonical(facts.target)
        self._as_of, self._recorded_at = to_micros(facts.as_of), to_micros(facts.recorded_at)

    def verdicts(
        self,
        rows: Iterable[tuple[str | None, str, str, str | None, str | None, str | None, str | None]],
    ) -> Iterator[Verdict]:
        """Give each of (person_id, outcome, reason, model, events, features, result) its id.

        Ids are unguessable and rise with time; reasons and outcomes are words of our own.
        """
        instant = int(self._recorded_at // 1000)
        head = f"{instant >> 16:08x}-{instant & 0xFFFF:04x}"
        for row in rows:
            drawn = os.urandom(26).hex()
            variant = "89ab"[int(drawn[3], 16) & 3]
            decision_id = f"{head}-7{drawn[:3]}-{variant}{drawn[4:7]}-{drawn[8:20]}"
            yield self.seal(decision_id, drawn[20:], *row)

    def seal(
        self,
        decision_id: str,
        salt: str,
        person_id: str | None,
        outcome: str,
        reason: str,
        model: str | None,
        events: str | None,
        features: str | None,
        result: str | None,
    ) -> Verdict:
        """Commit to one verdict under this id, with this salt of 32 hex digits."""
        result_digest = None if result is None else _salted("result", salt, result)
        body = (
            f'{{"as_of":{self._as_of},"decision_id":"{decision_id}","event_digest":{_text(events)},'
            f'"feature_digest":{_text(features)},"kind":{self._kind},"model_digest":{_text(model)},'
            f'"outcome":"{outcome}","person_id":{_text(person_id)},"purpose":{self._purpose},'
            f'"reason":"{reason}","recorded_at":{self._recorded_at},'
            f'"result_digest":{_text(result_digest)},"target":{self._target}}}'
        )
        leaf = _salted("decision", salt, body)
        return Verdict(
            decision_id, person_id, outcome, reason, model, events, features, result,
            result_digest, salt, leaf,
        )  # fmt: skip


def _text(ours: str | None) -> str:
    """Write an id or digest of our own, which holds nothing that JSON would write otherwise."""
    return "null" if ours is None else f'"{ours}"'


def _salted(use: str, salt: str, text: str) -> str:
    return hashlib.sha256(f"keepwell {use}\n{salt}\n{text}".encode()).hexdigest()


class DecisionBatch:
    """Lays verdicts down and gives them; remembers 32 bytes of each."""

    def __init__(self, facts: BatchFacts, batch: int) -> None:
        self.facts = facts
        self.batch = batch
        self._leaves = bytearray()

    @classmethod
    def begin(cls, conn: Connection, facts: BatchFacts, *, now: datetime) -> "DecisionBatch":
        """Open a batch; `conn` writes."""
        batch = -1 - secrets.randbits(62)
        conn.execute(insert(decision_batches).values(batch=batch, touched_at=now))
        return cls(facts, batch)

    def __len__(self) -> int:
        return len(self._leaves) // _BYTES

    def lay(self, conn: Connection, verdicts: Sequence[Verdict], *, now: datetime) -> None:
        """Write some verdicts, of which nobody knows yet, in a transaction of their own.

        Raises `InsufficientData` when the batch was taken for dead meanwhile.
        """
        self._touch(conn, now)
        facts, first = self.facts, len(self)
        shared = (
            facts.kind,
            facts.purpose,
            to_micros(facts.recorded_at),
            to_micros(facts.as_of),
            facts.target,
            self.batch,
        )
        rows = [(*each, *shared, first + k) for k, each in enumerate(verdicts)]
        if rows:
            conn.exec_driver_sql(_insertion(conn), rows)
            self._leaves += b"".join(bytes.fromhex(each.leaf) for each in verdicts)

    def of_people(self, conn: Connection, person_ids: Sequence[str] | None) -> list[Laid]:
        """Find what was laid down about these people that is no refusal; None means everyone."""
        mine = _LAID.where(decisions.c.ledger_seq == self.batch)
        if person_ids is None:
            return [Laid(*row) for row in conn.execute(mine)]
        return [
            Laid(*row)
            for some in slices(person_ids)
            for row in conn.execute(mine.where(decisions.c.person_id.in_(some)))
        ]

    def of_nobody(self, conn: Connection) -> list[Laid]:
        """Find what was laid down about people who were erased since."""
        known = select(persons.c.person_id).where(persons.c.person_id == decisions.c.person_id)
        query = _LAID.where(decisions.c.ledger_seq == self.batch)
        query = query.where(decisions.c.person_id.is_not(None), ~known.exists())
        return [Laid(*row) for row in conn.execute(query)]

    def refuse(self, conn: Connection, found: Sequence[Laid], *, forget: bool = False) -> None:
        """Turn verdicts into refusals of people who changed their mind since permission was read.

        With `forget` they are about nobody any more.
        """
        sealer = Sealer(self.facts)
        for row in found:
            person, salt = None if forget else row.person_id, os.urandom(16).hex()
            changed = sealer.seal(row.decision_id, salt, person, *_CHANGED)
            conn.execute(_CHANGE, {**changed._asdict(), "wanted": row.decision_id})
            at = row.position * _BYTES
            self._leaves[at : at + _BYTES] = bytes.fromhex(changed.leaf)

    def give(
        self, conn: Connection, ledger: Ledger, outcomes: Mapping[str, int], *, now: datetime
    ) -> None:
        """Write the entry that commits to all of it; from this commit on the verdicts count."""
        self._touch(conn, now)
        if not self._leaves:
            conn.execute(delete(decision_batches).where(decision_batches.c.batch == self.batch))
            return
        if len(self) == 1:
            entry = ledger.append(conn, "decision", {"commitment": self._leaves.hex()}, now=now)
        else:
            root = MerkleRoot()
            for at in range(0, len(self._leaves), _BYTES):
                root.add(self._leaves[at : at + _BYTES].hex())
            body = {"outcomes": dict(outcomes), "leaves": len(self), "root": root.hex()}
            entry = ledger.append(conn, "decisions", body, now=now)
        mine = decision_batches.c.batch == self.batch
        conn.execute(update(decision_batches).where(mine).values(ledger_seq=entry.seq))

    def abandon(self, conn: Connection, *, now: datetime) -> None:
        """Let the next sweep take away what was laid down."""
        mine = (decision_batches.c.batch == self.batch) & decision_batches.c.ledger_seq.is_(None)
        conn.execute(update(decision_batches).where(mine).values(touched_at=now - 2 * ABANDONED))

    def _touch(self, conn: Connection, now: datetime) -> None:
        mine = decision_batches.c.batch == self.batch
        touched = conn.execute(update(decision_batches).where(mine).values(touched_at=now))
        if touched.rowcount != 1:
            raise InsufficientData(
                "the batch stood still for so long that it was taken for dead",
                hint="run it again",
            )


def sweep(conn: Connection, *, now: datetime, limit: int) -> bool:
    """Delete up to `limit` verdicts of batches that died before they were given.

    Tells whether there may be more: begin again, in the next transaction.
    """
    query = select(decision_batches.c.batch).where(
        decision_batches.c.ledger_seq.is_(None), decision_batches.c.touched_at < now - ABANDONED
    )
    dead = list(conn.execute(query).scalars())
    if not dead:
        return False
    some = select(decisions.c.decision_id).where(decisions.c.ledger_seq.in_(dead)).limit(limit)
    gone = conn.execute(delete(decisions).where(decisions.c.decision_id.in_(some))).rowcount
    if gone < limit:
        conn.execute(delete(decision_batches).where(decision_batches.c.batch.in_(dead)))
    return gone >= limit


_COLUMNS = (
    *Verdict._fields,
    *("kind", "purpose", "recorded_at", "as_of", "target", "ledger_seq", "position"),
)
_LAID = select(
    decisions.c.decision_id, decisions.c.person_id, decisions.c.outcome, decisions.c.position
).where(decisions.c.outcome != "refused")
_CHANGE = (
    update(decisions)
    .where(decisions.c.decision_id == bindparam("wanted"))
    .values({name: bindparam(name) for name in Verdict._fields if name != "decision_id"})
)


def _insertion(conn: Connection) -> str:
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    names, marks = ", ".join(_COLUMNS), ", ".join([mark] * len(_COLUMNS))
    return f"INSERT INTO decisions ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
