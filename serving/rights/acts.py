"""What people may ask for: their data, erasure, to be left alone.

Export and erasure call each floor's own function, in the order of the floors.
"""

from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features import erasure as features
from features.compaction import sweep
from features.links import counted_for, merged_ids, merged_into
from governance import rights as governance
from governance.errors import NotFound
from governance.instants import to_text
from governance.log.decision import forget_person
from serving.bootstrap import Keepwell
from serving.interventions.delivery import outbox
from serving.interventions.delivery.held_addresses import erase_addresses, export_addresses
from serving.interventions.delivery.score_news import forget_told, told_to
from serving.links import lock_linked
from serving.permission.consents import follow_up
from serving.record import kept_answers
from serving.record.dossier_files import drop_dossiers
from serving.record.restore import bring_back, note_journal
from serving.record.review_requests import close_for_erasure, requests_of
from serving.record.step_up_codes import export_codes, forget_codes
from serving.rights import complaints
from serving.rights.carried import carry_over
from serving.rights.customers import require_known
from serving.scoring.own_rows import drop_rows, held_scores


def export(
    keepwell: Keepwell, customer_id: str, *, now: datetime, key_id: str = ""
) -> dict[str, Any]:
    """Give everything held about a customer: exactly what erasure would delete.

    `merged` holds the same of every id merged into this one, each with its own id. Of someone who
    was erased only the token is left that keeps them erased. `about_processing` says what is done
    with all of it (art. 15). Raises `NotFound` when nothing is held. The log learns that it was
    asked for, and by which key.
    """
    from serving.rights.processing_record import processing_record  # reads models: slow to import

    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_linked(conn, [inside])
        if keepwell.suppression.find(conn, inside, now=now) is None:
            require_known(keepwell, conn, inside)
        found = {
            "customer_id": customer_id,
            "home": keepwell.kind,
            "exported_at": to_text(now),
            **_everything(keepwell, conn, inside, now),
            "merged": [
                {"customer_id": each, **_everything(keepwell, conn, each, now)}
                for each in merged_ids(conn, inside)
            ],
            "about_processing": processing_record(keepwell, conn, now=now).to_json(),
        }
        _log(keepwell, conn, "export", inside, now, key_id)
    return found


def _everything(
    keepwell: Keepwell, conn: Connection, customer_id: str, now: datetime
) -> dict[str, Any]:
    """Give what each floor holds under one id."""
    person = keepwell.persons.find(conn, customer_id)
    return {
        **governance.export_customer(
            conn,
            customer_id,
            now=now,
            registry=keepwell.registry,
            persons=keepwell.persons,
            suppression=keepwell.suppression,
        ),
        **features.export_customer(conn, customer_id),
        **outbox.export_customer(conn, customer_id),
        **export_addresses(conn, customer_id),
        "told_scores": [] if person is None else told_to(conn, person),
        "step_up_codes": [] if person is None else export_codes(conn, person),
        **kept_answers.export_customer(conn, customer_id),
        "review_requests": []
        if person is None
        else [each.to_json(now=now) for each in requests_of(conn, person)],
        "complaints": []
        if person is None
        else [each.to_json() for each in complaints.complaints_of(conn, person)],
    }


def erase(
    keepwell: Keepwell, customer_id: str, *, now: datetime, key_id: str = ""
) -> dict[str, Any]:
    """Erase a customer everywhere in one transaction, after which every read is refused.

    Ids merged into this one are the same person and go with it; an id that was itself merged into
    another takes its own events from that one, which keeps that the person objected, is a minor or
    staff. What is kept: a keyed token, for a limited time, so that a re-import does not bring them
    back, and commitments in the log under a random id that now leads nowhere. Raises `NotFound`
    when nothing is held.
    """
    return _erase(keepwell, keepwell.inside_id(customer_id), now=now, key_id=key_id)


