"""From a customer's history to an estimate: the same few lines for one request, a batch, a replay.

Pure: what was read, the model and an instant go in; numbers and words come out.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import FeatureDefinition, sentence
from features.history import Histories
from features.kernel import compute
from features.labels import Target, askable
from features.reason_groups import Grouping, grouping
from governance.instants import DAY_US, to_micros
from governance.proof import Permit
from serving.scoring.champions import Champion
from serving.scoring.outlook import NOTHING, Outlook, outlooks

NOT_ACTIVE, FEW_REPORTS = "not_active", "too_few_reports"
MERGED = "merged_into_another"
"""Why nothing is said of an id whose events count for another customer: ask about that one."""


class Member(NamedTuple):
    """One feature's own share of a reason, in log-odds of the blend before calibration."""

    feature: str
    value: float | None
    contribution: float


class Reason(NamedTuple):
    """What one group of features added, in log-odds of the blend before calibration, in words.

    `contribution` is the sum over `members`, which are all features of the group that moved the
    score. `feature`, `value` and `text` are those of the member that words the reason: the one with
    the largest contribution among those that point the way the group does.
    """

    feature: str
    value: float | None
    contribution: float
    text: str
    group: str
    members: tuple[Member, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the same in answers, files and the record of decisions."""
        return {**self._asdict(), "members": [each._asdict() for each in self.members]}


class Estimate(NamedTuple):
    """What the model says of one customer as things were known at one instant.

    `outcome` is `scored` or `insufficient_data`; then `reason` says what is missing and there are
    no numbers. `values` and `contributions` (k,) are in the order of the model's features; the
    contributions and `base` add up to `log_odds` within 1e-9. `outlook` is what the target says
    beside the probability.
    """

    customer_id: str
    outcome: str
    reason: str
    event_digest: str | None
    feature_digest: str | None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    log_odds: float | None = None
    base: float | None = None
    values: tuple[float, ...] = ()
    contributions: tuple[float, ...] = ()
    outlook: Outlook = NOTHING


def estimate(
    champion: Champion,
    target: Target,
    histories: Histories,
    *,
    as_of: datetime,
    permits: Mapping[str, Permit],
) -> tuple[Estimate, ...]:
    """Estimate every customer of `histories`, in their order.

    `permits` holds the permits for the purposes the features name: a feature without a permit that
    covers the customer is missing, never silently used.
    """
    instant = to_micros(as_of)
    table = compute(
        histories,
        champion.plan,
        [instant],
        permits=permits,
        functions=champion.functions,
    )
    away = histories.is_away(instant)
    rows = {customer: row for row, customer in enumerate(table.customers)}
    scores = champion.model.predict(table.values) if rows else None
    told = None if scores is None else outlooks(champion.model.whole, target, table.values, scores)
    asked = asked_at(histories, target, as_of=as_of, permits=permits)
    found: list[Estimate] = []
    for index, customer in enumerate(histories.customers):
        customer_id = str(customer)
        row = rows.get(customer_id)
        if row is None or scores is None or told is None:
            why = MERGED if away[index] else "no_history"
            found.append(Estimate(customer_id, "insufficient_data", why, None, None))
            continue
        events = histories.digest(index, instant)
        features = feature_digest(champion.model.names, table.values[row])
        if not asked[index]:
            why = FEW_REPORTS if target.is_personal else NOT_ACTIVE
            found.append(Estimate(customer_id, "insufficient_data", why, events, features))
            continue
        found.append(
            Estimate(
                customer_id,
                "scored",
                "model",
                events,
                features,
                float(scores.probability[row]),
                float(scores.low[row]),
                float(scores.high[row]),
                float(scores.log_odds[row]),
                float(scores.base),
                tuple(table.values[row].tolist()),
                tuple(scores.contributions[row].tolist()),
                told[row],
            )
        )
    return tuple(found)


def asked_at(
    histories: Histories, target: Target, *, as_of: datetime, permits: Mapping[str, Permit]
) -> NDArray[np.bool_]:
    """Tell who the target can be asked of, shape (n,), as training does.

    For inactivity: with an event of its kind in its window, found without laying out labels.
    """
    instant = to_micros(as_of)
    if target.kind != "inactivity":
        return askable(histories, target, instant, permits=permits)
    counted = (
        histories.kind_mask(target.event_kind)
        & histories.visible(instant)
        & (histories.occurred_at >= instant - target.active_window_days * DAY_US)
    )
    seen = np.bincount(histories.customer_of_event[counted], minlength=len(histories))
    return np.asarray(seen > 0)


def reasons(
    found: Estimate, definitions: tuple[FeatureDefinition, ...], *, limit: int
) -> tuple[Reason, ...]:
    """Give the `limit` groups of features that moved the score most, each in one plain sentence.

    Over all groups the contributions and the estimate's `base` add up to its log-odds within 1e-9.
    """
    if found.outcome != "scored":
        return ()
    groups = grouping(definitions)
    sums = groups.sums(found.contributions)
    order = np.argsort(-np.abs(sums), kind="stable")[:limit]
    context = {each.name: value for each, value in zip(definitions, found.values, strict=True)}
    return tuple(
        _reason(found, definitions, groups, group, float(sums[group]), context)
        for group in order.tolist()
        if sums[group] != 0.0
    )


def _reason(
    found: Estimate,
    definitions: tuple[FeatureDefinition, ...],
    groups: Grouping,
    group: int,
    contribution: float,
    context: Mapping[str, float],
) -> Reason:
    moved = [
        place
        for place in np.flatnonzero(groups.place == group).tolist()
        if found.contributions[place] != 0.0
    ]
    way = math.copysign(1.0, contribution)
    spoken = max(moved, key=lambda place: way * found.contributions[place])
    value = found.values[spoken]
    return Reason(
        definitions[spoken].name,
        _known(value),
        contribution,
        sentence(definitions[spoken], value, context),
        groups.titles[group],
        tuple(
            Member(definitions[place].name, _known(found.values[place]), found.contributions[place])
            for place in moved
        ),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def feature_digest(names: tuple[str, ...], values: NDArray[np.float64]) -> str:
    """Digest one row of features: names and bits; every NaN counts as the same missing value."""
    bits = np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()
    return hashlib.sha256("\n".join(names).encode() + b"\0" + bits).hexdigest()


def result_of(
    found: Estimate,
    given: tuple[Reason, ...],
    champion: Champion,
    *,
    permits: Mapping[str, Permit],
    currency: str | None,
) -> dict[str, Any] | None:
    """Write what a decision keeps of an estimate; it goes when the permission goes.

    `purposes` are those that were permitted, so that a replay reads no more and no less; without a
    score they are all there is to keep. `currency` is that of an amount, where there is one.
    """
    if found.feature_digest is None:
        return None
    purposes = sorted(
        purpose for purpose, permit in permits.items() if permit.covers(found.customer_id)
    )
    if found.outcome != "scored":
        return {"purposes": purposes}
    return {
        "probability": found.probability,
        "low": found.low,
        "high": found.high,
        "log_odds": found.log_odds,
        "base": found.base,
        "horizon_days": champion.model.horizon_days,
        "method": "model",
        **found.outlook.to_json(currency),
        "purposes": purposes,
        "reasons": [each.to_json() for each in given],
    }
