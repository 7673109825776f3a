"""What is to be predicted, and its truth for each customer at each as_of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.events import is_reserved
from features.history import Histories
from features.versions import NEVER
from governance.errors import ConfigurationError
from governance.instants import DAY_US


@dataclass(frozen=True)
class Target:
    """What a model predicts.

    `inactivity`: a customer with at least one `event_kind` in (as_of − active_window_days, as_of]
    has none in (as_of, as_of + horizon_days]. `given`: the company's own label, stated in a file.
    """

    name: str
    kind: str = "inactivity"
    horizon_days: int = 90
    active_window_days: int = 730
    event_kind: str = "order"
    purpose: str = "risk_scoring"

    def __post_init__(self) -> None:
        problems = []
        if self.kind not in ("inactivity", "given"):
            problems.append(f"kind is {self.kind!r}, must be inactivity or given")
        for name in ("horizon_days", "active_window_days"):
            if getattr(self, name) < 1:
                problems.append(f"{name} == {getattr(self, name)}, must be >= 1")
        if is_reserved(self.event_kind):
            problems.append(f"event_kind {self.event_kind} is Keepwell's own, never a label")
        if problems:
            raise ConfigurationError(problems, source=f"target {self.name}")


class Labels(NamedTuple):
    """Truth per customer, in the order of `Histories.customers`.

    `y` (m,) is 1.0 or 0.0, NaN where it cannot be known yet or was not given; `eligible` (m,)
    says who the question makes sense for.
    """

    y: NDArray[np.float64]
    eligible: NDArray[np.bool_]


def label(
    histories: Histories,
    target: Target,
    as_of: int,
    *,
    observed_until: int,
    known_until: int | None = None,
    given: Mapping[str, float] | None = None,
) -> Labels:
    """Give the truth of `target` at `as_of` (µs) for every customer of `histories`.

    Where the horizon ends after `observed_until` (µs), the end of what the history covers, `y` is
    NaN. Answers use everything known by `known_until` (µs; None: by now), because a file of past
    months teaches what happened in them: stating it gives the labels as they stood then, whatever
    arrived since. `y` is NaN, too, for an id that counted for another one by then, merged into it:
    what happened afterwards is told by that one. Who is eligible depends only on what was known at
    as_of. Given labels come from `given` (customer to 0 or 1); who has none is not eligible.
    """
    size = len(histories.customers)
    if target.kind == "given":
        found = given or {}
        y = np.array([found.get(customer, np.nan) for customer in histories.customers], np.float64)
        return Labels(y, ~np.isnan(y))
    asked = histories.kind_mask(target.event_kind)
    then = asked & (histories.known_at <= as_of) & (histories.superseded_at > as_of)
    eligible = _some(histories, then, as_of - target.active_window_days * DAY_US, as_of)
    horizon_end = as_of + target.horizon_days * DAY_US
    if horizon_end > observed_until:
        return Labels(np.full(size, np.nan), eligible)
    end = NEVER - 1 if known_until is None else known_until
    known = asked & (histories.known_at <= end) & (histories.superseded_at > end)
    y = np.where(_some(histories, known, as_of, horizon_end), 0.0, 1.0)
    return Labels(np.where(histories.is_away(end), np.nan, y), eligible)


def _some(
    histories: Histories, counts: NDArray[np.bool_], after: int, until: int
) -> NDArray[np.bool_]:
    """Who has one of the events that count (n,) in (after, until]."""
    inside = counts & (histories.occurred_at > after) & (histories.occurred_at <= until)
    customers = histories.customer_of_event[inside]
    return np.bincount(customers, minlength=len(histories)) > 0
