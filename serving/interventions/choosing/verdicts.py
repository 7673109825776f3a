"""What a run decided, written down: one decision for every candidate, one row for every contact.

Decisions carry no customer id, no message and no score; rows of people who are held out carry no
message. The caller's transaction makes all of it happen, or none.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.events import keepwell_event
from features.live import append
from governance.log.decision import Decision, new_decision_id
from serving.interventions.choosing.selection import Pick
from serving.interventions.delivery.desk import Desk, queue_request
from serving.interventions.lots.arms import Drawn
from serving.interventions.lots.holdout import Arm
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate, Judged, first_moment, permissions_of
from serving.interventions.tables import interventions
from serving.settings import Mode

OUTSIDE = "outside_range"
"""Why nothing was asked about someone: the playbook is not meant for them."""


class Assigned(NamedTuple):
    """What was decided for one eligible customer; `status` is a key of `STATUSES`."""

    intervention_id: str
    decision_id: str
    customer_id: str
    arm: Arm
    status: str
    probability: float | None
    chosen_by: str = "rule"


class Verdicts(NamedTuple):
    """What a run of one playbook came to, ready to be written.

    `judged` are all who were asked about, `refused` (customer to reason) those left alone,
    `picks` and `drawn` those taken, with how they were chosen and what the lot said. `chances`
    are those of people left out who might have been drawn to explore. `modes` gives the mode by
    the model behind a candidate, `waits` why all contacts wait for a person, if they do.
    """

    playbook: Playbook
    judged: Judged
    refused: Mapping[str, str]
    picks: Mapping[str, Pick]
    drawn: Mapping[str, Drawn]
    chances: Mapping[str, float]
    modes: Mapping[str | None, Mode]
    zones: Mapping[str, ZoneInfo]
    waits: str = ""


class Written(NamedTuple):
    """Whom something was assigned to, and the decisions that are to be recorded."""

    assigned: tuple[Assigned, ...]
    decisions: tuple[Decision, ...]


def write_verdicts(conn: Connection, desk: Desk, found: Verdicts, *, now: datetime) -> Written:
    """Write contacts, what the lot left alone, events and messages; the caller records decisions.

    The log is locked last of all, so decisions of several playbooks are recorded together.
    """
    chosen = [c for c in found.judged.eligible if c.customer_id in found.picks]
    erased = {customer for customer, why in found.refused.items() if why.endswith(": suppressed")}
    people = {c.customer_id for c in chosen} | found.refused.keys() | found.judged.outside
    persons = desk.persons.person_ids(conn, people - erased) if people - erased else {}
    decisions = list(_left_alone(found, persons))
    assigned = []
    rows = []
    for c in chosen:
        each, row = _assign(found, desk, c, now)
        assigned.append(each)
        rows.append(row)
        decisions.append(_decision(found, c, each, persons[c.customer_id]))
    if rows:
        conn.execute(interventions.insert(), rows)
        append(conn, [_event(found, each, now) for each in assigned])
    for each in assigned:
        if each.status == "queued":
            due_at = _due_at(found, desk, each.customer_id, now)
            queue_request(desk, conn, each.intervention_id, due_at=due_at, now=now)
    return Written(tuple(assigned), tuple(decisions))


def count_reasons(refused: Mapping[str, str]) -> dict[str, int]:
    """Count people by why they were left alone."""
    return dict(sorted(Counter(refused.values()).items()))


def _left_alone(found: Verdicts, persons: Mapping[str, str]) -> Iterator[Decision]:
    outside = dict.fromkeys(found.judged.outside, OUTSIDE)
    by_id = {c.customer_id: c for c in found.judged.eligible}
    for customer, reason in sorted({**outside, **found.refused}.items()):
        result: dict[str, Any] = {"playbook": found.playbook.name}
        if customer in by_id:
            result |= _what_spoke(by_id[customer]) | {"chance": found.chances.get(customer, 0.0)}
        yield Decision(
            decision_id=new_decision_id(),
            kind="contact",
            person_id=persons.get(customer),
            purpose=found.playbook.contact_purpose,
            outcome="refused" if customer in found.refused else "outside",
            reason=reason,
            target=found.playbook.target,
            result=result if customer in persons else None,  # of an erased one nothing is kept
        )


def _assign(
    found: Verdicts, desk: Desk, c: Candidate, now: datetime
) -> tuple[Assigned, dict[str, Any]]:
    playbook, pick, drawn = found.playbook, found.picks[c.customer_id], found.drawn[c.customer_id]
    mode = found.modes.get(c.model_digest, found.modes[None])
    outreach, treated = playbook.kind == "outreach", drawn.arm == "treated"
    waits = playbook.needs_person or (outreach and (mode != "act" or bool(found.waits)))
    status = "held_out" if not treated else "proposed" if waits else "queued"
    each = Assigned(
        str(uuid4()), new_decision_id(), c.customer_id, drawn.arm, status, c.probability,
        pick.chosen_by,
    )  # fmt: skip
    words = {"subject": playbook.subject, "body": playbook.body}
    due_at = _due_at(found, desk, c.customer_id, now)
    return each, {
        "intervention_id": each.intervention_id,
        "customer_id": c.customer_id,
        "playbook": playbook.name,
        "playbook_class": playbook.kind,
        "channel": playbook.channel,
        "arm": drawn.arm,
        "status": status,
        "reason": found.waits if status == "proposed" else "",
        "experiment": drawn.experiment,
        "stratum": drawn.stratum,
        "target": playbook.target,
        "probability": c.probability,
        "model_digest": c.model_digest,
        "score_decision_id": c.score_decision_id,
        "decision_id": each.decision_id,
        "permissions": json.dumps(permissions_of(found.judged, c.customer_id), sort_keys=True),
        "message": json.dumps(words) if treated else "{}",
        "action": playbook.action,
        "value": playbook.value,
        "cost": playbook.cost if treated else 0.0,
        "trigger": c.trigger[:120],
        "chosen_by": pick.chosen_by,
        "expected_effect": pick.expected_effect,
        "propensity": drawn.propensity,
        "chance": pick.chance,
        "survey": playbook.survey.to_text() if playbook.survey is not None and treated else None,
        "needs_person": waits and treated,
        "created_at": now,
        "valid_until": due_at + timedelta(hours=playbook.valid_hours),
        "holdout_until": None if treated else now + timedelta(days=playbook.holdout_days),
    }


def _due_at(found: Verdicts, desk: Desk, customer_id: str, now: datetime) -> datetime:
    if found.playbook.kind == "service":
        return now
    return first_moment(now, desk.policy, found.zones.get(customer_id))


def _event(found: Verdicts, each: Assigned, now: datetime) -> Any:
    return keepwell_event(
        "intervention_assigned",
        each.customer_id,
        event_id=each.intervention_id,
        occurred_at=now,
        known_at=now,
        properties=found.drawn[each.customer_id].properties(found.playbook.name),
    )


def _decision(found: Verdicts, c: Candidate, each: Assigned, person_id: str) -> Decision:
    pick, drawn = found.picks[c.customer_id], found.drawn[c.customer_id]
    return Decision(
        decision_id=each.decision_id,
        kind="contact",
        person_id=person_id,
        purpose=found.playbook.contact_purpose,
        outcome="cleared" if each.status == "queued" else each.status,
        reason=found.waits if each.status == "proposed" else "",
        model_digest=c.model_digest,
        target=found.playbook.target,
        result={
            "intervention_id": each.intervention_id,
            "playbook": found.playbook.name,
            "action": found.playbook.action,
            **_what_spoke(c),
            "chosen_by": pick.chosen_by,
            "expected_effect": pick.expected_effect,
            "chance": pick.chance,
            "propensity": drawn.propensity,
            "arm": drawn.arm,
        },
    )


def _what_spoke(c: Candidate) -> dict[str, Any]:
    """Give the kind of trigger without the event it was, and the score behind it by its id."""
    kind = c.trigger.partition(" ")[0]
    return {"trigger": kind, "score_decision_id": c.score_decision_id}
