"""From a customer's history to an estimate: the same few lines for one request, a batch, a replay.

Pure: what was read, the model and an instant go in; numbers and words come out.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from features.event_digests import event_digests
from features.history import Histories
from features.kernel import allowed_by, compute_allowed
from features.labels import Target, askable
from governance.instants import DAY_US, to_micros
from governance.proof import Permit
from serving.scoring.champions import Champion
from serving.scoring.outlook import NOTHING, Outlook, outlooks
from serving.scoring.told_groups import grouped
from training.model import Scores

MODEL = "model"
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

    def to_json(self, *, members: bool = True) -> dict[str, Any]:
        """Plain JSON, the same in answers and files; a batch's record leaves `members` out."""
        told = {
            "feature": self.feature,
            "value": self.value,
            "contribution": self.contribution,
            "text": self.text,
            "group": self.group,
        }
        if not members:
            return told
        return told | {
            "members": [
                {"feature": feature, "value": value, "contribution": contribution}
                for feature, value, contribution in self.members
            ]
        }


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


class Estimates(NamedTuple):
    """What `Estimate` says of one customer, of n at once, of whom r have features.

    `row` (n,) is each customer's place among the r, -1 without any; `scores`, `values` (r, k),
    `outlooks` and `feature_digests` are by that place, all else by customer. `reason` is `model`
    for those who are scored, else what is missing.
    """

    customers: list[str]
    reason: list[str]
    row: NDArray[np.int64]
    event_digests: list[str]
    feature_digests: list[str]
    scores: Scores
    values: NDArray[np.float64]
    outlooks: Sequence[Outlook]


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
    allowed = allowed_by(histories, champion.plan, permits)
    asked = asked_at(histories, target, as_of=as_of, permits=permits)
    found = estimates(champion, target, histories, as_of=as_of, allowed=allowed, asked=asked)
    scores = found.scores
    numbers = list(
        zip(
            *(
                column.tolist()
                for column in (scores.probability, scores.low, scores.high, scores.log_odds)
            ),
            strict=True,
        )
    )
    values, contributions = found.values.tolist(), scores.contributions.tolist()
    told: list[Estimate] = []
    for customer, reason, row, events in zip(
        found.customers, found.reason, found.row.tolist(), found.event_digests, strict=True
    ):
        if row < 0:
            told.append(Estimate(customer, "insufficient_data", reason, None, None))
            continue
        features = found.feature_digests[row]
        if reason != MODEL:
            told.append(Estimate(customer, "insufficient_data", reason, events, features))
            continue
        probability, low, high, log_odds = numbers[row]
        told.append(
            Estimate(
                customer,
                "scored",
                MODEL,
                events,
                features,
                probability,
                low,
                high,
                log_odds,
                scores.base,
                tuple(values[row]),
                tuple(contributions[row]),
                found.outlooks[row],
            )
        )
    return tuple(told)


def estimates(
    champion: Champion,
    target: Target,
    histories: Histories,
    *,
    as_of: datetime,
    allowed: NDArray[np.uint8],
    asked: NDArray[np.bool_],
) -> Estimates:
    """Estimate every customer of `histories`, in their order, all columns at once.

    `allowed` is what `features.kernel.allowed_by` says of the permits, `asked` (n,) what
    `asked_at` says; in a row of `values` nothing counts that these do not allow.
    """
    instant = to_micros(as_of)
    table = compute_allowed(histories, champion.plan, [instant], allowed, champion.functions)
    row = np.full(len(histories), -1)
    row[table.customer_index] = np.arange(len(table))
    scores = champion.model.predict(table.values)
    nothing = np.where(histories.is_away(instant), MERGED, "no_history")
    short = FEW_REPORTS if target.is_personal else NOT_ACTIVE
    return Estimates(
        [str(each) for each in histories.customers],
        np.where(row < 0, nothing, np.where(asked, MODEL, short)).tolist(),
        row,
        event_digests(histories, instant),
        feature_digests(champion.model.names, table.values),
        scores,
        table.values,
        outlooks(champion.model.whole, target, table.values, scores) if len(table) else (),
    )


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
    groups, values, contributions = grouped(definitions), found.values, found.contributions
    sums = [0.0] * len(groups.titles)
    for group, contribution in zip(groups.place, contributions, strict=True):
        sums[group] += contribution
    order = sorted(range(len(sums)), key=lambda group: -abs(sums[group]))[:limit]
    told = []
    for group in order:
        contribution = sums[group]
        if contribution == 0.0:
            continue
        moved = [place for place in groups.members[group] if contributions[place] != 0.0]
        way = math.copysign(1.0, contribution)
        spoken = max(moved, key=lambda place: way * contributions[place])
        told.append(
            Reason(
                groups.names[spoken],
                _known(values[spoken]),
                contribution,
                groups.say(spoken, values),
                groups.titles[group],
                tuple(
                    Member(groups.names[place], _known(values[place]), contributions[place])
                    for place in moved
                ),
            )
        )
    return tuple(told)


def _known(value: float) -> float | None:
    return None if value != value else value


def feature_digests(names: tuple[str, ...], values: NDArray[np.float64]) -> list[str]:
    """Digest rows of features (r, k), names and bits; every NaN is the same missing value."""
    bits = memoryview(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
    size, found = 8 * values.shape[1], []
    start = hashlib.sha256("\n".join(names).encode() + b"\0")
    for row in range(len(values)):
        state = start.copy()
        state.update(bits[row * size : (row + 1) * size])
        found.append(state.hexdigest())
    return found


def result_of(
    found: Estimate,
    given: tuple[Reason, ...],
    champion: Champion,
    *,
    permits: Mapping[str, Permit],
    currency: str | None,
    members: bool = True,
) -> dict[str, Any] | None:
    """Write what a decision keeps of an estimate; it goes when the permission goes.

    `purposes` are those that were permitted, so that a replay reads no more and no less; without a
    score they are all there is to keep. `currency` is that of an amount, where there is one. A
    batch keeps reasons without their `members` (see `result_text`).
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
        "reasons": [each.to_json(members=members) for each in given],
    }
