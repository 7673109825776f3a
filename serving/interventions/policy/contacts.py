"""How often each customer was contacted: outside Keepwell as their history says, and by it."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, select

from features.history import Histories, read_customer, read_customers, read_ranges
from governance.consent.registry import ConsentRegistry
from governance.instants import to_micros
from governance.proof import Permit
from serving.interventions.policy.under_way import MONTH, WEEK, ContactCounts
from serving.interventions.tables import interventions

if TYPE_CHECKING:  # senders start without the container
    from serving.bootstrap import Keepwell

KINDS = ("contact_outside", "email_delivered")
_FEW = 20


def outside_contacts(histories: Histories, *, since: datetime, until: datetime) -> dict[str, int]:
    """Count contacts in [since, until) per customer; customers without one are left out.

    The histories were read under a permit, which is what lets them be looked at here.
    """
    counted = (
        histories.kind_mask(*KINDS)
        & histories.visible(to_micros(until))
        & (histories.occurred_at >= to_micros(since))
    )
    places, numbers = np.unique(histories.customer_of_event[counted], return_counts=True)
    return {
        str(histories.customers[place]): int(number)
        for place, number in zip(places, numbers, strict=True)
    }


def recent_contacts(
    keepwell: "Keepwell", people: Collection[str], *, now: datetime
) -> ContactCounts:
    """Count how often each of some people was contacted outside Keepwell lately."""
    month, week = Counter[str](), Counter[str]()
    with keepwell.database.read() as conn:
        permit, _ = keepwell.registry.permit_many(conn, "operations", people, now=now)
        parts: Iterable[Histories] = read_ranges(conn, keepwell.store, permit)
        if len(people) <= _FEW:  # of them alone, instead of looking through everybody's
            parts = [read_customers(conn, permit, permit.customers)] if permit.customers else []
        for histories in parts:
            month.update(outside_contacts(histories, since=now - MONTH, until=now))
            week.update(outside_contacts(histories, since=now - WEEK, until=now))
    return ContactCounts(month, week)


def contacts_made(
    conn: Connection, registry: ConsentRegistry, customer_id: str, *, now: datetime
) -> ContactCounts:
    """Count how often one customer was contacted lately, by Keepwell and outside of it.

    What is only on its way does not count: it is looked at when its own turn comes.
    """
    permit = registry.permit(conn, customer_id, "operations", now=now)
    histories = None
    if isinstance(permit, Permit):
        histories = read_customer(conn, permit, customer_id)
    c = interventions.c
    ours = (c.customer_id == customer_id) & (c.playbook_class == "outreach")
    sent = conn.execute(select(c.sent_at).where(ours, c.sent_at >= now - MONTH)).scalars().all()
    month, week = (
        sum(at >= now - window for at in sent)
        + (
            0
            if histories is None
            else sum(outside_contacts(histories, since=now - window, until=now).values())
        )
        for window in (MONTH, WEEK)
    )
    return ContactCounts({customer_id: month}, {customer_id: week})
