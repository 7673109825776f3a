"""One run of a playbook: who is asked about, held out, queued, or left alone and why.

One transaction holds the verdict on every candidate, its ledger entry, the event in the history and
the message in the outbox: all of it happened, or none of it.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, and_, or_, select

from features.events import keepwell_event
from features.live import append
from governance.log.decision import Decision, new_decision_id, record
from governance.review.candidates import fairness_outcomes
from serving.interventions.arms import Drawn, draw_arms, stratum_of
from serving.interventions.contest import contested_candidates
from serving.interventions.desk import Desk, queue_request
from serving.interventions.experiments import halted, open_experiment
from serving.interventions.holdout import Arm
from serving.interventions.playbooks import Playbook
from serving.interventions.policy import Candidate, Judged, first_moment, judge, permissions_of
from serving.interventions.tables import interventions
from serving.locks import lock_customers
from serving.settings import Mode


class Assigned(NamedTuple):
    """What was decided for one eligible customer; `status` is a key of `STATUSES`."""

    intervention_id: str
    decision_id: str
    customer_id: str
    arm: Arm
    status: str
    probability: float | None


class InterventionRun(NamedTuple):
    """What one run of a playbook came to.

    `considered` candidates are `outside` the playbook's range, or `refused` (reason to number), or
    among `assigned`. `decisions` verdicts were recorded.
    """

    playbook: str
    considered: int
    outside: int
    refused: Mapping[str, int]
    assigned: tuple[Assigned, ...]
    decisions: int

    def count(self, status: str) -> int:
        """How many were assigned with this status."""
        return sum(each.status == status for each in self.assigned)


def run_interventions(
    desk: Desk,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    *,
    outside_contacts: Mapping[str, int],
    clock: Callable[[], datetime],
) -> InterventionRun:
    """Decide, hold out and queue in one transaction; `dispatch` sends what it queued.

    `outside_contacts` counts each customer's recent contacts outside Keepwell (see `contacts`).
    """
    with desk.database.write() as conn:
        lock_customers(conn, [c.customer_id for c in candidates])
        now = clock()
        judged = _judge(conn, desk, playbook, candidates, outside_contacts, now)
        arms = _draw(conn, desk, playbook, judged, now)
        return _write(conn, desk, playbook, judged, arms, len(candidates), now)


def simulate(
    desk: Desk,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    *,
    outside_contacts: Mapping[str, int],
    clock: Callable[[], datetime],
) -> Judged:
    """Say who would be chosen and why not the others, without acting or recording anything."""
    with desk.database.read() as conn:
        return _judge(conn, desk, playbook, candidates, outside_contacts, clock())


def _judge(
    conn: Connection,
    desk: Desk,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    outside_contacts: Mapping[str, int],
    now: datetime,
) -> Judged:
    people = {c.customer_id for c in candidates}
    contacts = Counter({c: n for c, n in outside_contacts.items() if c in people})
    contacts.update(_own_contacts(conn, now - timedelta(days=desk.policy.per_days)))
    return judge(
        conn,
        desk.registry,
        playbook,
        candidates,
        policy=desk.policy,
        contacts=contacts,
        busy=_busy(conn, playbook, now)
        | contested_candidates(conn, desk.persons, candidates)
        | _unfair(conn, desk, playbook, candidates)
        | _halted(conn, playbook, candidates),
        now=now,
    )


def _modes(
    conn: Connection, desk: Desk, candidates: Sequence[Candidate]
) -> Mapping[str | None, Mode]:
    """Give the mode for each model behind the candidates, by what its fairness audit showed."""
    digests = {c.model_digest for c in candidates if c.model_digest is not None}
    outcomes = fairness_outcomes(conn, digests)
    return {each: desk.policy.mode_for(found) for each, found in outcomes.items()}


def _unfair(
    conn: Connection, desk: Desk, playbook: Playbook, candidates: Sequence[Candidate]
) -> dict[str, str]:
    """Give those whose model may only observe, because it was not shown to treat groups alike."""
    modes = _modes(conn, desk, candidates) if playbook.kind == "outreach" else {}
    return {
        c.customer_id: "fairness_not_shown"
        for c in candidates
        if modes.get(c.model_digest) == "observe"
    }


def _halted(
    conn: Connection, playbook: Playbook, candidates: Sequence[Candidate]
) -> dict[str, str]:
    """Give everyone, where the playbook's experiment was stopped for harm."""
    why = halted(conn, playbook)
    return {} if why is None else dict.fromkeys((c.customer_id for c in candidates), why)


def _own_contacts(conn: Connection, since: datetime) -> Counter[str]:
    """Count outreach per customer that was sent since then, or is on its way."""
    rows = conn.execute(
        select(interventions.c.customer_id)
        .where(interventions.c.playbook_class == "outreach")
        .where(interventions.c.arm == "treated")
        .where(
            or_(
                interventions.c.status.in_(("proposed", "queued", "contested")),
                interventions.c.sent_at >= since,
            )
        )
    )
    return Counter(rows.scalars())


