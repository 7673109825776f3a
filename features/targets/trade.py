"""Orders and other events that come, come again, or stay away."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.targets.answers import Bools, Circumstances, Ints, Labels
from features.targets.moments import (
    Moments,
    active,
    came,
    known_in_the_end,
    known_then,
    matching,
    moments,
    properties,
    some,
)
from features.targets.target import Target
from governance.errors import InvalidInput
from governance.instants import DAY_US

Answer = Callable[[int], Labels]
_YEAR_DAYS = 365.0


def inactivity(histories: Histories, target: Target, around: Circumstances) -> Answer:
    """No event of the kind within the horizon, of those who had one in the active window."""
    asked = histories.kind_mask(target.event_kind)
    known = asked & known_in_the_end(histories, around)
    eligible = active(histories, target, asked)

    def at(as_of: int) -> Labels:
        end = as_of + target.horizon_days * DAY_US
        y = np.where(some(histories, known, as_of, end), 0.0, 1.0)
        return Labels(y, eligible(as_of), np.zeros((len(histories), 0)))

    return at


def silence(histories: Histories, target: Target, around: Circumstances) -> Answer:
    """The time since the last event of the kind reaches `silence_days`, by each horizon.

    An event e is followed by silence when none lies in (e, e + silence_days]; the customer counts
    as lost at e + silence_days. Asked of those whose silence at as_of is still shorter, as known
    then. Of whom it turned out later that it was not (their last order was taken back), it had
    been reached.
    """
    span = (target.silence_days or 0) * DAY_US
    asked = histories.kind_mask(target.event_kind)
    known = asked & known_in_the_end(histories, around)
    seen = moments(histories, known)
    silent = seen.following() - span > seen.at
    lost = Moments(seen.customer[silent], seen.at[silent] + span)

    def at(as_of: int) -> Labels:
        eligible = some(histories, asked & known_then(histories, as_of), as_of - span, as_of)
        open_ = some(histories, known, as_of - span, as_of)
        found = came(lost, len(histories), as_of, target.horizons)
        found[~open_] = 1.0
        return Labels(found[:, -1], eligible, found[:, :-1])

    return at


def event(histories: Histories, target: Target, around: Circumstances) -> Answer:
    """One event of the kind that matches `where`, by each horizon.

    Asked of those of whom anything was recorded in the active window.
    """
    wanted = matching(histories, target.event_kind, target.where)
    happened = moments(histories, wanted & known_in_the_end(histories, around))
    eligible = active(histories, target, ~histories.is_own_act)

    def at(as_of: int) -> Labels:
        found = came(happened, len(histories), as_of, target.horizons)
        return Labels(found[:, -1], eligible(as_of), found[:, :-1])

    return at


def next_need(histories: Histories, target: Target, around: Circumstances) -> Answer:
    """The next event of the kind by each horizon, and its `category` where one is named."""
    asked = histories.kind_mask(target.event_kind)
    known = asked & known_in_the_end(histories, around)
    happened = moments(histories, known)
    eligible = active(histories, target, asked)

    def at(as_of: int) -> Labels:
        found = came(happened, len(histories), as_of, target.horizons)
        category = _next_category(histories, target, known, as_of) if target.category else None
        return Labels(found[:, -1], eligible(as_of), found[:, :-1], category=category)

    return at


def clv(histories: Histories, target: Target, around: Circumstances) -> Answer:
    """Whether anything is bought within the horizon, and the margin it leaves.

    value = Σ margin_share · (orders − returns) ÷ (1 + discount_rate)^(days after as_of ÷ 365), over
    (as_of, as_of + horizon_days]. It is what happened, below 0 where more came back than was
    bought, and there is none while the horizon is not over: a sum so far would be too small. Raises
    `InvalidInput` where amounts are in several currencies.
    """
    asked = histories.kind_mask(target.event_kind)
    known = known_in_the_end(histories, around)
    back = histories.kind_mask("return")
    money = (asked | back) & known & np.isfinite(histories.value)
    _one_currency(histories, np.flatnonzero(money), target)
    net = np.where(back, -1.0, 1.0)[money] * histories.value[money]
    when, who = histories.occurred_at[money], histories.customer_of_event[money]
    happened = moments(histories, asked & known)
    eligible = active(histories, target, asked)

    def at(as_of: int) -> Labels:
        bought = came(happened, len(histories), as_of, target.horizons)
        inside = (when > as_of) & (when <= as_of + target.horizon_days * DAY_US)
        years = (when[inside] - as_of) / (_YEAR_DAYS * DAY_US)
        earned = (target.margin_share or 0.0) * net[inside]
        earned = earned / (1.0 + target.discount_rate) ** years
        value = np.bincount(who[inside], earned, minlength=len(histories)).astype(np.float64)
        return Labels(bought[:, -1], eligible(as_of), bought[:, :-1], value=value)

    return at


def _next_category(
    histories: Histories, target: Target, known: Bools, as_of: int
) -> NDArray[np.object_]:
    """The property of each customer's next event (m,), None where there is none in time."""
    end = as_of + target.horizon_days * DAY_US
    inside = known & (histories.occurred_at > as_of) & (histories.occurred_at <= end)
    rows = np.flatnonzero(inside)
    customers, first = np.unique(histories.customer_of_event[rows], return_index=True)
    found = np.full(len(histories), None, np.object_)
    for customer, stated in zip(customers, properties(histories, rows[first]), strict=True):
        found[customer] = _most_frequent(stated.get(target.category))
    return found


def _most_frequent(stated: object) -> str | None:
    """A property as one word: of several lines the most frequent, of equals the first."""
    if isinstance(stated, list):
        counted = Counter(str(each) for each in stated if each is not None)
        return max(counted, key=counted.__getitem__) if counted else None
    return None if stated is None else str(stated)


def _one_currency(histories: Histories, rows: Ints, target: Target) -> None:
    found = sorted({text for text in histories.pick("currency", rows) if text})
    if len(found) > 1:
        raise InvalidInput(
            f"target {target.name} adds up amounts, found {' and '.join(found)}",
            hint="bring amounts in one currency: convert them in the mapping's value",
        )
