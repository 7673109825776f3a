"""Who was drawn into which arm of a playbook's experiment, read from the histories themselves."""

import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.instants import to_micros
from governance.proof import AggregatePermit

PURPOSE = "aggregate"


class Assignments(NamedTuple):
    """Each customer's first draw by one playbook or one of its experiments; arrays of shape `(n,)`.

    `customer` is the place in the histories, `at` in µs, `treated` whether they were to be
    contacted. `stratum` is what they were drawn within ("" where unrecorded), `propensity` (0-1)
    their chance of being contacted, NaN where unrecorded.
    """

    customer: NDArray[np.int64]
    at: NDArray[np.int64]
    treated: NDArray[np.bool_]
    stratum: NDArray[np.object_]
    propensity: NDArray[np.float64]

    def take(self, keep: NDArray[np.bool_]) -> "Assignments":
        """Only those of `keep` (n,)."""
        return Assignments(
            self.customer[keep],
            self.at[keep],
            self.treated[keep],
            self.stratum[keep],
            self.propensity[keep],
        )


def first_assignments(
    histories: Histories,
    permit: AggregatePermit,
    *,
    playbook: str,
    experiment: str | None = None,
) -> Assignments:
    """Read who was drawn into which arm, and when first; of one `experiment` where it is named.

    Whoever was contacted without a draw (nobody was being left alone then) is not among them: there
    is nobody to compare them with.
    """
    permit.require(PURPOSE)
    rows = np.flatnonzero(
        histories.kind_mask("intervention_assigned")
        & histories.visible(to_micros(permit.judged_at))
    )
    found: dict[int, tuple[int, bool, str, float]] = {}
    for row, text in zip(rows, histories.pick("properties", rows), strict=True):
        stated = json.loads(text) if text else {}
        if stated.get("playbook") != playbook or not stated.get("by_lot", True):
            continue
        if experiment is not None and stated.get("experiment") != experiment:
            continue
        found.setdefault(
            int(histories.customer_of_event[row]),
            (
                int(histories.occurred_at[row]),
                stated["arm"] == "treated",
                str(stated.get("stratum", "")),
                float(stated.get("propensity", "nan")),
            ),
        )
    drawn = list(found.values())
    return Assignments(
        customer=np.array(list(found), np.int64),
        at=np.array([at for at, *_ in drawn], np.int64),
        treated=np.array([treated for _, treated, *_ in drawn], np.bool_),
        stratum=np.array([stratum for *_, stratum, _ in drawn], np.object_),
        propensity=np.array([chance for *_, chance in drawn], np.float64),
    )