def _busy(conn: Connection, playbook: Playbook, now: datetime) -> dict[str, str]:
    """Give why some are left alone: held out of this target, or something of this is under way."""
    under_way = and_(
        interventions.c.playbook == playbook.name,
        interventions.c.status.in_(("proposed", "queued", "contested")),
    )
    held = and_(
        interventions.c.arm == "holdout",
        interventions.c.holdout_until > now,
        interventions.c.target == playbook.target,
    )
    chosen = under_way if playbook.kind == "service" else or_(under_way, held)
    rows = conn.execute(select(interventions.c.customer_id, interventions.c.arm).where(chosen))
    return {c: "held_out" if arm == "holdout" else "already_under_way" for c, arm in rows}


def _draw(
    conn: Connection, desk: Desk, playbook: Playbook, judged: Judged, now: datetime
) -> dict[str, Drawn]:
    """Draw arms last, among people who could all be contacted; arms still in force are kept."""
    if not judged.eligible:
        return {}
    trial = open_experiment(conn, playbook, now)
    strata = {c.customer_id: stratum_of(c.probability) for c in judged.eligible}
    return draw_arms(conn, trial, strata, key=desk.holdout_key)


def _write(
    conn: Connection,
    desk: Desk,
    playbook: Playbook,
    judged: Judged,
    arms: Mapping[str, Drawn],
    considered: int,
    now: datetime,
) -> InterventionRun:
    refused = dict(judged.refused)
    for purpose, permit in judged.permits.items():
        for customer in desk.registry.changed_since(conn, permit):
            refused.setdefault(customer, f"{purpose}: permission_changed")
    chosen = [c for c in judged.eligible if c.customer_id not in refused]
    erased = {customer for customer, why in refused.items() if why.endswith(": suppressed")}
    people = [*(refused.keys() - erased), *(c.customer_id for c in chosen)]
    persons = desk.persons.person_ids(conn, people) if people else {}
    decisions = [
        Decision(
            decision_id=new_decision_id(),
            kind="contact",
            person_id=persons.get(customer),
            purpose=playbook.contact_purpose,
            outcome="refused",
            reason=reason,
            target=playbook.target,
        )
        for customer, reason in sorted(refused.items())
    ]
    assigned, events = [], []
    modes = _modes(conn, desk, chosen)
    for c in chosen:
        mode = modes.get(c.model_digest, desk.policy.mode)
        each = _assign(conn, desk, playbook, judged, c, arms[c.customer_id], mode, now)
        assigned.append(each)
        decisions.append(_decision(playbook, c, each, persons[c.customer_id]))
        events.append(
            keepwell_event(
                "intervention_assigned",
                c.customer_id,
                event_id=each.intervention_id,
                occurred_at=now,
                known_at=now,
                properties=arms[c.customer_id].properties(playbook.name),
            )
        )
    if events:
        append(conn, events)
    record(conn, desk.ledger, decisions, now=now)
    return InterventionRun(
        playbook=playbook.name,
        considered=considered,
        outside=len(judged.outside),
        refused=dict(sorted(Counter(refused.values()).items())),
        assigned=tuple(assigned),
        decisions=len(decisions),
    )


def _assign(
    conn: Connection,
    desk: Desk,
    playbook: Playbook,
    judged: Judged,
    c: Candidate,
    drawn: Drawn,
    mode: Mode,
    now: datetime,
) -> Assigned:
    arm = drawn.arm
    waits = playbook.needs_person or (playbook.kind == "outreach" and mode != "act")
    status = "held_out" if arm == "holdout" else "proposed" if waits else "queued"
    each = Assigned(str(uuid4()), new_decision_id(), c.customer_id, arm, status, c.probability)
    due_at = first_moment(now, desk.policy) if playbook.kind == "outreach" else now
    treated = arm == "treated"
    row = {
        "intervention_id": each.intervention_id,
        "customer_id": c.customer_id,
        "playbook": playbook.name,
        "playbook_class": playbook.kind,
        "channel": playbook.channel,
        "arm": arm,
        "status": status,
        "reason": "",
        "experiment": drawn.experiment,
        "stratum": drawn.stratum,
        "propensity": drawn.propensity,
        "target": playbook.target,
        "probability": c.probability,
        "model_digest": c.model_digest,
        "score_decision_id": c.score_decision_id,
        "decision_id": each.decision_id,
        "permissions": json.dumps(permissions_of(judged, c.customer_id), sort_keys=True),
        "message": json.dumps({"subject": playbook.subject, "body": playbook.body})
        if treated
        else "{}",
        "action": playbook.action,
        "value": playbook.value,
        "cost": playbook.cost if treated else 0.0,
        "needs_person": waits and treated,
        "created_at": now,
        "valid_until": due_at + timedelta(hours=playbook.valid_hours),
        "holdout_until": None if treated else now + timedelta(days=playbook.holdout_days),
    }
    conn.execute(interventions.insert(), row)
    if status == "queued":
        queue_request(desk, conn, each.intervention_id, due_at=due_at, now=now)
    return each


def _decision(playbook: Playbook, c: Candidate, each: Assigned, person_id: str) -> Decision:
    return Decision(
        decision_id=each.decision_id,
        kind="contact",
        person_id=person_id,
        purpose=playbook.contact_purpose,
        outcome="cleared" if each.status == "queued" else each.status,
        reason="",
        model_digest=c.model_digest,
        target=playbook.target,
        result={
            "intervention_id": each.intervention_id,
            "playbook": playbook.name,
            "score_decision_id": c.score_decision_id,
        },
    )
