"""Recording what people say: append-only, numbered in the order of commits, journalled.

A yes is checked before it is believed; a no is believed at once and written outside the backup.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from governance.consent import queries as sql
from governance.consent.notices import Published, completed_yes, published_versions
from governance.consent.purposes import OBJECTION
from governance.consent.record import (
    EVENT_COLUMNS,
    OBJECTED,
    PERMITTING,
    STOPPING,
    ConsentChange,
    ConsentEvent,
    Subject,
    checked,
)
from governance.errors import InvalidInput, KeepwellError
from governance.log.journal import Journal
from governance.pseudonym import Suppression, slices
from governance.tables import consent_events, consent_subjects


class RefusedChange(NamedTuple):
    """A line of an import that was not recorded: its position, and why."""

    position: int
    reason: str


class RecordedChanges(NamedTuple):
    """What an import of many people's words came to; `known` were recorded before, unchanged."""

    events: tuple[ConsentEvent, ...]
    refused: tuple[RefusedChange, ...]
    known: int = 0


class _Background(NamedTuple):
    """What a word is checked against: who was erased when, and which notices were published."""

    erased: Mapping[str, datetime]
    published: Published


class ConsentRecorder:
    """Writes words into the record, in the caller's writing transaction."""

    def __init__(self, *, suppression: Suppression | None, journal: Journal | None) -> None:
        self.suppression = suppression
        self.journal = journal

    def record(self, conn: Connection, change: ConsentChange, *, now: datetime) -> ConsentEvent:
        """Append one person's word, in the caller's writing transaction.

        A yes raises `InvalidInput` when it is not an affirmative act with evidence; a no does not
        fail on what is wrong with its other fields. An older word that arrives late is kept and
        changes nothing; at the same instant a no wins.
        """
        sql.claim_person(conn, change.customer_id)
        ready = self._ready(conn, change, self._background(conn, [change], now), now)
        sequence = sql.next_sequence(conn, 1)
        return self._append(conn, [(ready, self._instant(conn, ready, now))], sequence, now)[0]

    def record_many(
        self, conn: Connection, changes: Iterable[ConsentChange], *, now: datetime
    ) -> RecordedChanges:
        """Append many people's words; what cannot be recorded is listed and stops nobody else.

        A word that was recorded before, at the same instant and with the same evidence, is counted
        and not written again. What an erased person said before the erasure stays out.
        """
        sql.claim_everyone(conn)
        ready: list[tuple[ConsentChange, datetime]] = []
        refused = []
        words = list(changes)
        background = self._background(conn, words, now)
        said = _said_before(conn, words)
        known = 0
        for position, change in enumerate(words):
            try:
                fine = self._ready(conn, change, background, now)
                _refuse_if_erased_since(fine, background)
                if fine.occurred_at is not None and _content(fine) in said:
                    known += 1
                    continue
                said.add(_content(fine))
                ready.append((fine, self._instant(conn, fine, now)))
            except KeepwellError as problem:
                refused.append(RefusedChange(position, problem.message))
        sequence = sql.next_sequence(conn, len(ready))
        return RecordedChanges(self._append(conn, ready, sequence, now), tuple(refused), known)

    def withdraw(
        self,
        conn: Connection,
        customer_id: str,
        purpose: str,
        *,
        now: datetime,
        actor: str = "customer",
        mechanism: str = "api",
    ) -> ConsentEvent:
        """Stop the use of a person's data for one purpose; in force when the caller commits."""
        change = ConsentChange(
            customer_id=customer_id,
            purpose=purpose,
            state="withdrawn",
            actor=actor,
            mechanism=mechanism,
        )
        return self.record(conn, change, now=now)

    def object(
        self,
        conn: Connection,
        customer_id: str,
        *,
        now: datetime,
        actor: str = "customer",
        occurred_at: datetime | None = None,
    ) -> ConsentEvent:
        """Record an objection (art. 21): no marketing, and none of the scoring done for it.

        Only a later explicit consent to a purpose lifts it, for that purpose. `occurred_at` is for
        one said before, of the same person.
        """
        sql.claim_person(conn, customer_id)
        change = ConsentChange(
            customer_id=customer_id,
            purpose=OBJECTION,
            state=OBJECTED,
            occurred_at=occurred_at,
            actor=actor,
            mechanism="objection",
        )
        at = self._instant(conn, change, now)
        return self._append(conn, [(change, at)], sql.next_sequence(conn, 1), now)[0]

    def describe_subject(
        self,
        conn: Connection,
        customer_id: str,
        *,
        now: datetime,
        adult_from: datetime | None = None,
        relation: str | None = None,
    ) -> Subject:
        """Say when a person comes of age, and whether they are a customer or an employee.

        What is not stated stays as it was.
        """
        if relation not in (None, "customer", "employee"):
            raise InvalidInput(f"{relation!r} is neither customer nor employee")
        sql.claim_person(conn, customer_id)
        before = sql.subject(conn, customer_id)
        subject = Subject(adult_from or before.adult_from, relation or before.relation)
        conn.execute(consent_subjects.delete().where(consent_subjects.c.customer_id == customer_id))
        row = {
            "customer_id": customer_id,
            "seq": sql.next_sequence(conn, 1),
            "salt": secrets.token_hex(16),
        }
        conn.execute(insert(consent_subjects), row | subject._asdict())
        return subject

    def _background(
        self, conn: Connection, changes: Sequence[ConsentChange], now: datetime
    ) -> _Background:
        erased: Mapping[str, datetime] = {}
        if self.suppression is not None:
            people = [each.customer_id for each in changes if isinstance(each.customer_id, str)]
            erased = self.suppression.suppressed_at(conn, people, now=now)
        yeses = [change for change in changes if change.state in PERMITTING]
        refer = any(change.notice_id is not None for change in yeses)
        return _Background(erased, published_versions(conn) if refer else {})

    def _ready(
        self, conn: Connection, change: ConsentChange, background: _Background, now: datetime
    ) -> ConsentChange:
        ready = checked(change, now=now)
        if ready.state not in PERMITTING:
            return ready
        ready = completed_yes(background.published, ready, now=now)
        if self.suppression is not None and ready.customer_id in background.erased:
            _refuse_if_erased_since(ready, background)
            if ready.mechanism.strip().lower() == "imported":
                raise _erased()
            self.suppression.lift(conn, ready.customer_id)
        return ready

    def _instant(self, conn: Connection, change: ConsentChange, now: datetime) -> datetime:
        if change.occurred_at is not None:
            return change.occurred_at
        if change.state in PERMITTING:
            return now
        # A no given at this moment holds at once, even against a yes from a clock that runs ahead.
        return max(now, sql.newest_instant(conn, change.customer_id, change.purpose) or now)

    def _append(
        self,
        conn: Connection,
        changes: Sequence[tuple[ConsentChange, datetime]],
        first_sequence: int,
        now: datetime,
    ) -> tuple[ConsentEvent, ...]:
        events = tuple(
            _event(replace(change, occurred_at=at), first_sequence + i, now)
            for i, (change, at) in enumerate(changes)
        )
        if events:
            rows = [
                {"seq": e.sequence} | {name: getattr(e, name) for name in EVENT_COLUMNS}
                for e in events
            ]
            conn.execute(sql.INSERT_EVENTS, rows)
        if self.journal is not None:
            noes = [
                (e.customer_id, e.purpose, e.occurred_at) for e in events if e.state in STOPPING
            ]
            objections = [(e.customer_id, "", e.occurred_at) for e in events if e.state == OBJECTED]
            self.journal.append_many("withdrawal", noes)
            self.journal.append_many("objection", objections)
        return events


