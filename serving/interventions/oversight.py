"""What people do about interventions: look, say yes or no, confirm right before sending."""

import json
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select, update

from governance.consent.purposes import FAMILIES, family_of
from governance.consent.registry import ConsentRegistry
from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from serving.interventions.desk import Desk, queue_request
from serving.interventions.outbox import end_intervention
from serving.interventions.policy import QUIET_HOURS, Queued, recheck
from serving.interventions.tables import interventions
from serving.interventions.zones import quiet_until
from serving.locks import lock_customers
from serving.positions import Position, find_position


class InterventionView(NamedTuple):
    """One intervention as it is shown to those who may see it."""

    intervention_id: str
    customer_id: str
    playbook: str
    channel: str
    arm: str
    status: str
    reason: str
    probability: float | None
    decision_id: str
    score_decision_id: str | None
    needs_person: bool
    created_at: datetime
    valid_until: datetime
    sent_at: datetime | None
    permissions: str

    @property
    def position(self) -> Position:
        """Where it stands in the list of all."""
        return Position(self.created_at, self.intervention_id)

    def to_json(self, *, may_see_refusals: bool = False) -> dict[str, Any]:
        """Give a plain mapping with instants as text; the reason is for those who may know it.

        To others no cancelled one shows a probability: which ones kept theirs would tell why.
        """
        shaped = {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
            if name != "permissions"
        }
        if may_see_refusals:
            return shaped
        hidden = {"reason": None} | ({"probability": None} if self.status == "cancelled" else {})
        return shaped | hidden


class Verdict(NamedTuple):
    """What came of a person's yes or a sender's question; `reason` is empty for a yes.

    `not_before` is when a contact that only quiet hours forbid may be asked for again.
    """

    intervention_id: str
    allowed: bool
    status: str
    reason: str
    valid_until: datetime
    not_before: datetime | None = None

    def to_json(self, *, may_see_refusals: bool = False) -> dict[str, Any]:
        """Give a plain mapping; the reason for a no is for those who may know it."""
        open_to_all = may_see_refusals or self.reason == QUIET_HOURS
        return self._asdict() | {
            "reason": (self.reason or None) if open_to_all else None,
            "valid_until": to_text(self.valid_until),
            "not_before": None if self.not_before is None else to_text(self.not_before),
        }


class Oversight(NamedTuple):
    """Whether people really decide: many quick yeses and no noes look like a rubber stamp."""

    waiting: int
    approved: int
    rejected: int
    median_minutes: float | None


def list_interventions(
    conn: Connection, *, limit: int = 50, after: str | None = None, status: str | None = None
) -> list[InterventionView]:
    """Give interventions, the newest first; `after` is the last id or position of the page before.

    A position holds when its intervention is gone by then; an id does not.
    """
    query = select(interventions)
    if after is not None:
        at, last = find_position(after, lambda name: _view(_find(conn, name)).position)
        query = query.where(
            or_(
                interventions.c.created_at < at,
                and_(
                    interventions.c.created_at == at,
                    interventions.c.intervention_id < last,
                ),
            )
        )
    if status is not None:
        query = query.where(interventions.c.status == status)
    rows = conn.execute(
        query.order_by(
            interventions.c.created_at.desc(), interventions.c.intervention_id.desc()
        ).limit(limit)
    )
    return [_view(row) for row in rows]


def interventions_of(conn: Connection, customer_id: str) -> list[InterventionView]:
    """Give every intervention of one customer, the newest first."""
    rows = conn.execute(
        select(interventions)
        .where(interventions.c.customer_id == customer_id)
        .order_by(interventions.c.created_at.desc())
    )
    return [_view(row) for row in rows]


def without_refused(
    conn: Connection,
    registry: ConsentRegistry,
    found: Sequence[InterventionView],
    *,
    now: datetime,
) -> list[InterventionView]:
    """Give interventions without the probabilities whose scoring is refused at this instant.

    Permission to make contact is not asked: that one ended says nothing about the score.
    """
    told = [each for each in found if each.probability is not None]
    purposes = set[str]().union(*map(_scoring_purposes, told))
    people = {each.customer_id for each in told}
    judged = registry.permit_purposes(conn, purposes, people, now=now) if told else {}
    return [
        each._replace(probability=None)
        if any(each.customer_id in judged[name][1] for name in _scoring_purposes(each) & purposes)
        else each
        for each in found
    ]


def _scoring_purposes(found: InterventionView) -> set[str]:
    return {name for name in json.loads(found.permissions) if family_of(name) not in FAMILIES}


def approve(
    desk: Desk, intervention_id: str, *, approver: str, reason: str, now: datetime
) -> Verdict:
    """Say yes to a proposed contact: it is queued if permission still holds, else cancelled."""
    with desk.database.write() as conn:
        row = _open(conn, intervention_id, "approve")
        refusal = _refusal(conn, desk, row, now)
        _note(conn, row, approver, reason, now)
        if refusal is not None:
            end_intervention(conn, intervention_id, "cancelled", refusal, now)
            status = "cancelled"
        else:
            status = "queued"
            conn.execute(_change(intervention_id).values(status=status))
            queue_request(desk, conn, intervention_id, due_at=_due(conn, desk, row, now), now=now)
        _log(conn, desk, "intervention_approved", row, approver, refusal or "", now)
        return Verdict(intervention_id, refusal is None, status, refusal or "", row.valid_until)


