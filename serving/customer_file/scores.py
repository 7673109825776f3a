"""What was estimated about one customer, newest first, as it may be told at this instant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from governance.consent.registry import Refusal
from governance.log.decision import RecordedDecision, of_person
from serving.bootstrap import Keepwell
from serving.customer_file.known import Known
from serving.links import person_permit
from serving.record.tellable import tellable
from serving.scoring.explained import Explained, explained

MOST_POINTS = 60
"""How many past scores are shown, the newest."""


class Score(NamedTuple):
    """One scoring decision: `outcome` is scored, insufficient_data or refused, `reason` why.

    `says` is what the probability is of, `rule` what is said where no model was asked. Without
    numbers where there were none or where they may not be told any more (`gone`).
    """

    decision_id: str
    recorded_at: datetime
    as_of: datetime | None
    outcome: str
    reason: str
    gone: bool
    model_digest: str | None
    says: str
    horizon_days: int | None = None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    steps: Explained | None = None
    rule: str | None = None
    further: Mapping[str, Any] = {}


class Scores(NamedTuple):
    """Every score of one target, newest first; `refusal` says why none may be told now, if so.

    `newest` is the latest decision whatever came of it, `told` the latest with numbers; `points`
    are those with numbers, by what was known.
    """

    target: str
    refusal: str
    newest: Score | None
    told: Score | None
    points: tuple[Score, ...]


def scores_of(
    keepwell: Keepwell, conn: Connection, known: Known, target: str, *, now: datetime
) -> Scores:
    """Give what was estimated about someone for one target; only what is permitted has numbers."""
    purpose = keepwell.target(target).purpose
    judged = person_permit(keepwell, conn, known.inside, purpose, now=now)
    refusal = judged.reason if isinstance(judged, Refusal) else ""
    found = [
        _score(keepwell, each)
        for each in _decided(keepwell, conn, known, now)
        if each.kind == "score" and each.target == target
    ]
    numbers = [each for each in found if each.probability is not None]
    told = numbers[0] if numbers else None
    points = sorted(numbers, key=lambda each: each.as_of or each.recorded_at, reverse=True)
    newest = found[0] if found else None
    return Scores(target, refusal, newest, told, tuple(points[:MOST_POINTS]))


def score_of(found: RecordedDecision, says: str) -> Score:
    """Shape one scoring decision as it may be told."""
    result = found.result or {}
    further = {name: result[name] for name in _FURTHER if result.get(name)}
    return Score(
        found.decision_id,
        found.recorded_at,
        found.as_of,
        found.outcome,
        found.reason,
        found.result_forgotten,
        found.model_digest,
        says,
        result.get("horizon_days"),
        result.get("probability"),
        result.get("low"),
        result.get("high"),
        explained(result),
        result.get("text") if result.get("method") == "rule" else None,
        further,
    )


_FURTHER = ("horizons", "days", "value", "categories")


def _score(keepwell: Keepwell, found: RecordedDecision) -> Score:
    horizon_days = (found.result or {}).get("horizon_days")
    target = keepwell.target(found.target or "")
    return score_of(found, target.say(horizon_days))


def _decided(
    keepwell: Keepwell, conn: Connection, known: Known, now: datetime
) -> Sequence[RecordedDecision]:
    person = keepwell.persons.find(conn, known.inside)
    if person is None:
        return ()
    decided = tellable(keepwell, conn, of_person(conn, person), now=now)
    return decided[::-1]
