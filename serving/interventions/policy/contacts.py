"""How often each customer was contacted outside Keepwell, as far as their history says."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from features.history import Histories, read_ranges
from governance.instants import to_micros
from serving.interventions.policy.under_way import MONTH, WEEK, ContactCounts

if TYPE_CHECKING:  # senders start without the container
    from serving.bootstrap import Keepwell

KINDS = ("contact_outside", "email_delivered")


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
        for histories in read_ranges(conn, keepwell.store, permit):
            month.update(outside_contacts(histories, since=now - MONTH, until=now))
            week.update(outside_contacts(histories, since=now - WEEK, until=now))
    return ContactCounts(month, week)