def reject(
    desk: Desk, intervention_id: str, *, approver: str, reason: str, now: datetime
) -> Verdict:
    """Say no to a proposed contact; the reason is needed, because it is how playbooks improve."""
    if not reason.strip():
        raise InvalidInput("a rejection was given without a reason", hint="say why in a few words")
    with desk.database.write() as conn:
        row = _open(conn, intervention_id, "reject")
        _note(conn, row, approver, reason, now)
        end_intervention(conn, intervention_id, "rejected", "a person said no", now)
        _log(conn, desk, "intervention_rejected", row, approver, "", now)
        return Verdict(intervention_id, False, "rejected", "a person said no", row.valid_until)


def confirm(desk: Desk, intervention_id: str, *, now: datetime) -> Verdict:
    """Answer a system that sends by itself: may it, at this moment? Ask right before sending.

    No outreach is confirmed within the quiet hours of the customer's zone.
    """
    with desk.database.write() as conn:
        row = _find(conn, intervention_id)
        lock_customers(conn, [row.customer_id])
        row = _find(conn, intervention_id)
        held = row.status not in ("queued", "sent") or row.arm != "treated"
        refusal = row.status if held else _refusal(conn, desk, row, now)
        not_before: datetime | None = None
        if refusal is None and (moment := _due(conn, desk, row, now)) > now:
            refusal, not_before = QUIET_HOURS, moment
        body = {"intervention": intervention_id, "refused": refusal or ""}
        desk.ledger.append(conn, "intervention_confirmed", body, now=now)
        why, until = refusal or "", row.valid_until
        return Verdict(intervention_id, refusal is None, row.status, why, until, not_before)


def oversight(conn: Connection) -> Oversight:
    """Count how people decided and how long proposals waited for them."""
    rows = conn.execute(
        select(
            interventions.c.status, interventions.c.created_at, interventions.c.decided_at
        ).where(interventions.c.needs_person)
    ).all()
    waits = [(r.decided_at - r.created_at).total_seconds() / 60 for r in rows if r.decided_at]
    rejected = sum(r.status == "rejected" for r in rows)
    return Oversight(
        waiting=sum(r.status == "proposed" for r in rows),
        approved=len(waits) - rejected,
        rejected=rejected,
        median_minutes=median(waits) if waits else None,
    )


def _find(conn: Connection, intervention_id: str) -> Row[Any]:
    row = conn.execute(
        select(interventions).where(interventions.c.intervention_id == intervention_id)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such intervention", hint="list them: GET /v1/interventions")
    return row


def _open(conn: Connection, intervention_id: str, act: str) -> Row[Any]:
    lock_customers(conn, [_find(conn, intervention_id).customer_id])
    row = _find(conn, intervention_id)
    if row.status != "proposed":
        raise InvalidInput(
            f"the intervention is {row.status}, only a proposed one can be decided ({act})"
        )
    return row


def _due(conn: Connection, desk: Desk, row: Row[Any], now: datetime) -> datetime:
    """Give when it may leave: now, or for outreach at the end of the customer's quiet hours."""
    if row.playbook_class != "outreach":
        return now
    quiet = quiet_until(conn, desk.registry, desk.policy, row.customer_id, now=now)
    return quiet or now


def _refusal(conn: Connection, desk: Desk, row: Row[Any], now: datetime) -> str | None:
    queued = Queued(
        intervention_id=row.intervention_id,
        customer_id=row.customer_id,
        channel=row.channel,
        playbook=row.playbook,
        kind=row.playbook_class,
        valid_until=row.valid_until,
        permissions=json.loads(row.permissions),
    )
    verdict = recheck(conn, desk.registry, queued, home_kind=desk.policy.home_kind, now=now)
    return verdict if isinstance(verdict, str) else None


def _note(conn: Connection, row: Row[Any], approver: str, reason: str, now: datetime) -> None:
    values = {"decided_at": now, "decided_by": approver, "decided_reason": reason.strip()}
    conn.execute(_change(row.intervention_id).values(values))


def _change(intervention_id: str) -> Any:
    return update(interventions).where(interventions.c.intervention_id == intervention_id)


def _log(
    conn: Connection,
    desk: Desk,
    kind: str,
    row: Row[Any],
    approver: str,
    refusal: str,
    now: datetime,
) -> None:
    body = {"intervention": row.intervention_id, "by": approver, "refused": refusal}
    desk.ledger.append(conn, kind, body, now=now)


def _view(row: Row[Any]) -> InterventionView:
    return InterventionView(**{name: row._mapping[name] for name in InterventionView._fields})
