"""What scoring answers with: one record per customer, as the caller may know it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from governance.log.decision import Decision
from serving.scoring.estimate import MERGED, Reason
from serving.scoring.outlook import NOTHING, Outlook
from serving.scoring.whatif import WhatIf


class TargetScore(NamedTuple):
    """One target's score of one customer; without numbers where `method` is `rule`.

    `outcome` says in words what the probability is of. `currency` is that of an amount.
    """

    decision_id: str
    horizon_days: int
    method: str
    probability: float | None
    low: float | None
    high: float | None
    reasons: tuple[Reason, ...]
    model_digest: str | None
    rule: str | None
    outcome: str = ""
    outlook: Outlook = NOTHING
    currency: str | None = None


class CustomerScore(NamedTuple):
    """What can be said of one customer.

    `status` is scored, insufficient_data, refused or not_available; `reason` is for those who may
    know it.
    """

    customer_id: str
    status: str
    reason: str | None
    decision_id: str
    model_digest: str | None
    scores: Mapping[str, TargetScore]


class ScoreAnswer(NamedTuple):
    """One result per customer asked for, in that order, as things were known at `as_of`."""

    results: tuple[CustomerScore, ...]
    as_of: datetime


class WhatIfAnswer(NamedTuple):
    """What came of a question about one customer; `answer` is None where there is no score.

    `status` is answered, impossible, or as of a score: insufficient_data, refused, not_available.
    """

    customer_id: str
    target: str
    horizon_days: int
    status: str
    reason: str | None
    decision_id: str
    model_digest: str | None
    as_of: datetime
    answer: WhatIf | None


class Verdict(NamedTuple):
    """What came of one target for one customer, before anyone is told: `decision` is its record."""

    status: str
    reason: str
    decision: Decision
    score: TargetScore | None = None
    answer: WhatIf | None = None


_ANSWERED = frozenset({"scored", "answered", "impossible"})
_RANK = ("scored", "insufficient_data", "refused", "unknown")


def told(customer_id: str, found: Mapping[str, Verdict], may_see_refusals: bool) -> CustomerScore:
    """Turn the verdicts on one customer into what this caller may know."""
    best = min(found.values(), key=lambda verdict: _RANK.index(verdict.status))
    status, reason = may_know(best, may_see_refusals)
    return CustomerScore(
        customer_id,
        status,
        reason,
        best.decision.decision_id,
        best.decision.model_digest,
        {name: each.score for name, each in found.items() if each.score is not None},
    )


def may_know(verdict: Verdict, may_see_refusals: bool) -> tuple[str, str | None]:
    """Give status and reason as this caller may know them."""
    status, reason = verdict.status, None if verdict.status in _ANSWERED else verdict.reason
    if status == "unknown" or (status == "refused" and not may_see_refusals):
        status = "not_available"
    if status == "not_available" and not may_see_refusals:
        reason = None
    if reason == MERGED and not may_see_refusals:
        reason = "no_history"
    return status, reason
