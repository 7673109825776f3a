"""The registry of permission: records what people say, and hands out permits.

Permission is judged at the wall clock, from the primary database, in the caller's transaction:
a withdrawal is in force for every read that starts after its commit, in every process. No row, an
unknown state, a malformed row or an unreachable database all mean no.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from governance.consent import queries as sql
from governance.consent.judgement import (
    Facts,
    Question,
    RawRecord,
    Situation,
    question,
    refusal_reason,
)
from governance.consent.purposes import CONSENT, HOME_KINDS, NAMED_PURPOSES, OBJECTION, PurposeRules
from governance.consent.record import STOPPING, ConsentChange, ConsentEvent, Subject
from governance.consent.recorder import ConsentRecorder
from governance.errors import InvalidInput
from governance.instants import from_micros, to_micros
from governance.log.journal import Journal
from governance.proof import AggregatePermit, Permit, mint_aggregate_permit, mint_permit
from governance.pseudonym import Suppression

__all__ = [
    "ConsentChange",
    "ConsentEvent",
    "ConsentRegistry",
    "ConsentState",
    "PurposeRules",
    "Refusal",
]

_MIN_EMPLOYEES = 10

OtherIds = Callable[[Connection, Collection[str]], Mapping[str, frozenset[str]]]
"""Gives the other ids of the same person for each of some ids; those without any may be left out.

An objection, being a minor and being staff are about the person, so they count under every id.
"""


class Refusal(NamedTuple):
    """A no: for which purpose, and the registry's word for why."""

    purpose: str
    reason: str


class ConsentState(NamedTuple):
    """Where a person stands on a purpose; `reason` is empty when it is permitted.

    `since`, `expires_at` and `notice_*` are those of the newest word, where there is one.
    """

    purpose: str
    state: str
    permitted: bool
    reason: str
    basis: str
    event_id: str | None
    expires_at: datetime | None
    since: datetime | None = None
    notice_id: str | None = None
    notice_version: int | None = None


