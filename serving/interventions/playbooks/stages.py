"""Stages of a customer's journey that a playbook can answer, found in histories.

A stage begins with one event. A playbook answers it so many days later, and for as long as it is
still fresh; each occasion has a token of its own, by which it is known not to be answered twice.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.instants import from_micros, to_micros

FRESH = timedelta(days=7)
"""How long after it is due a stage can still be answered: a run a day, or a week, misses nobody."""

_KINDS: Mapping[str, str] = {
    "after_purchase": "order",
    "after_support": "ticket_closed",
    "after_renewal": "renewed",
    "after_goal": "goal_reached",
    "after_failed_payment": "payment_failed",
}
_SAYS: Mapping[str, str] = {
    "after_purchase": "an order",
    "after_support": "a closed contact with support",
    "after_renewal": "a renewal",
    "after_goal": "a goal that was reached",
    "after_failed_payment": "a payment that failed",
    "order_N": "the N-th order, as in order_5",
    "anniversary": "the day of the first order, each year",
}
"""Every stage there is, and what it begins with."""
_NTH = re.compile(r"order_([1-9]\d{0,3})")
_YEAR = timedelta(days=365.2425)
_SLACK = timedelta(days=3)

Rows = NDArray[np.int64]


class Occasion(NamedTuple):
    """Somebody reached a stage at `began_at`; `token` names this one time, and tells nothing."""

    customer_id: str
    began_at: datetime
    token: str


def is_stage(name: str) -> bool:
    """Whether a stage has this name."""
    return name in _KINDS or name == "anniversary" or _NTH.fullmatch(name) is not None


def stages_in_words() -> str:
    """List the stages for a message to a person."""
    return ", ".join(f"{name} ({says})" for name, says in _SAYS.items())


def occasions(
    histories: Histories, stage: str, *, days: int, as_of: datetime
) -> tuple[Occasion, ...]:
    """Find who reached `stage` `days` days before `as_of`, or up to a week earlier than that.

    One occasion per customer, the newest. Only event versions that count at `as_of` are looked at.
    The same occasion has the same token in every run; the N-th order happens once in a lifetime and
    an anniversary once a year, whatever becomes known later.
    """
    latest = as_of - timedelta(days=days)
    since = latest - FRESH
    nth = _NTH.fullmatch(stage)
    kind = _KINDS.get(stage, "order")
    rows = np.flatnonzero(histories.kind_mask(kind) & histories.visible(to_micros(as_of)))
    if stage == "anniversary":
        return _anniversaries(histories, _numbered(histories, rows, 1), since, latest)
    if nth:
        rows = _numbered(histories, rows, int(nth.group(1)))
    at = histories.occurred_at[rows]
    rows = rows[(at > to_micros(since)) & (at <= to_micros(latest))]
    newest = {int(histories.customer_of_event[row]): int(row) for row in rows}  # the last one wins
    found = []
    for place, row in newest.items():
        customer, began = str(histories.customers[place]), int(histories.occurred_at[row])
        which = "" if nth else str(began)
        found.append(Occasion(customer, from_micros(began), _token(customer, stage, which)))
    return tuple(found)


def _numbered(histories: Histories, rows: Rows, number: int) -> Rows:
    """Of each customer's rows, in order of time, keep the one of this number (1 is the first)."""
    whose = histories.customer_of_event[rows]
    first = np.searchsorted(whose, whose)  # where each customer's rows begin
    found: Rows = rows[np.arange(len(rows)) - first == number - 1]
    return found


def _anniversaries(
    histories: Histories, rows: Rows, since: datetime, until: datetime
) -> tuple[Occasion, ...]:
    begun = histories.occurred_at[rows]
    past = (to_micros(until) - begun) % _micros(_YEAR)
    near = past < _micros(until - since + _SLACK)
    near |= past > _micros(_YEAR - _SLACK)
    found = []
    for row in rows[near]:
        first = from_micros(int(histories.occurred_at[row]))
        for year in {since.year, until.year} - {first.year}:
            day = _in_year(first, year)
            if since < day <= until:
                customer = str(histories.customers[histories.customer_of_event[row]])
                found.append(Occasion(customer, day, _token(customer, "anniversary", str(year))))
    return tuple(found)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _in_year(day: datetime, year: int) -> datetime:
    """Give the same day of another year; of a 29 February the day before where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def _token(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
