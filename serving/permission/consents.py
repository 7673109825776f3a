"""Permissions given and taken: what the registry records, and everything that follows from it.

A withdrawal is journalled, recorded, stops what waits to be sent and takes stored results with it,
those of whoever the id was merged into among them, all in one transaction; it is effective when
that commits.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, date, datetime, time
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.events import Event, keepwell_event
from features.links import counted_for
from features.live import append
from governance.canonical import canonical
from governance.consent import receipts
from governance.consent.record import OBJECTED, STOPPING, ConsentChange, ConsentEvent, Subject
from governance.consent.sealed import sealed_subject, word_digest
from governance.errors import InvalidInput, NotFound
from serving.bootstrap import Keepwell
from serving.interventions.delivery.announcements import announce_consents
from serving.interventions.delivery.messages import CONSENT_CHANGED
from serving.interventions.delivery.outbox import cancel_for
from serving.locks import lock_customers
from serving.permission.taken_back import take_back_refused, take_back_scores
from serving.record.kept_answers import forget_answers
from serving.record.restore import note_journal

Clock = Callable[[], datetime]
_SLICE = 1_000


class Recorded(NamedTuple):
    """How many words were recorded, how many of them a yes, and how many not, with why.

    `known` counts words that were recorded before, which changes nothing.
    """

    recorded: int
    granted: int
    refused: int
    reasons: dict[str, int]
    known: int = 0


def change_consent(keepwell: Keepwell, change: ConsentChange, *, clock: Clock) -> ConsentEvent:
    """Record one person's word on one purpose; raises `InvalidInput` for a yes without evidence.

    So does a renewal where there was never a yes: it would hide that nobody was asked before.
    """
    with keepwell.database.write() as conn:
        lock_customers(conn, [change.customer_id])
        return say(keepwell, conn, change, now=clock())


def say(
    keepwell: Keepwell, conn: Connection, change: ConsentChange, *, now: datetime
) -> ConsentEvent:
    """Record one word in the caller's transaction, which holds the customer's lock."""
    if change.state == "renewed":
        _require_earlier_yes(keepwell, conn, change)
    event = keepwell.registry.record(conn, change, now=now)
    follow_up(keepwell, conn, [event], now=now)
    return event


def _require_earlier_yes(keepwell: Keepwell, conn: Connection, change: ConsentChange) -> None:
    said = keepwell.registry.history(conn, change.customer_id)
    if not any(event.permits and event.purpose == change.purpose for event in said):
        raise InvalidInput(
            f"there was never a yes to {change.purpose} that could be renewed",
            hint="record a first yes: consent grant, or the state given",
        )


def withdraw(
    keepwell: Keepwell, customer_id: str, purpose: str, *, actor: str, clock: Clock
) -> ConsentEvent:
    """Take a permission back; needs nothing but who and what."""
    change = ConsentChange(
        customer_id=customer_id, purpose=purpose, state="withdrawn", actor=actor, mechanism="api"
    )
    return change_consent(keepwell, change, clock=clock)


def withdraw_all(
    keepwell: Keepwell, customer_id: str, *, actor: str, clock: Clock
) -> tuple[ConsentEvent, ...]:
    """Stop everything a person can stop, in one act."""
    with keepwell.database.write() as conn:
        lock_customers(conn, [customer_id])
        return stop_everything(keepwell, conn, customer_id, actor=actor, now=clock())


def stop_everything(
    keepwell: Keepwell,
    conn: Connection,
    customer_id: str,
    *,
    actor: str,
    now: datetime,
    mechanism: str = "api",
) -> tuple[ConsentEvent, ...]:
    """Stop everything in the caller's transaction, which holds the customer's lock."""
    events = keepwell.registry.withdraw_all(
        conn, customer_id, now=now, actor=actor, mechanism=mechanism
    )
    follow_up(keepwell, conn, events, now=now)
    return events


def describe_subject(
    keepwell: Keepwell,
    customer_id: str,
    *,
    adult_from: datetime | None,
    relation: str | None,
    clock: Clock,
) -> Subject:
    """Say when a person comes of age, and whether they are staff; what is not stated stays.

    Whatever was estimated of someone who may not be is forgotten.
    """
    with keepwell.database.write() as conn:
        lock_customers(conn, [customer_id])
        about = Subject(adult_from, relation or "")
        return describe(keepwell, conn, customer_id, about, now=clock())


def describe(
    keepwell: Keepwell, conn: Connection, customer_id: str, about: Subject, *, now: datetime
) -> Subject:
    """Do what `describe_subject` does in the caller's transaction, which holds the lock.

    No relation ("") and no coming of age leave what was known.
    """
    subject = keepwell.registry.describe_subject(
        conn, customer_id, now=now, adult_from=about.adult_from, relation=about.relation or None
    )
    take_back_refused(keepwell, conn, customer_id, ("employee", "minor"), now=now)
    person = keepwell.persons.person_id(conn, customer_id)
    body = {"person": person, **sealed_subject(conn, customer_id)}
    keepwell.ledger.append(conn, "subject", body, now=now)
    return subject


def consent_paper(
    keepwell: Keepwell,
    conn: Connection,
    kind: Literal["record", "receipt"],
    customer_id: str,
    *,
    event_id: str | None = None,
) -> dict[str, Any]:
    """Give the record or the receipt of one word, the newest if none is named.

    Raises `NotFound` when the person never said it.
    """
    history = keepwell.registry.history(conn, customer_id)
    chosen = [event for event in history if event_id in (None, event.event_id)]
    if not chosen:
        raise NotFound("there is no such recorded word", hint="see: keepwell consent show CUSTOMER")
    write = receipts.record if kind == "record" else receipts.receipt
    return write(
        conn,
        chosen[-1],
        history,
        keepwell.registry.rules,
        home_kind=keepwell.kind,
        handling=keepwell.settings.controller.handling(),
    )


def birthday(born: date, years: int, zone: ZoneInfo) -> datetime:
    """Give the midnight at which someone turns so many years old; of 29 February, 1 March.

    Raises `InvalidInput` for a birthday so late that no calendar reaches that day.
    """
    if born.year + years >= MAXYEAR:
        raise InvalidInput("the birthday lies too far in the future", hint="write it as 2012-01-31")
    try:
        day = born.replace(year=born.year + years)
    except ValueError:
        day = date(born.year + years, 3, 1)
    return datetime.combine(day, time(), zone)


def record_all(keepwell: Keepwell, changes: Sequence[ConsentChange], *, clock: Clock) -> Recorded:
    """Record many people's own words; one that cannot be recorded does not hold up the others."""
    recorded, granted, known, reasons = 0, 0, 0, Counter[str]()
    for start in range(0, len(changes), _SLICE):
        some = changes[start : start + _SLICE]
        with keepwell.database.write() as conn:
            lock_customers(conn, [change.customer_id for change in some])
            now = clock()
            done = keepwell.registry.record_many(conn, some, now=now)
            follow_up(keepwell, conn, done.events, now=now)
        recorded += len(done.events)
        granted += sum(event.permits for event in done.events)
        known += done.known
        reasons.update(each.reason for each in done.refused)
    return Recorded(recorded, granted, reasons.total(), dict(reasons), known)


