"""When something happened to whom: what the families of targets share."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.targets.answers import Bools, Circumstances, Floats, Ints
from features.targets.target import Target
from features.versions import NEVER
from governance.instants import DAY_US


class Moments(NamedTuple):
    """Instants `at` (k,) in µs of customers `customer` (k,), ascending by customer, then time."""

    customer: NDArray[np.int32]
    at: Ints

    def following(self) -> Ints:
        """The same customer's next instant (k,), `NEVER` after the last."""
        found = np.full(len(self.at), NEVER, np.int64)
        same = self.customer[1:] == self.customer[:-1]
        found[:-1][same] = self.at[1:][same]
        return found


def moments(histories: Histories, counts: Bools) -> Moments:
    """When the events that count (n,) occurred."""
    return Moments(histories.customer_of_event[counts], histories.occurred_at[counts])


def came(found: Moments, size: int, as_of: int, horizons: Sequence[int]) -> Floats:
    """Give 1.0 where one of the moments lies in (as_of, as_of + h], else 0.0: (m, h)."""
    first = np.full(size, NEVER, np.int64)
    after = found.at > as_of
    np.minimum.at(first, found.customer[after], found.at[after])
    ends = as_of + np.array(horizons, np.int64) * DAY_US
    return (first[:, None] <= ends).astype(np.float64)


def some(histories: Histories, counts: Bools, after: int, until: int) -> Bools:
    """Who (m,) has one of the events that count (n,) in (after, until]."""
    inside = counts & (histories.occurred_at > after) & (histories.occurred_at <= until)
    customers = histories.customer_of_event[inside]
    return np.bincount(customers, minlength=len(histories)) > 0


def known_then(histories: Histories, as_of: int) -> Bools:
    """Which events (n,) were known at `as_of`: they decide who is asked."""
    return (histories.known_at <= as_of) & (histories.superseded_at > as_of)


def known_in_the_end(histories: Histories, around: Circumstances) -> Bools:
    """Which events (n,) count for the answer: all that is known by now, or by a stated moment."""
    return known_then(histories, knowledge_end(around))


def knowledge_end(around: Circumstances) -> int:
    """The moment (µs) whose knowledge gives the answers."""
    return NEVER - 1 if around.known_until is None else around.known_until


def active(histories: Histories, target: Target, asked: Bools) -> Callable[[int], Bools]:
    """Who had one of the events `asked` (n,) in the active window before as_of, as known then."""

    def at(as_of: int) -> Bools:
        since = as_of - target.active_window_days * DAY_US
        return some(histories, asked & known_then(histories, as_of), since, as_of)

    return at


def matching(histories: Histories, kind: str, where: Sequence[tuple[str, str]]) -> Bools:
    """Which events (n,) are of a kind and have every one of these property values."""
    found = histories.kind_mask(kind)
    if where:
        rows = np.flatnonzero(found)
        found[rows] = [
            all(own.get(name) is not None and str(own[name]) == value for name, value in where)
            for own in properties(histories, rows)
        ]
    return found


def properties(histories: Histories, rows: Ints) -> list[Mapping[str, object]]:
    """Properties of the events at `rows`, each different set read once."""
    read: dict[str | None, Mapping[str, object]] = {None: {}}
    texts = histories.pick("properties", rows)
    for text in texts:
        if text is not None and text not in read:
            read[text] = json.loads(text)
    return [read[text] for text in texts]
