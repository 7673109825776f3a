"""Each drawn person's outcomes, and what was known of them before the draw."""

import numpy as np

from outcomes.trials.assignments import Assignments
from outcomes.trials.followed import Followed
from outcomes.trials.records import Flags, Floats, Sample, Terms


def values_of(followed: Followed, name: str, days: int, terms: Terms) -> tuple[Floats, Floats]:
    """Give an outcome per person over the horizon, and the same over as long before the draw."""
    after, earlier = {"start": 0, "end": days}, {"start": -days, "end": 0}
    if name == "retained":
        return followed.retained(**after), followed.any_of("order", **earlier)
    if name in ("margin", "net_sales"):
        rate = 1.0 if terms.margin_rate is None else terms.margin_rate
        spent = followed.count("intervention_sent", **after) * terms.incentive
        sales = followed.net_sales(**after) * rate
        return (sales - spent if name == "margin" else sales), followed.net_sales(**earlier)
    if name in ("sentiment", "wellbeing"):
        ask = followed.mood if name == "sentiment" else followed.wellbeing
        before = ask(**earlier)
        return ask(**after) - before, before
    if name == "unsubscribed":
        return followed.any_of("unsubscribed", **after), followed.any_of("unsubscribed", **earlier)
    if name == "complained":
        kinds = ("spam_complaint", "rights_complaint_received")
        return followed.any_of(*kinds, **after), followed.any_of(*kinds, **earlier)
    return followed.stopped(**after), followed.stopped(**earlier)


def before(followed: Followed, drawn: Assignments, days: int, own: Floats) -> Floats:
    """Give the covariates (n, k): all of them known before the draw."""
    risk = np.array([_tenth(str(each)) for each in drawn.stratum], np.float64)
    columns = [
        risk,
        followed.count("order", start=-days, end=0),
        followed.net_sales(start=-days, end=0),
        np.where(np.isfinite(own), own, 0.0),
    ]
    stacked = np.stack(columns, axis=1) if len(risk) else np.zeros((0, len(columns)))
    return _independent(stacked)


def _independent(columns: Floats) -> Floats:
    """Leave out columns that say what another one says."""
    kept: list[Floats] = []
    for column in columns.T:
        if column.size and np.ptp(column) > 0 and not any(
            abs(np.corrcoef(column, other)[0, 1]) > 0.999 for other in kept
        ):  # fmt: skip
            kept.append(column)
    return np.stack(kept, axis=1) if kept else np.zeros((len(columns), 1))


def _tenth(stratum: str) -> float:
    head = stratum.split("/")[0].removeprefix("risk_")
    return float(head) if head.isdigit() else 0.0


def sample_of(values: Floats, known: Floats, drawn: Assignments, ripe: Flags) -> Sample:
    """Take those whose horizon is over and of whom something is known."""
    kept = ripe & np.isfinite(values)
    return Sample(values[kept], known[kept], drawn.treated[kept], drawn.customer[kept])
