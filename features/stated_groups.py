"""What a customer's newest profile states: the country, plan or time zone they are in."""

import json

import numpy as np

from features.history import Histories


def stated_groups(histories: Histories, attribute: str, as_of: int) -> dict[str, str]:
    """Give each customer's newest `attribute` of their profile as known at `as_of` (µs)."""
    rows = np.flatnonzero(histories.kind_mask("profile") & histories.visible(as_of))
    found: dict[str, str] = {}
    owners = histories.customer_of_event[rows]
    for owner, text in zip(owners, histories.pick("properties", rows), strict=True):
        value = json.loads(text or "{}").get(attribute)
        if value is not None:
            found[str(histories.customers[owner])] = str(value)
    return found
