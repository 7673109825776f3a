"""Whose permission each event of a history needs, where events of several ids stand together.

Consent is per id: for a purpose an event counts only where the id under which it was recorded
permits that purpose. Where some ids of a person permit less than others, the features of that
purpose are computed once more, of the events that may be used for it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.accounts import SUBJECT as ACCOUNT
from features.counting import OWN, Origins
from features.history import Histories
from features.plan import Plan

Flags = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rows = tuple[Ints, Ints, NDArray[np.float64]]
"""Places of the customers (n,), as_of (n,) and values (n, k) of a feature table."""


def fill_permitted(
    histories: Histories,
    plan: Plan,
    allowed: Flags,
    compute: Callable[[Histories, Flags], Rows],
) -> Rows:
    """Compute a plan's features, each event used only for what its id permits.

    `allowed` (groups, m + c) is for `Histories.ids`, in that order. `compute` computes histories
    where flags (groups, m) are 1. Rows are those of customers with any usable event.
    """
    origins = histories.origins
    if origins is None:
        return compute(histories, allowed)
    usable = np.stack([_usable(histories, origins, flags) for flags in allowed])
    people = _people(histories, allowed, usable)
    customer = histories.customer_of_event
    mixed = np.zeros(people.shape, np.bool_)
    for g, events in enumerate(usable):
        mixed[g, customer[~events]] = True
    mixed &= people.astype(np.bool_)
    index, as_of, values = compute(histories, np.where(mixed, np.uint8(0), people))
    place = {key: row for row, key in enumerate(zip(index.tolist(), as_of.tolist(), strict=True))}
    for g in np.flatnonzero(mixed.any(axis=1)).tolist():
        some = histories.take(mixed[g][customer] & usable[g])
        own_index, own_as_of, own = compute(some, np.where(mixed[g], people, np.uint8(0)))
        keys = zip(own_index.tolist(), own_as_of.tolist(), strict=True)
        rows = np.array([place[key] for key in keys], np.int64)
        columns = np.flatnonzero(plan.feature_table[:, 7] == g)
        values[np.ix_(rows, columns)] = own[:, columns]
    return index, as_of, values


def of_accounts(allowed: Flags, histories: Histories, plan: Plan) -> Flags:
    """Say what an account's own events, which are no person's data, may be used for: scoring alone.

    What needs any other purpose is about people, and counts under their own ids.
    """
    scoring = np.array([group == ("risk_scoring",) for group in plan.groups], np.uint8)
    found = allowed.copy()
    found[:, : len(histories)] = scoring[:, None]
    return found


def _usable(histories: Histories, origins: Origins, flags: Flags) -> NDArray[np.bool_]:
    """Which events (n,) may be used for a group of purposes."""
    size = len(histories)
    own = flags[:size][histories.customer_of_event]
    if not len(origins.contributors):
        return own.astype(np.bool_)
    others = flags[size:][origins.of_event]
    found = np.where(origins.of_event == OWN, own, others)
    if histories.subject != ACCOUNT:  # nobody is computed who does not permit it themselves
        found = found & own
    return found.astype(np.bool_)


def _people(histories: Histories, allowed: Flags, usable: NDArray[np.bool_]) -> Flags:
    """For whom (groups, m) anything may be computed: an account is carried by its members."""
    size = len(histories)
    if histories.subject != ACCOUNT:
        return np.ascontiguousarray(allowed[:, :size])
    found = np.zeros((len(allowed), size), np.uint8)
    for g, events in enumerate(usable):
        found[g, histories.customer_of_event[events]] = 1
    return found