def _erase(
    keepwell: Keepwell,
    customer_id: str,
    *,
    now: datetime,
    settling: bool = False,
    key_id: str = "",
) -> dict[str, Any]:
    with held_scores(keepwell.home), keepwell.database.write() as conn:
        lock_linked(conn, [customer_id])
        require_known(keepwell, conn, customer_id)
        merged = [] if settling else merged_ids(conn, customer_id)
        going, kept = (customer_id, *merged), merged_into(conn, customer_id)
        for each in going:
            governance.claim_customer(conn, each)
        if kept is not None:
            for each in going:
                carry_over(keepwell, conn, each, kept, now=now, words=not settling)
        counts = Counter[str]()
        drop_rows(keepwell.home, {*going, *counted_for(conn, going)})
        until = [_erase_one(keepwell, conn, each, counts, now, key_id) for each in going]
        if not settling:  # others still wait for theirs
            note_journal(keepwell, conn)
    with keepwell.database.write() as conn:
        sweep(conn, keepwell.store)
    return {
        "erased_at": to_text(now),
        **{name: counts[name] for name in ("events", "consents", "scores", "interventions")},
        "merged_ids": len(merged),
        "kept_out_until": to_text(max(until)),
    }


def _erase_one(
    keepwell: Keepwell,
    conn: Connection,
    customer_id: str,
    counts: Counter[str],
    now: datetime,
    key_id: str,
) -> datetime:
    """Erase what is held under one id; whoever it was merged into loses its events, and results."""
    _log(keepwell, conn, "erasure", customer_id, now, key_id)
    own = keepwell.persons.find(conn, customer_id)
    drop_dossiers(keepwell, conn, own)
    if own is not None:
        close_for_erasure(conn, own, now=now)
        complaints.close_for_erasure(conn, own, now=now)
        forget_told(conn, own)
        forget_codes(conn, own)
    for each in counted_for(conn, [customer_id]):
        person = keepwell.persons.find(conn, each)
        if person is not None:
            counts["scores"] += forget_person(conn, person)
            drop_dossiers(keepwell, conn, person)
    ground = governance.erase_customer(
        conn,
        customer_id,
        now=now,
        persons=keepwell.persons,
        suppression=keepwell.suppression,
        journal=keepwell.journal,
    )
    counts["consents"] += ground.consent_events
    counts["scores"] += ground.results
    counts["events"] += features.erase_customer(conn, keepwell.store, customer_id, now=now).events
    counts["interventions"] += outbox.erase_customer(conn, customer_id, now=now)
    erase_addresses(conn, customer_id)
    kept_answers.forget_answers(conn, [customer_id])
    return ground.suppressed_until


def settle(keepwell: Keepwell, *, now: datetime) -> int:
    """Settle what the journal knows and a restored database does not; gives how many erasures.

    Run it before serving. Where the database was not restored from a backup it does nothing.
    """
    found = bring_back(keepwell, follow_up=follow_up, now=now)
    if found is None:
        return 0
    for customer_id in found.erasures:  # each id has its own line, whoever it is merged with now
        with suppress(NotFound):  # another worker, settling too, was quicker
            _erase(keepwell, customer_id, now=now, settling=True)
    with keepwell.database.write() as conn:
        note_journal(keepwell, conn)
    return len(found.erasures)


def object_to_processing(keepwell: Keepwell, customer_id: str, *, now: datetime) -> dict[str, Any]:
    """Record an objection (art. 21): no marketing outreach, nor the scoring done for it.

    What waits to be sent is stopped and stored scores go in the same transaction. Only a later
    explicit consent lifts the objection, for its own purpose.
    """
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_linked(conn, [inside])
        event = keepwell.registry.object(conn, inside, now=now)
        follow_up(keepwell, conn, [event], now=now)
    return {"event_id": event.event_id, "effective_at": to_text(event.recorded_at)}


def _log(
    keepwell: Keepwell, conn: Connection, kind: str, customer_id: str, now: datetime, key_id: str
) -> None:
    """Note the act under the random person id, which an erasure then cuts off."""
    person = keepwell.persons.find(conn, customer_id)
    asked = {"key": key_id} if key_id else {}
    keepwell.ledger.append(conn, kind, {"person": person, **asked}, now=now)
