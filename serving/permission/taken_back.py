"""Scores taken back: what may not be told any more goes from every place it reached."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from features.links import counted_for, other_ids
from governance.consent.purposes import NAMED_PURPOSES, OBJECTION
from governance.log.decision import forget_results
from serving.bootstrap import Keepwell
from serving.interventions.delivery.withdrawn_scores import (
    announce_withdrawn,
    forget_contact_scores,
    forget_told_scores,
    holds_score,
)
from serving.record.dossier_files import drop_dossiers


def take_back_scores(
    keepwell: Keepwell, conn: Connection, customer_id: str, purpose: str, *, now: datetime
) -> None:
    """Forget every stored score for the purpose; a receiver that may hold one is told to."""
    for each in (customer_id, *counted_for(conn, [customer_id])):
        forget_contact_scores(conn, each, purpose)
        forget_told_scores(conn, each, purpose, now=now)
        person = keepwell.persons.find(conn, each)
        if person is None:
            continue
        was_scored = holds_score(conn, person, purpose)
        forget_results(conn, person, purpose)
        drop_dossiers(keepwell, conn, person)
        if was_scored and keepwell.settings.webhook.url is not None:
            announce_withdrawn(conn, each, purpose, now=now)


def take_back_refused(
    keepwell: Keepwell,
    conn: Connection,
    customer_id: str,
    reasons: Collection[str],
    *,
    now: datetime,
) -> None:
    """Take back what a person is refused for one of `reasons`, under whichever of their ids.

    Where another id has a refusal of its own besides, its scores go as well: the reason is about
    the person.
    """
    same = {customer_id, *other_ids(conn, [customer_id]).get(customer_id, ())}
    spoken = {event.purpose for each in same for event in keepwell.registry.history(conn, each)}
    purposes = sorted(spoken.union(NAMED_PURPOSES) - {OBJECTION, "aggregate"})
    judged = keepwell.registry.permit_purposes(conn, purposes, same, now=now)
    for purpose, (_, refused) in judged.items():
        concerned = refused.get(customer_id) in reasons
        for each in sorted(refused):
            if concerned or refused[each] in reasons:
                take_back_scores(keepwell, conn, each, purpose, now=now)
