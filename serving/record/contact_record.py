"""What stands behind a decision to contact someone: message, who decided, the score's reasons."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from governance.consent.registry import Refusal
from governance.errors import NotFound
from governance.instants import to_text
from governance.log.decision import RecordedDecision, load
from serving.bootstrap import Keepwell
from serving.interventions.tables import interventions
from serving.links import person_permit


def contact_record(
    keepwell: Keepwell,
    conn: Connection,
    found: RecordedDecision,
    customer_id: str | None,
    *,
    now: datetime,
) -> dict[str, Any] | None:
    """Give what is kept of the contact a decision was about; None where there is nothing.

    `message` is what left or would leave, `decided_by` the person who said yes or no, `estimate`
    what the score behind it said: only where it is kept and may still be read, else `note` says why
    there is none.
    """
    if found.kind != "contact" or customer_id is None:
        return None
    row = conn.execute(
        select(interventions).where(interventions.c.decision_id == found.decision_id)
    ).one_or_none()
    if row is None:
        return None
    estimate, note = _estimate(keepwell, conn, row.score_decision_id, customer_id, now)
    return {
        "intervention_id": row.intervention_id,
        "channel": row.channel,
        "status": row.status,
        "message": json.loads(row.message) or None,
        "changed": row.message_before is not None,
        "needed_person": bool(row.needs_person),
        "decided_by": row.decided_by,
        "decided_at": None if row.decided_at is None else to_text(row.decided_at),
        "decided_reason": row.decided_reason,
        "sent_at": None if row.sent_at is None else to_text(row.sent_at),
        "score_decision_id": row.score_decision_id,
        "estimate": estimate,
        "note": note,
    }


def _estimate(
    keepwell: Keepwell, conn: Connection, decision_id: str | None, customer_id: str, now: datetime
) -> tuple[dict[str, Any] | None, str]:
    if decision_id is None:
        return None, "no estimate spoke for it"
    try:
        score = load(conn, decision_id)
    except NotFound:
        return None, "the estimate's decision is not kept any more"
    permit = person_permit(keepwell, conn, customer_id, score.purpose, now=now)
    if isinstance(permit, Refusal):
        return None, f"the estimate may no longer be read: {permit.reason}"
    if score.result is None or "probability" not in score.result:
        return None, "the estimate is not kept any more"
    result = score.result
    return {
        "probability": result["probability"],
        "low": result["low"],
        "high": result["high"],
        "reasons": [each["text"] for each in result.get("reasons", [])],
    }, ""
