"""Contracts that end: by choice, over a failed payment, or because nobody renewed them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.targets.answers import Bools, Circumstances, Ints, Labels, Unknown
from features.targets.moments import known_in_the_end, known_then, properties
from features.targets.target import Target
from features.versions import NEVER
from governance.instants import DAY_US

INVOLUNTARY = ("payment_failed", "non_payment", "involuntary")
"""Reasons given with `cancelled` that nobody chose; the measures of churn count the same ones."""

STARTS = ("plan_changed", "renewed")
END = "cancelled"
_PAID = ("order", "payment", "payment_failed")


class Spells(NamedTuple):
    """Contracts in force [since, until) in µs, of customers (s,), ascending; `NEVER` if open.

    `involuntary` (s,): how it ended; false for open ones.
    """

    customer: Ints
    since: Ints
    until: Ints
    involuntary: Bools


def contract(
    histories: Histories, target: Target, around: Circumstances
) -> Callable[[int], Labels]:
    """The contract in force at as_of has ended by each horizon, for the target's `reason`.

    In force: `plan_changed` or `renewed` after the last `cancelled`, and with `term_days` stated no
    longer ago than that. An end is involuntary for the reason given with it, or where none is given
    because the last payment failed. An end of the other sort is neither the event nor a survival:
    those customers are censored, and counted.
    """
    spells = _spells(histories, known_in_the_end(histories, around), target.term_days)
    wanted = {"any": None, "voluntary": False, "involuntary": True}[target.reason]
    ends = np.array(target.horizons, np.int64) * DAY_US

    def at(as_of: int) -> Labels:
        then = _spells(histories, known_then(histories, as_of), target.term_days, until=as_of)
        eligible = np.zeros(len(histories), np.bool_)
        in_force = (then.since <= as_of) & (then.until > as_of)
        eligible[then.customer[in_force]] = True
        until = np.full(len(histories), NEVER, np.int64)
        other = np.zeros(len(histories), np.bool_)
        begun = np.flatnonzero(spells.since <= as_of)  # ascending: the latest one stays
        until[spells.customer[begun]] = spells.until[begun]
        if wanted is not None:
            other[spells.customer[begun]] = spells.involuntary[begun] != wanted
        found = (until[:, None] <= as_of + ends).astype(np.float64)
        censored = other & (found[:, -1] == 1.0)
        left = "involuntary" if target.reason == "voluntary" else "voluntary"
        reason = f"the contract ended otherwise within the horizon ({left})"
        steps = () if wanted is None else (Unknown("censoring", reason, censored),)
        return Labels(found[:, -1], eligible, found[:, :-1], steps)

    return at


def asked_kinds() -> tuple[str, ...]:
    """Kinds of event that tell of contracts."""
    return (*STARTS, END)


def _spells(
    histories: Histories, known: Bools, term_days: int | None, *, until: int = NEVER
) -> Spells:
    """Lay out the contracts that events known (n,) up to `until` tell of."""
    told = known & histories.kind_mask(*STARTS, END) & (histories.occurred_at <= until)
    rows = np.flatnonzero(told)
    end = histories.kind_mask(END)[rows]
    order = np.lexsort((end, histories.occurred_at[rows], histories.customer_of_event[rows]))
    rows, end = rows[order], end[order]
    customer = histories.customer_of_event[rows].astype(np.int64)
    at = histories.occurred_at[rows]
    lapse = np.full(len(rows), NEVER, np.int64)
    if term_days is not None:
        lapse = at + term_days * DAY_US
    same = customer[1:] == customer[:-1]
    goes_on = same & ~end[:-1] & (at[1:] <= lapse[:-1])  # the next event finds it in force
    found_in_force = np.concatenate([[False], goes_on])
    followed = np.concatenate([goes_on, [False]])
    begins = ~end & ~found_in_force
    cancelled = followed & np.concatenate([end[1:], [False]])
    closes = ~end & (~followed | cancelled)
    last = np.flatnonzero(closes)
    stop = np.where(cancelled[last], at[np.minimum(last + 1, len(at) - 1)], lapse[last])
    cause = np.where(cancelled[last], rows[np.minimum(last + 1, len(at) - 1)], -1)
    own = customer[closes]
    return Spells(own, at[begins], stop, _involuntary(histories, known, own, stop, cause))


def _involuntary(
    histories: Histories, known: Bools, customer: Ints, until: Ints, cause: Ints
) -> Bools:
    """Which ends (s,) nobody chose; `cause` is the row of the cancellation, -1 for none."""
    found = _payment_failed_last(histories, known, customer, until)
    given = np.flatnonzero(cause >= 0)
    for place, stated in zip(given, properties(histories, cause[given]), strict=True):
        if stated.get("reason") is not None:
            found[place] = str(stated["reason"]) in INVOLUNTARY
    return found & (until < NEVER)


def _payment_failed_last(
    histories: Histories, known: Bools, customer: Ints, until: Ints
) -> NDArray[np.bool_]:
    """Whether a failed payment was the last thing paid or bought by `until` (s,)."""
    paid = np.flatnonzero(known & histories.kind_mask(*_PAID))
    failed = histories.kind_mask("payment_failed")[paid]
    whose = np.concatenate([histories.customer_of_event[paid], customer])
    when = np.concatenate([histories.occurred_at[paid], until])
    asks = np.concatenate([np.zeros(len(paid), np.bool_), np.ones(len(customer), np.bool_)])
    order = np.lexsort((asks, when, whose))
    place = np.where(asks[order], -1, order)
    latest = np.maximum.accumulate(np.where(place >= 0, np.arange(len(order)), -1))
    found = np.zeros(len(customer), np.bool_)
    for k in np.flatnonzero(asks[order]).tolist():
        j = int(latest[k])
        if j >= 0 and whose[order[j]] == whose[order[k]]:
            found[order[k] - len(paid)] = failed[order[j]]
    return found