def _refuse_if_erased_since(change: ConsentChange, background: _Background) -> None:
    """Keep out what was said before an erasure: only a new act brings a person back."""
    at, erased_at = change.occurred_at, background.erased.get(change.customer_id)
    if at is not None and erased_at is not None and at <= erased_at:
        raise _erased()


def _erased() -> InvalidInput:
    return InvalidInput(
        "this person was erased; an import does not bring them back",
        hint="only a new act of the person does",
    )


_SAID = tuple(name for name in EVENT_COLUMNS if name not in ("event_id", "recorded_at"))


def _content(word: Any) -> tuple[object, ...]:
    """Everything that was said, of a change or a recorded row, to tell whether it is known."""
    return tuple(getattr(word, name) for name in _SAID)


def _said_before(conn: Connection, changes: Sequence[ConsentChange]) -> set[tuple[object, ...]]:
    people = {each.customer_id for each in changes if isinstance(each.customer_id, str)}
    found: set[tuple[object, ...]] = set()
    for some in slices(sorted(people)):
        rows = conn.execute(select(consent_events).where(consent_events.c.customer_id.in_(some)))
        found.update(_content(row) for row in rows)
    return found


def _event(change: ConsentChange, sequence: int, now: datetime) -> ConsentEvent:
    assert change.occurred_at is not None
    return ConsentEvent(
        sequence=sequence,
        event_id=str(uuid4()),
        customer_id=change.customer_id,
        purpose=change.purpose,
        state=change.state,
        occurred_at=change.occurred_at,
        recorded_at=now,
        expires_at=change.expires_at,
        actor=change.actor,
        mechanism=change.mechanism,
        evidence=change.evidence,
        explicit=change.explicit,
        notice_id=change.notice_id,
        notice_version=change.notice_version,
        notice_hash=change.notice_hash,
        notice_locale=change.notice_locale,
        guardian_evidence=change.guardian_evidence,
    )
