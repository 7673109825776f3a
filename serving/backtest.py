"""Would it have helped last quarter, and what is at stake now: a model beside a simple rule."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.history import read_all
from features.labels import Target
from governance.errors import InsufficientData
from governance.instants import DAY_US, to_micros
from governance.intervals import Interval, wilson
from serving.bootstrap import Keepwell
from training.pipeline import TrainResult

TOP = 50
RULE = "recency"
_YEAR_DAYS = 365


class Backtest(NamedTuple):
    """How many leavers were among the `top` of each list, on customers training never saw later.

    `low` and `high` are the 95 % interval of `our_hits` (Wilson). `verdict` says in words whether
    the model ranks better than the rule, by the paired interval of the AUC difference.
    """

    model_digest: str
    as_of: datetime
    horizon_days: int
    customers: int
    leavers: int
    top: int
    rule_hits: int
    our_hits: int
    low: int
    high: int
    auc: Interval
    rule_auc: Interval
    difference: Interval
    verdict: str


class Stake(NamedTuple):
    """Expected revenue that leaves within the horizon, and how much of it may be written to."""

    customers: int
    at_risk: float
    contactable_share: float


def back_test(trained: TrainResult) -> Backtest:
    """Compare the lists a person would have worked through; the test set was read in training.

    Raises `InsufficientData` when there is no recency rule to compare with.
    """
    facts, scores = trained.facts, trained.scores
    rule = scores.baselines.get(RULE)
    if rule is None:
        raise InsufficientData("there are no orders to make a simple rule of")
    top = min(TOP, max(facts.test.n // 10, 1))
    ours, simple = (_hits(scores.y, ranked, top) for ranked in (scores.probability, rule))
    interval = wilson(ours, top)
    low, high = (0, top) if interval is None else (interval.low * top, interval.high * top)
    difference = facts.differences[RULE]
    return Backtest(
        model_digest=facts.model_digest,
        as_of=facts.test.as_of,
        horizon_days=facts.horizon_days,
        customers=facts.test.n,
        leavers=facts.test.positives,
        top=top,
        rule_hits=simple,
        our_hits=ours,
        low=round(low),
        high=round(high),
        auc=facts.test.auc,
        rule_auc=facts.baselines[RULE].auc,
        difference=difference,
        verdict=_verdict(difference),
    )


def stake_of(
    keepwell: Keepwell,
    conn: Connection,
    scores: Path,
    target: Target,
    *,
    contactable: Collection[str],
    now: datetime,
) -> Stake:
    """Add up probability × the last year's revenue brought down to the horizon, over the scored.

    `scores` is a file of `serving.scoring.batch`; `contactable` names who permits being written to.
    """
    found = pq.read_table(scores, columns=["customer_id", "probability", "as_of", "status"])
    rows = [row for row in found.to_pylist() if row["status"] == "scored"]
    if not rows:
        return Stake(0, 0.0, 0.0)
    people = [row["customer_id"] for row in rows]
    permit, _ = keepwell.registry.permit_many(conn, target.purpose, people, now=now)
    histories = read_all(conn, keepwell.store, permit)
    as_of = to_micros(rows[0]["as_of"])
    counted = (
        histories.kind_mask(target.event_kind)
        & histories.visible(as_of)
        & (histories.occurred_at >= as_of - _YEAR_DAYS * DAY_US)
    )
    value = np.nan_to_num(histories.value[counted])
    yearly = np.bincount(histories.customer_of_event[counted], value, minlength=len(histories))
    revenue = dict(zip(histories.customers, yearly * target.horizon_days / _YEAR_DAYS, strict=True))
    at_risk = {
        row["customer_id"]: row["probability"] * max(revenue.get(row["customer_id"], 0.0), 0.0)
        for row in rows
    }
    total = float(sum(at_risk.values()))
    reached = float(sum(amount for person, amount in at_risk.items() if person in contactable))
    return Stake(len(rows), total, reached / total if total else 0.0)


def _hits(y: NDArray[np.float64], score: NDArray[np.float64], top: int) -> int:
    chosen = np.argsort(-score, kind="stable")[:top]
    return int(y[chosen].sum())


def _verdict(difference: Interval) -> str:
    if difference.low > 0:
        return "the model ranks better than the rule"
    if difference.high < 0:
        return "the rule ranks better than the model"
    return "no better than the simple rule can be shown"