class ConsentRegistry(ConsentRecorder):
    """One per home. `journal` keeps every no outside the backup, `suppression` the erased out.

    `other_ids` says which ids are one person; without it every id is somebody else.
    """

    def __init__(
        self,
        rules: PurposeRules,
        *,
        home_kind: str,
        suppression: Suppression | None = None,
        journal: Journal | None = None,
        other_ids: OtherIds | None = None,
    ) -> None:
        if home_kind not in HOME_KINDS:
            raise InvalidInput(f"{home_kind!r} is not a kind of home: {', '.join(HOME_KINDS)}")
        self.rules = rules
        self.home_kind = home_kind
        self.other_ids = other_ids
        super().__init__(suppression=suppression, journal=journal)

    def permit(
        self,
        conn: Connection,
        customer_id: str,
        purpose: str,
        *,
        now: datetime,
        others: Collection[str] | None = None,
    ) -> Permit | Refusal:
        """Judge one person and purpose now; whoever withdraws waits for this transaction to end.

        `others` are the person's other ids, for a caller who has just looked.
        """
        asked = question(purpose, self.rules, home_kind=self.home_kind, now=to_micros(now))
        reason, row = self._judge(conn, asked, customer_id, now, others)
        if reason is not None or row is None:
            return Refusal(purpose, reason or "unreachable")
        consent = asked.basis.needs_consent
        return mint_permit(
            purpose=purpose,
            customers=frozenset((customer_id,)),
            judged_at=now,
            sequence=int(row.sequence or 0),
            basis=asked.basis.kind,
            consent_event_ids={customer_id: str(row.event_id)} if consent else {},
        )

    def permit_many(
        self,
        conn: Connection,
        purpose: str,
        customers: Collection[str],
        *,
        now: datetime,
        hold: bool = False,
        others: Mapping[str, Collection[str]] | None = None,
    ) -> tuple[Permit, Mapping[str, str]]:
        """Judge many people at one sequence number: a permit over those allowed, and the refusals.

        A long batch asks `changed_since` before it publishes. With `hold` (few people, one short
        transaction) whoever withdraws waits instead. `others` are the people's other ids, for a
        caller who has just looked.
        """
        [found] = self.permit_purposes(
            conn, [purpose], customers, now=now, hold=hold, others=others
        ).values()
        return found

    def permit_purposes(
        self,
        conn: Connection,
        purposes: Collection[str],
        customers: Collection[str],
        *,
        now: datetime,
        hold: bool = False,
        others: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, tuple[Permit, Mapping[str, str]]]:
        """Do what `permit_many` does for several purposes, at the same sequence number."""
        asked = {
            purpose: question(purpose, self.rules, home_kind=self.home_kind, now=to_micros(now))
            for purpose in purposes
        }
        people = frozenset(customers)
        try:
            known = self._others(conn, people) if others is None else others
            linked = {each: known[each] for each in people & known.keys()}
            if hold:
                sql.hold_people(conn, people.union(*linked.values()))
            sequence = sql.current_sequence(conn)
            situations = _Situations(self, conn, people, linked, now)
            return {
                purpose: self._permit_all(conn, each, people, situations, sequence, now)
                for purpose, each in asked.items()
            }
        except SQLAlchemyError:
            nobody = dict.fromkeys(people, "unreachable")
            return {
                purpose: (self._permit_over(each, {}, 0, now), nobody)
                for purpose, each in asked.items()
            }

    def _permit_all(
        self,
        conn: Connection,
        asked: Question,
        people: frozenset[str],
        situations: "_Situations",
        sequence: int,
        now: datetime,
    ) -> tuple[Permit, Mapping[str, str]]:
        records = sql.newest_records(conn, asked.purpose, people)
        current, material = sql.notice_rules(conn, asked.purpose, now)
        allowed: dict[str, str] = {}
        refused: dict[str, str] = {}
        for customer_id in people:
            record = records.get(customer_id)
            situation = situations.of(
                customer_id, current, None if record is None else material.get(record.notice_id)
            )
            elsewhere = situations.elsewhere(customer_id)
            reason = refusal_reason(asked, customer_id, record, situation, elsewhere=elsewhere)
            if reason is None:
                allowed[customer_id] = "" if record is None else str(record.event_id)
            else:
                refused[customer_id] = reason
        return self._permit_over(asked, allowed, sequence, now), refused

    def changed_since(
        self, conn: Connection, permit: Permit, *, hold: bool = False
    ) -> frozenset[str]:
        """Give the permitted people whose permission changed after the permit was made.

        A batch drops them before it publishes. A material notice change concerns everyone whose
        consent the permit relied on. With `hold` whoever withdraws from now on waits until this
        transaction ends, so that what it writes is there to be taken back.
        """
        permit.require(permit.purpose)
        if hold:
            sql.claim_everyone(conn)
        if permit.consent_event_ids and sql.notice_changed_since(
            conn, permit.purpose, permit.judged_at
        ):
            return permit.customers
        changed = sql.changed_people(conn, permit.purpose, permit.sequence)
        if changed:
            linked = self._others(conn, permit.customers)
            changed |= {each for each, others in linked.items() if not changed.isdisjoint(others)}
        if self.suppression is not None:
            changed |= self.suppression.suppressed_among(
                conn, permit.customers, now=permit.judged_at, since=permit.sequence
            )
        return permit.customers & changed

    def changes_since(
        self,
        conn: Connection,
        purpose: str,
        *,
        sequence: int,
        judged_at: datetime,
        hold: bool = False,
    ) -> frozenset[str] | None:
        """Give everyone whose permission may have changed after a sequence number; None: anyone's.

        For batches of so many people that their permits are not kept; `changed_since` is exact.
        Whoever was erased is not among them: ask who has no person id any more. None where a
        notice was published after `judged_at`. With `hold` as `changed_since`.
        """
        if hold:
            sql.claim_everyone(conn)
        basis = self.rules.basis(purpose, home_kind=self.home_kind)
        if basis.needs_consent and sql.notice_changed_since(conn, purpose, judged_at):
            return None
        changed = sql.changed_people(conn, purpose, sequence)
        return frozenset(changed).union(*self._others(conn, changed).values())

    def aggregate_permit(
        self, conn: Connection, purpose: str, *, now: datetime, employees: bool = False
    ) -> AggregatePermit:
        """Permit figures over at least 5 people (10 when they are employees), and no rows."""
        sql.current_sequence(conn)
        basis = self.rules.basis(purpose, home_kind=self.home_kind)
        people = max(self.rules.min_people, _MIN_EMPLOYEES if employees else 0)
        return mint_aggregate_permit(
            purpose=purpose, basis=basis.kind, judged_at=now, min_people=people
        )

    def state(
        self, conn: Connection, customer_id: str, purpose: str, *, now: datetime
    ) -> ConsentState:
        """Say where a person stands on one purpose."""
        asked = question(purpose, self.rules, home_kind=self.home_kind, now=to_micros(now))
        reason, row = self._judge(conn, asked, customer_id, now)
        word = row if row is not None and isinstance(row.event_id, str) else None
        return ConsentState(
            purpose=purpose,
            state="unknown" if word is None else str(word.state),
            permitted=reason is None,
            reason=reason or "",
            basis=asked.basis.kind,
            event_id=None if word is None else word.event_id,
            expires_at=None if word is None else _instant(word.expires_at),
            since=None if word is None else _instant(word.occurred_at),
            notice_id=None if word is None else word.notice_id,
            notice_version=None if word is None else word.notice_version,
        )

    def states(
        self, conn: Connection, customer_id: str, *, now: datetime
    ) -> tuple[ConsentState, ...]:
        """Say where a person stands on every purpose there is or they ever spoke about."""
        spoken = {event.purpose for event in self.history(conn, customer_id)} - {OBJECTION}
        purposes = sorted(spoken.union(NAMED_PURPOSES) - {"aggregate"})
        return tuple(self.state(conn, customer_id, purpose, now=now) for purpose in purposes)

    def withdraw_all(
        self,
        conn: Connection,
        customer_id: str,
        *,
        now: datetime,
        actor: str = "customer",
        mechanism: str = "api",
    ) -> tuple[ConsentEvent, ...]:
        """Stop everything but what a contract carries.

        A no that was said before is said again: an older yes that arrives late cannot come between.
        """
        sql.claim_person(conn, customer_id)
        return tuple(
            self.withdraw(
                conn, customer_id, each.purpose, now=now, actor=actor, mechanism=mechanism
            )
            for each in self._own_choices(conn, customer_id, now=now)
        )

    def stoppable(self, conn: Connection, customer_id: str, *, now: datetime) -> tuple[str, ...]:
        """Name the purposes a person can still stop: spoken about, or going on without a word."""
        return tuple(
            each.purpose
            for each in self._own_choices(conn, customer_id, now=now)
            if each.state not in STOPPING
        )

    def _own_choices(
        self, conn: Connection, customer_id: str, *, now: datetime
    ) -> tuple[ConsentState, ...]:
        return tuple(
            each
            for each in self.states(conn, customer_id, now=now)
            if each.basis != "contract" and (each.event_id is not None or each.basis not in CONSENT)
        )

    def subject(self, conn: Connection, customer_id: str) -> Subject:
        """Give what is known of a person besides consent."""
        return sql.subject(conn, customer_id)

    def history(self, conn: Connection, customer_id: str) -> tuple[ConsentEvent, ...]:
        """Give everything a person ever said, in the order it was recorded."""
        return sql.history(conn, customer_id)

    def _others(self, conn: Connection, customers: Collection[str]) -> Mapping[str, frozenset[str]]:
        return {} if self.other_ids is None else self.other_ids(conn, customers)

    def _judge(
        self,
        conn: Connection,
        asked: Question,
        customer_id: str,
        now: datetime,
        others: Collection[str] | None = None,
    ) -> tuple[str | None, Any]:
        if not isinstance(customer_id, str) or not customer_id:
            return "malformed", None
        token = "" if self.suppression is None else self.suppression.token(customer_id)
        try:
            if others is None:
                others = self._others(conn, (customer_id,)).get(customer_id, ())
            if others:
                sql.hold_people(conn, {customer_id, *others})
            elsewhere = _facts(conn, frozenset(others)) if others else {}
            row = sql.newest_record(conn, customer_id, asked.purpose, token, now)
        except SQLAlchemyError:
            return "unreachable", None
        except (ValueError, TypeError):
            return "malformed", None
        record = None if row.event_id is None else RawRecord(*row[: len(RawRecord._fields)])
        situation = Situation(
            objected_at=row.objected_at,
            adult_from=row.adult_from,
            relation=row.relation,
            suppressed=bool(row.suppressed),
            current_notice=row.current_notice,
            last_material_version=row.last_material_version,
        )
        known = tuple(elsewhere.values())
        return refusal_reason(asked, customer_id, record, situation, elsewhere=known), row

    def _permit_over(
        self, asked: Question, allowed: Mapping[str, str], sequence: int, now: datetime
    ) -> Permit:
        return mint_permit(
            purpose=asked.purpose,
            customers=frozenset(allowed),
            judged_at=now,
            sequence=sequence,
            basis=asked.basis.kind,
            consent_event_ids=allowed if asked.basis.needs_consent else {},
        )


