"""What people do about interventions: look, say yes or no, confirm right before sending."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, update

from governance.errors import InvalidInput
from governance.instants import to_text
from serving.interventions.deciding.attention import seconds_at_hand
from serving.interventions.deciding.contest import CONTESTED, is_contested
from serving.interventions.deciding.views import find_intervention
from serving.interventions.delivery.desk import Desk, queue_request
from serving.interventions.delivery.outbox import end_intervention
from serving.interventions.playbooks.pressure import pressing_phrases
from serving.interventions.playbooks.wording import (
    Words,
    hosts_in,
    links_elsewhere,
    wording_problems,
)
from serving.interventions.policy.policy import QUIET_HOURS, Queued, recheck
from serving.interventions.policy.zones import quiet_until
from serving.interventions.tables import interventions
from serving.locks import lock_customers


class AlreadyDecided(InvalidInput):
    """A contact that does not wait for a person, or not any more."""

    code = "already_decided"


class Verdict(NamedTuple):
    """What came of a person's yes or a sender's question; `reason` is empty for a yes.

    `not_before` is when a contact that only quiet hours forbid may be asked for again. Of a yes,
    `pressing` are phrases that press people among changed words, and `unopened` says that nobody
    had opened it.
    """

    intervention_id: str
    allowed: bool
    status: str
    reason: str
    valid_until: datetime
    not_before: datetime | None = None
    pressing: tuple[str, ...] = ()
    unopened: bool = False

    @property
    def warnings(self) -> list[str]:
        """Say what whoever decided should think about."""
        found = [f"its words may press people: {', '.join(self.pressing)}"] if self.pressing else []
        return found + (["nobody had opened it before it was decided"] if self.unopened else [])

    def to_json(self, *, may_see_refusals: bool = False) -> dict[str, Any]:
        """Give a plain mapping; the reason for a no is for those who may know it."""
        open_to_all = may_see_refusals or self.reason == QUIET_HOURS
        return {
            "intervention_id": self.intervention_id,
            "allowed": self.allowed,
            "status": self.status,
            "reason": (self.reason or None) if open_to_all else None,
            "valid_until": to_text(self.valid_until),
            "not_before": None if self.not_before is None else to_text(self.not_before),
            "warnings": self.warnings,
        }


class Change(NamedTuple):
    """Other words for a proposed message; None leaves a part as it was proposed."""

    subject: str | None = None
    body: str | None = None


AS_PROPOSED = Change()


def approve(
    desk: Desk,
    intervention_id: str,
    *,
    approver: str,
    reason: str,
    now: datetime,
    change: Change = AS_PROPOSED,
) -> Verdict:
    """Say yes to a proposed contact: it is queued if permission still holds, else cancelled.

    With a `change` its words are replaced first, and those before are kept beside them. Raises
    `InvalidInput` for words that may not go out, a change to a duty's, or no reason, and
    `AlreadyDecided`.
    """
    require_reason(reason)
    with desk.database.write() as conn:
        row = _open(conn, intervention_id, "approve")
        words = _changed(desk, row, change)
        refusal = _refusal(conn, desk, row, now)
        _note(conn, row, approver, reason, now)
        if words is not None:
            kept = {"message": json.dumps(words._asdict()), "message_before": row.message}
            conn.execute(_change(intervention_id).values(kept))
        if refusal is not None:
            end_intervention(conn, intervention_id, "cancelled", refusal, now)
            status = "cancelled"
        else:
            status = "queued"
            conn.execute(_change(intervention_id).values(status=status))
            due_at = leaves_at(conn, desk, row, now=now)
            queue_request(desk, conn, intervention_id, due_at=due_at, now=now)
        kind = "intervention_approved" if words is None else "intervention_changed"
        _log(conn, desk, kind, row, approver, refusal or "", now)
        return Verdict(
            intervention_id,
            refusal is None,
            status,
            refusal or "",
            row.valid_until,
            pressing=() if words is None else pressing_phrases(words),
            unopened=row.looked_at is None,
        )


def reject(
    desk: Desk, intervention_id: str, *, approver: str, reason: str, now: datetime
) -> Verdict:
    """Say no to a proposed contact; raises as `approve` does."""
    require_reason(reason)
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
        row = find_intervention(conn, intervention_id)
        lock_customers(conn, [row.customer_id])
        row = find_intervention(conn, intervention_id)
        held = row.status not in ("queued", "sent") or row.arm != "treated"
        refusal = row.status if held else _refusal(conn, desk, row, now)
        refusal = CONTESTED if is_contested(row) else refusal
        not_before: datetime | None = None
        if refusal is None and (moment := leaves_at(conn, desk, row, now=now)) > now:
            refusal, not_before = QUIET_HOURS, moment
        body = {"intervention": intervention_id, "refused": refusal or ""}
        desk.ledger.append(conn, "intervention_confirmed", body, now=now)
        why, until = refusal or "", row.valid_until
        return Verdict(intervention_id, refusal is None, row.status, why, until, not_before)


def require_reason(reason: str) -> None:
    """Raise `InvalidInput` for a yes or no without its reason: it is how playbooks improve."""
    if not reason.strip():
        raise InvalidInput("no reason was given", hint="say why in a few words; it is kept")


def _open(conn: Connection, intervention_id: str, act: str) -> Row[Any]:
    lock_customers(conn, [find_intervention(conn, intervention_id).customer_id])
    row = find_intervention(conn, intervention_id)
    if row.status != "proposed":
        raise AlreadyDecided(
            f"the intervention is {row.status}, only a proposed one can be decided ({act})"
        )
    return row


def leaves_at(conn: Connection, desk: Desk, row: Row[Any], *, now: datetime) -> datetime:
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
    values = {
        "decided_at": now,
        "decided_by": approver,
        "decided_reason": reason.strip(),
        "decided_seconds": seconds_at_hand(conn, row, decider=approver, now=now),
    }
    conn.execute(_change(row.intervention_id).values(values))


def _changed(desk: Desk, row: Row[Any], change: Change) -> Words | None:
    """Give the words to send instead; None where nothing changes."""
    before = Words(**json.loads(row.message))
    after = Words(
        before.subject if change.subject is None else change.subject.strip(),
        before.body if change.body is None else change.body.strip(),
    )
    if after == Words(before.subject.strip(), before.body.strip()):
        return None
    if row.playbook_class == "service":
        raise InvalidInput(
            "the words of a service message are fixed, because it needs no marketing permission",
            hint="approve it as it is, or reject it and contact the customer by an outreach",
        )
    if problems := wording_problems(after):
        raise InvalidInput("; ".join(problems), hint="mend the words and try again")
    base_url = "" if desk.stop_links is None else desk.stop_links.base_url
    if strange := links_elsewhere(after, hosts_in([*before, base_url])):
        raise InvalidInput(
            f"the words lead to {', '.join(strange)}, where the message as proposed did not",
            hint="link to your own pages alone: those of base_url of [preferences]",
        )
    return after


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
