"""Permissions given and taken: what the registry records, and everything that follows from it.

A withdrawal is journalled, recorded, stops what waits to be sent and takes stored results with it,
those of whoever the id was merged into among them, all in one transaction; it is effective when
that commits.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from features.events import Event, keepwell_event
from features.links import counted_for
from features.live import append
from governance.canonical import canonical
from governance.consent_record import OBJECTED, STOPPING, ConsentChange, ConsentEvent
from governance.decision import forget_results
from serving.bootstrap import Keepwell
from serving.dossier import drop_dossiers
from serving.interventions.outbox import cancel_for
from serving.locks import lock_customers
from serving.restore import note_journal

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
    """Record one person's word on one purpose; raises `InvalidInput` for a yes without evidence."""
    with keepwell.database.write() as conn:
        lock_customers(conn, [change.customer_id])
        now = clock()
        event = keepwell.registry.record(conn, change, now=now)
        follow_up(keepwell, conn, [event], now=now)
        return event


def withdraw(
    keepwell: Keepwell, customer_id: str, purpose: str, *, actor: str, clock: Clock
) -> ConsentEvent:
    """Take a permission back; needs nothing but who and what."""
    with keepwell.database.write() as conn:
        lock_customers(conn, [customer_id])
        now = clock()
        event = keepwell.registry.withdraw(conn, customer_id, purpose, now=now, actor=actor)
        follow_up(keepwell, conn, [event], now=now)
        return event


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
    """Do what recorded words ask for, in their transaction: stop, forget, remember, log."""
    if not events:
        return
    note_journal(keepwell, conn)
    persons = keepwell.persons.person_ids(conn, {event.customer_id for event in events})
    for event in events:
        if event.state in STOPPING or event.state == OBJECTED:
            cancel_for(conn, event.customer_id, event.purpose, now=now)
        if event.state in STOPPING:
            for customer_id in (event.customer_id, *counted_for(conn, [event.customer_id])):
                person = keepwell.persons.find(conn, customer_id)
                if person is not None:
                    forget_results(conn, person, event.purpose)
                    drop_dossiers(keepwell, conn, person)
    append(conn, [_as_event(event, now) for event in events])
    bodies = [
        {
            "person": persons[event.customer_id],
            "purpose": event.purpose,
            "state": event.state,
            "event": event.event_id,
        }
        for event in events
    ]
    if len(bodies) == 1:
        keepwell.ledger.append(conn, "consent", bodies[0], now=now)
    else:
        states = dict(Counter(f"{event.purpose}: {event.state}" for event in events))
        leaves = [canonical(body) for body in bodies]
        keepwell.ledger.append_batch(conn, "consents", leaves, {"states": states}, now=now)


def _as_event(event: ConsentEvent, now: datetime) -> Event:
    return keepwell_event(
        "consent_changed",
        event.customer_id,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        known_at=now,
        properties={"purpose": event.purpose, "state": event.state},
    )
