"""Interventions as those who may see them see them: one, a page of them, or all of a customer."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, or_, select

from governance.consent.purposes import FAMILIES, family_of
from governance.consent.registry import ConsentRegistry
from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from serving.interventions.deciding.attention import waits
from serving.interventions.tables import interventions
from serving.positions import Position, find_position

_WITHIN = frozenset({"permissions", "action", "value"})
"""What a page of many leaves out."""
_SHORTEST = 6
_HINT = "list the interventions to see their ids"


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
    action: str
    value: str

    @property
    def position(self) -> Position:
        """Where it stands in the list of all."""
        return Position(self.created_at, self.intervention_id)

    def to_json(
        self, *, may_see_refusals: bool = False, sees_scores: bool = False
    ) -> dict[str, Any]:
        """Give a plain mapping with instants as text, without what the reader may not see.

        Without `may_see_refusals` no cancelled one shows a probability either: which ones kept
        theirs would tell why.
        """
        shaped = {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
            if name not in _WITHIN
        }
        if not may_see_refusals:
            shaped["reason"] = None
        if not sees_scores or (self.status == "cancelled" and not may_see_refusals):
            shaped["probability"] = None
        return shaped


def list_interventions(
    conn: Connection,
    *,
    limit: int = 50,
    after: str | None = None,
    status: str | None = None,
    waiting_at: datetime | None = None,
) -> list[InterventionView]:
    """Give interventions, the newest first; `after` is the last id or position of the page before.

    A position holds when its intervention is gone by then; an id does not. With `waiting_at` only
    those that wait for a person at that instant.
    """
    query = select(interventions)
    if after is not None:
        at, last = find_position(
            after, lambda name: view_of(find_intervention(conn, name)).position
        )
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
    if waiting_at is not None:
        query = query.where(waits(waiting_at))
    rows = conn.execute(
        query.order_by(
            interventions.c.created_at.desc(), interventions.c.intervention_id.desc()
        ).limit(limit)
    )
    return [view_of(row) for row in rows]


def count_sent(conn: Connection, playbook: str) -> int:
    """Count the contacts of a playbook that were handed over to whoever makes them."""
    c = interventions.c
    query = select(func.count()).where(c.playbook == playbook, c.status == "sent")
    return int(conn.execute(query).scalar_one())


def interventions_of(conn: Connection, customer_id: str) -> list[InterventionView]:
    """Give every intervention of one customer, the newest first."""
    rows = conn.execute(
        select(interventions)
        .where(interventions.c.customer_id == customer_id)
        .order_by(interventions.c.created_at.desc())
    )
    return [view_of(row) for row in rows]


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


def find_intervention(conn: Connection, intervention_id: str) -> Row[Any]:
    """Read the row of one intervention; raises `NotFound`."""
    row = conn.execute(
        select(interventions).where(interventions.c.intervention_id == intervention_id)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such intervention", hint=_HINT)
    return row


def full_id(conn: Connection, given: str) -> str:
    """Give the one id that is `given` or begins with it (6 characters or more).

    Raises `NotFound` where there is none, and `InvalidInput` where there are several.
    """
    c = interventions.c.intervention_id
    mine = c.startswith(given, autoescape=True) if len(given) >= _SHORTEST else c == given
    found = conn.execute(select(c).where(mine).order_by(c).limit(2)).scalars().all()
    if not found:
        raise NotFound("there is no such intervention", hint=_HINT)
    if len(found) > 1 and given not in found:
        raise InvalidInput(f"several interventions begin with {given}", hint="name more of the id")
    return given if given in found else found[0]


def view_of(row: Row[Any]) -> InterventionView:
    """Shape a row of the table; what nobody wrote down is empty."""
    fields = {name: row._mapping[name] for name in InterventionView._fields}
    fields["action"] = row.action or ("duty" if row.playbook_class == "service" else "message")
    return InterventionView(**fields | {"value": row.value or ""})
