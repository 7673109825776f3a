"""What there is to see of a walk, read anew each time: a withdrawal takes results from it, too."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from features.history import read_customer
from governance.consent.registry import ConsentState, Refusal
from governance.errors import NotFound
from governance.log.decision import RecordedDecision, load
from serving.approval.proposal import Proposal, open_proposal
from serving.bootstrap import Keepwell
from serving.links import person_permit
from serving.record.tellable import tellable
from serving.scoring.explained import Explained, explained
from serving.scoring.shapes import decision_json
from serving.tour.acts import PURPOSE, TARGET, Stage, words_asked
from serving.tour.cast import Player
from serving.tour.walk import Walk

_TOLD_REASONS = 6


class Verdict(NamedTuple):
    """One recorded verdict as it may be told now.

    `outcome` is scored, refused, insufficient_data, or what a playbook came to; without numbers
    where there are none, or where they were `forgotten` with the permission. `steps` lead to its
    sum; `record` is the verdict as `GET /v1/decisions/{id}` gives it, without its reasons.
    """

    decision_id: str
    outcome: str
    reason: str
    recorded_at: datetime
    forgotten: bool
    record: str
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    horizon_days: int = 0
    steps: Explained | None = None
    playbook: str = ""


class Happened(NamedTuple):
    """One event as it stands in the history; `sent` is it as a program sends it."""

    event_id: str
    kind: str
    text: str | None
    known_at: str
    sent: str


@dataclass(frozen=True, kw_only=True)
class Sights:
    """All there is to see of one walk; what was not done yet is None.

    `other` is somebody else who may be drifting away, for whoever follows a customer that no
    playbook is meant for; `words` are those by which people are asked for the permission.
    """

    walk: Walk
    player: Player
    permission: ConsentState
    before: Verdict | None
    after: Verdict | None
    refused: Verdict | None
    again: Verdict | None
    asked: tuple[Verdict, ...]
    event: Happened | None
    contact: Proposal | None
    other: Player | None
    words: str

    @property
    def score(self) -> Verdict | None:
        """The newest verdict on the score."""
        return self.again or self.refused or self.after or self.before


def look(stage: Stage, walk: Walk, *, opens: bool = False) -> Sights:
    """See what a walk came to; `opens` notes that somebody looked at its proposal to decide.

    Raises `NotFound` where it names somebody else's verdicts.
    """
    keepwell, now = stage.keepwell, stage.clock()
    player = stage.player(walk.customer_id)
    with keepwell.database.read() as conn:
        person = keepwell.persons.find(conn, walk.customer_id)
        found = [load(conn, each) for each in dict.fromkeys(walk.decisions)]
        if any(each.person_id != person for each in found):
            raise NotFound("these verdicts are not of this walk", hint="begin on the first page")
        told = {
            each.decision_id: _verdict(each) for each in tellable(keepwell, conn, found, now=now)
        }
        permission = keepwell.registry.state(conn, walk.customer_id, PURPOSE, now=now)
        event = _event(keepwell, conn, walk, now) if walk.event else None
    contact = None
    if walk.contact:
        contact = open_proposal(keepwell, stage.desk, walk.contact, to_decide=opens, now=now)
    return Sights(
        walk=walk,
        player=player,
        permission=permission,
        before=told.get(walk.before),
        after=told.get(walk.after),
        refused=told.get(walk.refused),
        again=told.get(walk.again),
        asked=tuple(told[each] for each in walk.asked),
        event=event,
        contact=contact,
        other=stage.other(player),
        words=words_asked(keepwell).content,
    )


def score_request(customer_id: str) -> str:
    """Write the body of `POST /v1/scores` for one customer."""
    return _pretty({"inputs": [{"customer_id": customer_id}], "targets": [TARGET]})


def _verdict(found: RecordedDecision) -> Verdict:
    record = decision_json(found)
    result: Mapping[str, Any] = found.result or {}
    if "reasons" in result:
        record["result"] = {name: each for name, each in result.items() if name != "reasons"}
    return Verdict(
        decision_id=found.decision_id,
        outcome=found.outcome,
        reason=found.reason,
        recorded_at=found.recorded_at,
        forgotten=found.result_forgotten,
        record=_pretty(record),
        probability=result.get("probability"),
        low=result.get("low"),
        high=result.get("high"),
        horizon_days=int(result.get("horizon_days") or 0),
        steps=explained(result, most=_TOLD_REASONS),
        playbook=str(result.get("playbook") or ""),
    )


def _event(keepwell: Keepwell, conn: Connection, walk: Walk, now: datetime) -> Happened | None:
    permit = person_permit(keepwell, conn, walk.customer_id, "operations", now=now)
    if isinstance(permit, Refusal):
        return None
    events = read_customer(conn, permit, walk.customer_id).events(0)
    found = next((each for each in reversed(events) if each["event_id"] == walk.event), None)
    if found is None:
        return None
    fields = ("event_id", "kind", "occurred_at", "value", "currency", "text", "properties")
    sent = {name: found[name] for name in fields if found.get(name) not in (None, {})}
    body = {"events": [{"customer_id": walk.customer_id, **sent}]}
    return Happened(walk.event, found["kind"], found.get("text"), found["known_at"], _pretty(body))


def _pretty(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
