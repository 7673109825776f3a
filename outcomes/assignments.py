"""Did a playbook help? Treated against held out, as assigned, from the histories themselves."""

import json
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.instants import DAY_US, to_micros
from governance.proof import AggregatePermit
from outcomes.lift import Difference, SampleRatio, difference, sample_ratio

PURPOSE = "aggregate"


class Assignments(NamedTuple):
    """Each customer's first assignment by one playbook; arrays of shape `(n,)`.

    `customer` is the place in the histories, `at` in µs, `treated` whether they were to be
    contacted.
    """

    customer: NDArray[np.int64]
    at: NDArray[np.int64]
    treated: NDArray[np.bool_]


class PlaybookLift(NamedTuple):
    """What a playbook changed in the share who order again within the horizon.

    `waiting` people were assigned too recently to be counted yet.
    """

    playbook: str
    horizon_days: int
    retained: Difference
    sample_ratio: SampleRatio | None
    waiting: int


def first_assignments(
    histories: Histories, permit: AggregatePermit, *, playbook: str
) -> Assignments:
    """Read who was assigned to which arm, and when first."""
    permit.require(PURPOSE)
    rows = np.flatnonzero(
        histories.kind_mask("intervention_assigned")
        & histories.visible(to_micros(permit.judged_at))
    )
    found: dict[int, tuple[int, bool]] = {}
    for row, text in zip(rows, histories.pick("properties", rows), strict=True):
        stated = json.loads(text) if text else {}
        if stated.get("playbook") == playbook:
            owner = int(histories.customer_of_event[row])
            found.setdefault(owner, (int(histories.occurred_at[row]), stated["arm"] == "treated"))
    return Assignments(
        customer=np.array(list(found), np.int64),
        at=np.array([at for at, _ in found.values()], np.int64),
        treated=np.array([treated for _, treated in found.values()], np.bool_),
    )


def playbook_lift(
    histories: Histories,
    permit: AggregatePermit,
    *,
    playbook: str,
    horizon_days: int,
    observed_until: datetime,
    holdout_share: float,
) -> PlaybookLift:
    """Compare the share who order within `horizon_days` after assignment, treated − held out.

    Only people whose horizon lies wholly before `observed_until` count. `holdout_share` is what the
    draw intended, against which the arms' sizes are checked.
    """
    found = first_assignments(histories, permit, playbook=playbook)
    ripe = found.at + horizon_days * DAY_US <= to_micros(observed_until)
    bought = _ordered_within(histories, found, horizon_days * DAY_US, permit)
    treated, held = ripe & found.treated, ripe & ~found.treated
    ratio = None
    if 0 < holdout_share < 1 and ripe.sum() > 0:
        counts = {"treated": int(treated.sum()), "holdout": int(held.sum())}
        ratio = sample_ratio(counts, {"treated": 1 - holdout_share, "holdout": holdout_share})
    return PlaybookLift(
        playbook=playbook,
        horizon_days=horizon_days,
        retained=difference(bought[treated], bought[held]),
        sample_ratio=ratio,
        waiting=int((~ripe).sum()),
    )


def _ordered_within(
    histories: Histories, found: Assignments, horizon: int, permit: AggregatePermit
) -> NDArray[np.float64]:
    began = np.full(len(histories), np.iinfo(np.int64).max // 2, np.int64)
    began[found.customer] = found.at
    since = histories.occurred_at - began[histories.customer_of_event]
    counted = (
        histories.kind_mask("order")
        & histories.visible(to_micros(permit.judged_at))
        & (since > 0)
        & (since <= horizon)
    )
    ordered = np.bincount(histories.customer_of_event[counted], minlength=len(histories)) > 0
    return ordered[found.customer].astype(np.float64)
