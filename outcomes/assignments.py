"""Did a playbook help? Treated against held out, as assigned, from the histories themselves."""

import json
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.disclosure.breakdown import NEAR
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of
from governance.instants import DAY_US, to_micros
from governance.proof import AggregatePermit
from outcomes.lift import Difference, SampleRatio, difference, sample_ratio

PURPOSE = "aggregate"
_EVER = 2**62


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

    `waiting` people were assigned too recently to be counted yet. `note` says where it is the lift
    that was given before, or why there is none.
    """

    playbook: str
    horizon_days: int
    retained: Difference
    sample_ratio: SampleRatio | None
    waiting: int
    note: str = ""


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
    register: Register | None = None,
    key: bytes = b"",
) -> PlaybookLift:
    """Compare the share who order within `horizon_days` after assignment, treated − held out.

    Only people whose horizon lies wholly before `observed_until` count. `holdout_share` is what the
    draw intended, against which the arms' sizes are checked. Where fewer people than the permit
    asks for came true since the `register` knows it was given, it is given as it was then; over
    another horizon nothing is said. `key` makes the hashes it compares by.
    """
    found = first_assignments(histories, permit, playbook=playbook)
    ripe = found.at + horizon_days * DAY_US <= to_micros(observed_until)
    bought = _ordered_within(histories, found, horizon_days * DAY_US, permit)
    treated, held = ripe & found.treated, ripe & ~found.treated
    ratio = None
    if 0 < holdout_share < 1 and ripe.sum() > 0:
        counts = {"treated": int(treated.sum()), "holdout": int(held.sum())}
        ratio = sample_ratio(counts, {"treated": 1 - holdout_share, "holdout": holdout_share})
    made = PlaybookLift(
        playbook=playbook,
        horizon_days=horizon_days,
        retained=difference(bought[treated], bought[held]),
        sample_ratio=ratio,
        waiting=int((~ripe).sum()),
    )
    if register is None or not ripe.any():
        return made
    ids = [str(histories.customers[k]) for k in found.customer[ripe]]
    trace = trace_of(person_keys(ids, key), found.treated[ripe], bought[ripe])
    cell = cell_of(horizon_days)
    return _given(made, Figure(f"lift {playbook}", cell, 0, _EVER, len(ids), trace), register)


def _given(made: PlaybookLift, figure: Figure, register: Register) -> PlaybookLift:
    before = register.before(figure)
    if register.standing(figure) != "near":
        register.give(figure, made._asdict())
        return made
    if before is None:
        nothing = difference([], [])
        return made._replace(
            retained=nothing, sample_ratio=None, note=NEAR.format(register.min_people)
        )
    body = before.body
    ratio = body["sample_ratio"]
    return made._replace(
        retained=Difference(*body["retained"]),
        sample_ratio=None if ratio is None else SampleRatio(*ratio),
        waiting=body["waiting"],
        note=before.said(),
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
