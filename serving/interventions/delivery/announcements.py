"""What is told to the receiver about permission and scores, and whether it is still true.

A message may wait for days where a receiver does not answer. It is looked at again each time it is
about to leave: what a later word or a lapse has overtaken is not sent.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from governance.consent.purposes import OBJECTION
from governance.consent.queries import newest_records
from governance.consent.record import ConsentEvent
from governance.consent.registry import ConsentRegistry, Refusal
from governance.errors import NotFound
from governance.instants import parse_instant, to_text
from governance.log.decision import load
from serving.interventions.delivery.messages import CONSENT_CHANGED, SCORE_CHANGED, STEP_UP
from serving.interventions.delivery.outbox import enqueue


def announce_consents(
    conn: Connection, registry: ConsentRegistry, events: Sequence[ConsentEvent], *, now: datetime
) -> int:
    """Queue `consent.changed` for every word that is its person's newest; gives their number.

    Call it in the transaction that recorded them, once they are recorded: a word that arrived late
    changes nothing, and is not told.
    """
    by_purpose: dict[str, list[ConsentEvent]] = defaultdict(list)
    for event in events:
        by_purpose[event.purpose].append(event)
    told = 0
    for purpose, words in by_purpose.items():
        people = frozenset(word.customer_id for word in words)
        newest = newest_records(conn, purpose, people)
        allowed: frozenset[str] = frozenset()
        if purpose != OBJECTION:
            allowed = registry.permit_many(conn, purpose, people, now=now)[0].customers
        for word in words:
            record = newest.get(word.customer_id)
            if record is None or record.event_id != word.event_id:
                continue
            _announce(conn, word, word.customer_id in allowed, now)
            told += 1
    return told


def _announce(conn: Connection, word: ConsentEvent, permitted: bool, now: datetime) -> None:
    data = {
        "customer_id": word.customer_id,
        "purpose": word.purpose,
        "state": word.state,
        "permitted": permitted,
        "occurred_at": to_text(word.occurred_at),
        "expires_at": None if word.expires_at is None else to_text(word.expires_at),
        "event_id": word.event_id,
    }
    enqueue(
        conn,
        CONSENT_CHANGED,
        data,
        customer_id=word.customer_id,
        intervention_id=None,
        due_at=now,
        now=now,
    )


def outdated(
    conn: Connection, registry: ConsentRegistry, message: Row[Any], *, now: datetime
) -> str | None:
    """Say why a message of the outbox is no longer true; None for one that may leave.

    Called in the transaction that claims it. A yes that no longer permits is outdated; a no never
    is, unless a later word of the same person is told instead. A code that has ended helps nobody.
    """
    if message.type not in (CONSENT_CHANGED, SCORE_CHANGED, STEP_UP):
        return None
    try:
        data = json.loads(message.body)["data"]
    except (ValueError, KeyError):
        return "withdrawn"
    if message.type == STEP_UP:
        return "code_expired" if parse_instant(data["valid_until"], UTC) <= now else None
    if message.type == CONSENT_CHANGED:
        return _outdated_word(conn, registry, data, now)
    return _outdated_score(conn, registry, data, now)


def _outdated_word(
    conn: Connection, registry: ConsentRegistry, data: dict[str, Any], now: datetime
) -> str | None:
    customer_id, purpose = data["customer_id"], data["purpose"]
    record = newest_records(conn, purpose, frozenset((customer_id,))).get(customer_id)
    if record is None or record.event_id != data["event_id"]:
        return f"{purpose}: said_otherwise_since"
    if not data["permitted"]:
        return None
    answer = registry.permit(conn, customer_id, purpose, now=now)
    return f"{purpose}: {answer.reason}" if isinstance(answer, Refusal) else None


def _outdated_score(
    conn: Connection, registry: ConsentRegistry, data: dict[str, Any], now: datetime
) -> str | None:
    """Permission of every purpose the score rests on, and the very result it was made from.

    A withdrawal takes the result away for good, so that a later yes brings no old score back.
    """
    if parse_instant(data["expires_at"], UTC) <= now:
        return "score_expired"
    try:
        is_kept = load(conn, data["decision_id"]).result is not None
    except NotFound:
        is_kept = False
    if not is_kept:
        return "score_forgotten"
    for purpose in data["purposes"]:
        answer = registry.permit(conn, data["customer_id"], purpose, now=now)
        if isinstance(answer, Refusal):
            return f"{purpose}: {answer.reason}"
    return None