def follow_up(
    keepwell: Keepwell, conn: Connection, events: Sequence[ConsentEvent], *, now: datetime
) -> None:
    """Do what recorded words ask for, in their transaction: stop, forget, remember, log.

    The log holds a digest of each word under its number, which `check_consents` compares.
    """
    if not events:
        return
    note_journal(keepwell, conn)
    persons = keepwell.persons.person_ids(conn, {event.customer_id for event in events})
    for event in events:
        if event.state in STOPPING or event.state == OBJECTED:
            cancel_for(conn, event.customer_id, event.purpose, now=now)
            theirs = (event.customer_id, *counted_for(conn, [event.customer_id]))
            forget_answers(conn, theirs)
        if event.state in STOPPING:
            take_back_scores(keepwell, conn, event.customer_id, event.purpose, now=now)
        if event.state == OBJECTED:
            take_back_refused(keepwell, conn, event.customer_id, (OBJECTED,), now=now)
    if keepwell.kind == "production" and keepwell.settings.webhook.sends(CONSENT_CHANGED):
        announce_consents(conn, keepwell.registry, events, now=now)
    append(conn, [_as_event(event, now) for event in events])
    bodies = [
        {
            "person": persons[event.customer_id],
            "purpose": event.purpose,
            "state": event.state,
            "seq": event.sequence,
            "digest": word_digest(event),
        }
        for event in events
    ]
    if len(bodies) == 1:
        keepwell.ledger.append(conn, "consent", bodies[0], now=now)
    else:
        states = dict(Counter(f"{event.purpose}: {event.state}" for event in events))
        leaves = [canonical(body) for body in bodies]
        words = [[body["seq"], body["person"], body["digest"]] for body in bodies]
        body = {"states": states, "words": words}
        keepwell.ledger.append_batch(conn, "consents", leaves, body, now=now)


def _as_event(event: ConsentEvent, now: datetime) -> Event:
    return keepwell_event(
        "consent_changed",
        event.customer_id,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        known_at=now,
        properties={"purpose": event.purpose, "state": event.state},
    )
