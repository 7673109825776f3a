"""Each person's arm in a playbook's experiment, and the chance with which they are contacted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from serving.interventions.lots.experiments import TrialExperiment
from serving.interventions.lots.holdout import Arm, assign, risk_stratum
from serving.interventions.tables import interventions


class Drawn(NamedTuple):
    """What the lot said of one person.

    `propensity` (0-1) is the chance of being contacted that this draw gave; 1 where it drew nobody,
    or kept an arm from before. `by_lot` says whether it was drawn now: only then does it count for
    what the playbook changed.
    """

    arm: Arm
    propensity: float
    stratum: str
    experiment: str
    by_lot: bool

    def properties(self, playbook: str) -> dict[str, Any]:
        """Give what the event `intervention_assigned` says, for every later figure."""
        return {
            "playbook": playbook,
            "arm": self.arm,
            "experiment": self.experiment,
            "stratum": self.stratum,
            "propensity": self.propensity,
            "by_lot": self.by_lot,
        }


def stratum_of(probability: float | None, *stated: str) -> str:
    """Name the stratum: the tenth of risk, and whatever else is `stated` about the person.

    Only what was known before the draw may be stated.
    """
    tenth = "risk_unknown" if probability is None else risk_stratum(probability)
    return "/".join((tenth, *stated))[:40]


def draw_arms(
    conn: Connection, trial: TrialExperiment, strata: Mapping[str, str], *, key: bytes
) -> dict[str, Drawn]:
    """Draw an arm for everyone of `strata` (customer to stratum), all of whom could be contacted.

    Who was drawn by this experiment before keeps the arm. Where the experiment draws nobody,
    everyone is contacted. Must run in the transaction that opened `trial` and writes the arms.
    """
    before = _drawn_before(conn, trial.experiment) if trial.drawn_share else {}
    earlier = {customer: arm for customer, (arm, _) in before.items() if customer in strata}
    arms = assign(
        strata,
        key=key,
        experiment=trial.experiment,
        share=trial.drawn_share,
        earlier=earlier,
        drawn_before=Counter(stratum for _, stratum in before.values()),
    )
    return {
        customer: Drawn(
            arm=arm,
            propensity=1.0 if customer in earlier else 1.0 - trial.drawn_share,
            stratum=strata[customer],
            experiment=trial.experiment,
            by_lot=trial.drawn_share > 0 and customer not in earlier,
        )
        for customer, arm in arms.items()
    }


def _drawn_before(conn: Connection, experiment: str) -> dict[str, tuple[Arm, str]]:
    """Give the first arm and the stratum of everyone this experiment drew."""
    rows = conn.execute(
        select(interventions.c.customer_id, interventions.c.arm, interventions.c.stratum)
        .where(interventions.c.experiment == experiment)
        .order_by(interventions.c.created_at)
    )
    found: dict[str, tuple[Arm, str]] = {}
    for customer, arm, stratum in rows:
        found.setdefault(customer, (arm, stratum))
    return found
