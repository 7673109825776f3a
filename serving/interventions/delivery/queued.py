"""What a queued contact is checked against, at every attempt and before it is sent again."""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.interventions.delivery.messages import REQUESTED
from serving.interventions.policy.policy import Queued
from serving.interventions.tables import interventions


def intervention_of(intervention_id: str | None) -> Any:
    """Give the query for the intervention behind a message."""
    return select(interventions).where(interventions.c.intervention_id == intervention_id)


def queued_of(conn: Connection, row: Row[Any]) -> Queued | None:
    """Read what a contact is checked against; a contact without its row is never let through."""
    if row.type != REQUESTED:
        return None
    each = conn.execute(intervention_of(row.intervention_id)).one_or_none()
    return Queued(
        intervention_id=row.intervention_id or "",
        customer_id=row.customer_id or "",
        channel="" if each is None else each.channel,
        playbook="" if each is None else each.playbook,
        kind="outreach" if each is None else each.playbook_class,
        valid_until=row.created_at if each is None else each.valid_until,
        permissions={} if each is None else json.loads(each.permissions),
    )
