"""A transparent rule for where there is no model yet; always labelled "rule, not model"."""

from datetime import datetime
from typing import NamedTuple

import numpy as np

from features.history import Histories
from features.labels import Target
from governance.instants import DAY_US, to_micros

RULED_KINDS = ("inactivity", "silence")
"""Kinds of target about customers who may be leaving."""

TIMES_USUAL = 2.0
FALLBACK_DAYS = 90.0


class RuleVerdict(NamedTuple):
    """What the rule says of one customer, and in which words it decided."""

    may_be_leaving: bool
    days_since_last: float
    usual_gap_days: float | None
    text: str


def judge(
    histories: Histories, target: Target, *, as_of: datetime, place: int = 0
) -> RuleVerdict | None:
    """Apply the rule to the customer at `place`; None without an event of the target.

    The rule: silent for more than twice the customer's own median gap between events of the
    target's kind, or for more than 90 days where there are fewer than three such events.
    """
    if target.kind not in RULED_KINDS or not len(histories):
        return None
    instant = to_micros(as_of)
    own = histories.events_of(place)
    counted = (histories.kind_mask(target.event_kind) & histories.visible(instant))[own]
    times = np.sort(histories.occurred_at[own][counted])
    if not len(times):
        return None
    silent = (instant - int(times[-1])) / DAY_US
    usual = float(np.median(np.diff(times))) / DAY_US if len(times) >= 3 else None
    limit = FALLBACK_DAYS if usual is None else TIMES_USUAL * max(usual, 1.0)
    measure = (
        f"more than {FALLBACK_DAYS:.0f} days"
        if usual is None
        else f"more than twice the usual {usual:.0f} days"
    )
    relation = "that is" if silent > limit else "that is not"
    return RuleVerdict(
        silent > limit,
        silent,
        usual,
        f"rule, not model: last {target.event_kind} was {silent:.0f} days ago, "
        f"{relation} {measure}",
    )