def _instant(micros: Any) -> datetime | None:
    return from_micros(micros) if type(micros) is int else None


_NOTHING = Facts()


def _facts(conn: Connection, people: frozenset[str]) -> Mapping[str, Facts]:
    """Read what is known of each of these; an id of which nothing is known is left out."""
    objected, subjects = sql.objections(conn, people), sql.subjects(conn, people)
    return {
        each: Facts(objected.get(each), *subjects.get(each, (None, None)))
        for each in people & (objected.keys() | subjects.keys())
    }


class _Situations:
    """What many people's verdicts depend on whatever the purpose, read at once."""

    def __init__(
        self,
        registry: ConsentRegistry,
        conn: Connection,
        people: frozenset[str],
        linked: Mapping[str, Collection[str]],
        now: datetime,
    ) -> None:
        self.linked = linked
        self.facts = _facts(conn, people.union(*linked.values()))
        self.suppressed: set[str] = set()
        if registry.suppression is not None:
            self.suppressed = registry.suppression.suppressed_among(conn, people, now=now)

    def of(
        self, customer_id: str, current_notice: str | None, last_material_version: int | None
    ) -> Situation:
        known = self.facts.get(customer_id, _NOTHING)
        return Situation(
            objected_at=known.objected_at,
            adult_from=known.adult_from,
            relation=known.relation,
            suppressed=customer_id in self.suppressed,
            current_notice=current_notice,
            last_material_version=last_material_version,
        )

    def elsewhere(self, customer_id: str) -> tuple[Facts, ...]:
        """Give what is known of the same person under other ids."""
        others = self.linked.get(customer_id, ())
        return tuple(self.facts[each] for each in others if each in self.facts)
