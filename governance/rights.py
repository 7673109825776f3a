"""This floor's share of a person's rights: give everything out, erase it, and erase it again.

Erasing is one step of the transaction that `serving` runs over all floors; export gives exactly
what erasure would delete, and says whether a suppression token is kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select

from governance import lineage
from governance.consent.purposes import OBJECTION
from governance.consent.queries import claim_numbers, claim_person, next_sequence
from governance.consent.record import OBJECTED, STOPPING, ConsentChange, ConsentEvent
from governance.consent.registry import ConsentRegistry
from governance.instants import parse_instant, to_text
from governance.log import decision
from governance.log.journal import Journal, JournalEntry
from governance.pseudonym import PersonIds, Suppression
from governance.tables import consent_events, consent_subjects


class Erased(NamedTuple):
    """What an erasure took from this floor; `suppressed_until` is when the token lapses."""

    consent_events: int
    results: int
    suppressed_until: datetime


class Replayed(NamedTuple):
    """What a journal brought back after a restore; `erasures` still wait for all floors.

    `words` are the withdrawals and objections recorded again, for whatever follows from them;
    `reviews` say whose contested decision stands where, for the floor that keeps them, and
    `ending_keys` which rotated keys end when.
    """

    words: tuple[ConsentEvent, ...]
    erasures: tuple[str, ...]
    revoked_keys: tuple[str, ...]
    unknown: int
    reviews: tuple[tuple[str, JournalEntry], ...] = ()
    ending_keys: tuple[tuple[str, datetime], ...] = ()


def claim_customer(conn: Connection, customer_id: str) -> None:
    """Take what an erasure waits for in the order in which every change of permission takes it.

    Call it before the erasure is logged: whoever held the log while waiting for a number would
    stand against a withdrawal that holds the number and waits for the log.
    """
    claim_person(conn, customer_id)
    claim_numbers(conn)


def erase_customer(
    conn: Connection,
    customer_id: str,
    *,
    now: datetime,
    persons: PersonIds,
    suppression: Suppression,
    journal: Journal | None,
) -> Erased:
    """Erase a person from this floor: permissions, the way to their person id, stored results.

    The journal line is on disk before the caller's transaction commits. The log keeps commitments
    under a random id that now leads nowhere. From the commit on every permit is refused.
    """
    claim_person(conn, customer_id)
    until = suppression.suppress(conn, customer_id, now=now, sequence=next_sequence(conn, 1))
    mine = consent_events.c.customer_id == customer_id
    events = conn.execute(delete(consent_events).where(mine)).rowcount
    conn.execute(delete(consent_subjects).where(consent_subjects.c.customer_id == customer_id))
    person = persons.destroy(conn, customer_id)
    results = 0 if person is None else decision.forget_person(conn, person)
    if journal is not None:
        journal.append("erasure", now=now, customer_id=customer_id)
    return Erased(events, results, until)


def export_customer(
    conn: Connection,
    customer_id: str,
    *,
    now: datetime,
    registry: ConsentRegistry,
    persons: PersonIds,
    suppression: Suppression,
) -> dict[str, Any]:
    """Give everything this floor holds of a person, as plain JSON."""
    person = persons.find(conn, customer_id)
    decided = [] if person is None else decision.of_person(conn, person)
    subject = conn.execute(
        select(consent_subjects).where(consent_subjects.c.customer_id == customer_id)
    ).one_or_none()
    return {
        "consents": [_plain(asdict(event)) for event in registry.history(conn, customer_id)],
        "about": None
        if subject is None
        else _plain({"adult_from": subject.adult_from, "relation": subject.relation}),
        "person_id": person,
        "decisions": [_plain(asdict(each)) for each in decided],
        "trained_into": []
        if person is None
        else [_plain(each._asdict()) for each in lineage.learned_from(conn, person)],
        "suppression": _token(conn, suppression, customer_id, now),
    }


def _token(
    conn: Connection, suppression: Suppression, customer_id: str, now: datetime
) -> dict[str, Any] | None:
    """Disclose the keyed token that keeps an erased person erased."""
    found = suppression.find(conn, customer_id, now=now)
    return None if found is None else {"since": to_text(found[0]), "until": to_text(found[1])}


def replay_journal(
    conn: Connection,
    registry: ConsentRegistry,
    journal: Journal,
    customers: Iterable[str],
    *,
    now: datetime,
    since: datetime | None = None,
    after: int = 0,
) -> Replayed:
    """Bring back after a restore what people asked for since; run it before serving.

    `customers` are all ids the restored database knows; `since` is the instant of the backup, a
    little before it to be safe, or `after` the journal's position that it remembers. Withdrawals
    and objections are recorded again here, with their own instants; the results they took away must
    now be forgotten again for the `words`, the customers in `erasures` be erased on all floors and
    `revoked_keys` be revoked. Running it again changes nothing.
    """
    entries = journal.entries(since=since, after=after)
    known = {journal.token(customer_id): customer_id for customer_id in customers}
    concerned = [(known[entry.token], entry) for entry in entries if entry.token in known]
    erasures = tuple(sorted({who for who, entry in concerned if entry.kind == "erasure"}))
    silent = ConsentRegistry(registry.rules, home_kind=registry.home_kind)
    words = [
        *_record_again(conn, silent, concerned, "withdrawal", now),
        *_record_again(conn, silent, concerned, "objection", now),
    ]
    keys = tuple(sorted({entry.detail for entry in entries if entry.kind == "key_revoked"}))
    ending = tuple(_ending(entry) for entry in entries if entry.kind == "key_ending")
    unknown = sum(1 for entry in entries if entry.token and entry.token not in known)
    reviews = tuple((who, entry) for who, entry in concerned if entry.kind == "review")
    return Replayed(tuple(words), erasures, keys, unknown, reviews, ending)


def _ending(entry: JournalEntry) -> tuple[str, datetime]:
    key_id, _, ends_at = entry.detail.partition(" ")
    return key_id, parse_instant(ends_at, UTC)


def _record_again(
    conn: Connection,
    registry: ConsentRegistry,
    concerned: Sequence[tuple[str, JournalEntry]],
    kind: str,
    now: datetime,
) -> list[ConsentEvent]:
    done = []
    for customer_id, entry in concerned:
        if entry.kind != kind or _is_recorded(conn, registry, customer_id, entry):
            continue
        if kind == "objection":
            done.append(registry.object(conn, customer_id, now=entry.at))
        else:
            change = ConsentChange(
                customer_id=customer_id,
                purpose=entry.detail,
                state="withdrawn",
                occurred_at=entry.at,
                actor="restore",
                mechanism="journal",
            )
            done.append(registry.record(conn, change, now=max(now, entry.at)))
    return done


def _is_recorded(
    conn: Connection, registry: ConsentRegistry, customer_id: str, entry: JournalEntry
) -> bool:
    purpose = OBJECTION if entry.kind == "objection" else entry.detail
    return any(
        event.purpose == purpose
        and event.occurred_at >= entry.at
        and (event.state in STOPPING or event.state == OBJECTED)
        for event in registry.history(conn, customer_id)
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: to_text(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
