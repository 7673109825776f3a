"""How often each customer was contacted outside Keepwell, as far as their history says."""

from datetime import datetime

import numpy as np

from features.history import Histories
from governance.instants import to_micros

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
