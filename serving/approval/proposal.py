"""One proposed contact as whoever decides sees it: why, to whom, and exactly what would leave.

Opening it to decide is noted, because how long it lay before somebody tells whether they read it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from governance.errors import ConfigurationError
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.interventions.deciding.attention import note_look
from serving.interventions.deciding.oversight import leaves_at
from serving.interventions.deciding.views import (
    InterventionView,
    find_intervention,
    view_of,
    without_refused,
)
from serving.interventions.delivery.desk import Desk, links_of
from serving.interventions.playbooks.pressure import pressing_phrases
from serving.interventions.playbooks.wording import Words
from serving.interventions.tables import interventions
from serving.locks import lock_customers
from serving.notice.own_data import Estimate, Records, estimate_of, records_of
from serving.record.review_requests import open_of


class DecidedBefore(NamedTuple):
    """What was decided about this customer earlier, by the policy or by a person."""

    created_at: datetime
    playbook: str
    channel: str
    arm: str
    status: str
    decided_by: str | None
    decided_reason: str | None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One contact with everything that speaks for or against it.

    `cost` is in `currency`; `expected_effect` is a share (0.02: two points), None where no
    experiment or person says; `propensity` the chance of being contacted that the draw gave.
    `words` are what would leave, `words_before` what the playbook had where a person changed it,
    `pressing` phrases among them that press people. `links` are those of the message, empty with
    its `links_problem` where the home cannot make them. `leaves_at` is when it would leave after a
    yes now: at once, or at the end of the customer's quiet hours. `records` is None where showing a
    history is not permitted; `estimate` where there is none or it may not be told.
    """

    view: InterventionView
    kind: str
    trigger: str
    chosen_by: str
    expected_effect: float | None
    propensity: float | None
    cost: float
    currency: str
    words: Words
    words_before: Words | None
    pressing: tuple[str, ...]
    links: Mapping[str, Any]
    links_problem: str
    leaves_at: datetime
    estimate: Estimate | None
    records: tuple[Records, ...] | None
    earlier: tuple[DecidedBefore, ...]
    contested: bool
    looked_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    decided_reason: str | None
    seen_at: datetime

    @property
    def waits(self) -> bool:
        """Whether somebody can still decide."""
        return self.view.status == "proposed" and self.view.valid_until > self.seen_at

    @property
    def waited(self) -> timedelta:
        """How long it has waited, or had when somebody decided."""
        return (self.decided_at or self.seen_at) - self.view.created_at

    def to_json(
        self, *, sees_refusals: bool = False, sees_scores: bool = False, sees_history: bool = False
    ) -> dict[str, Any]:
        """Give plain JSON, without what the reader may not see: that is null."""
        shown = self.view.to_json(may_see_refusals=sees_refusals, sees_scores=sees_scores)
        return shown | {
            "class": self.kind,
            "action": self.view.action,
            "value": self.view.value,
            "trigger": self.trigger,
            "chosen_by": self.chosen_by,
            "expected_effect": self.expected_effect,
            "propensity": self.propensity,
            "cost": self.cost,
            "currency": self.currency,
            "message": self.words._asdict(),
            "message_before": None if self.words_before is None else self.words_before._asdict(),
            "pressing_phrases": list(self.pressing),
            "links": dict(self.links),
            "links_problem": self.links_problem or None,
            "estimate": None
            if self.estimate is None or not sees_scores
            else self.estimate.to_json(),
            "history": None
            if self.records is None or not sees_history
            else [_plain(each) for each in self.records],
            "decided_before": [_plain(each) for each in self.earlier] if sees_history else None,
            "contested": self.contested,
            "waited_minutes": round(self.waited.total_seconds() / 60, 1),
            "decided_at": None if self.decided_at is None else to_text(self.decided_at),
            "decided_by": self.decided_by,
            "decided_reason": self.decided_reason,
        }


def open_proposal(
    keepwell: Keepwell, desk: Desk, intervention_id: str, *, to_decide: bool, now: datetime
) -> Proposal:
    """Show one contact; `to_decide` notes that somebody opened it. Raises `NotFound`."""
    with keepwell.database.write() as conn:
        lock_customers(conn, [find_intervention(conn, intervention_id).customer_id])
        if to_decide:
            note_look(conn, intervention_id, now=now)
        row = find_intervention(conn, intervention_id)
        return _proposal(keepwell, desk, conn, row, now)


def _proposal(
    keepwell: Keepwell, desk: Desk, conn: Connection, row: Row[Any], now: datetime
) -> Proposal:
    words = _words(row.message)
    links, problem = _links(desk, conn, row, now)
    person = keepwell.persons.find(conn, row.customer_id)
    [view] = without_refused(conn, keepwell.registry, [view_of(row)], now=now)
    return Proposal(
        view=view,
        kind=row.playbook_class,
        trigger=row.trigger or "",
        chosen_by=row.chosen_by or "",
        expected_effect=row.expected_effect,
        propensity=row.propensity,
        cost=row.cost,
        currency=keepwell.settings.currency,
        words=words,
        words_before=None if row.message_before is None else _words(row.message_before),
        pressing=pressing_phrases(words),
        links=links,
        links_problem=problem,
        leaves_at=leaves_at(conn, desk, row, now=now),
        estimate=estimate_of(keepwell, conn, row.score_decision_id, now=now),
        records=records_of(keepwell, conn, row.customer_id, now=now),
        earlier=tuple(_earlier(conn, row)),
        contested=person is not None and bool(open_of(conn, person)),
        looked_at=row.looked_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decided_reason=row.decided_reason,
        seen_at=now,
    )


def _links(
    desk: Desk, conn: Connection, row: Row[Any], now: datetime
) -> tuple[Mapping[str, Any], str]:
    if row.arm != "treated":
        return {}, ""
    try:
        return links_of(desk, conn, row, now=now), ""
    except ConfigurationError as error:
        return {}, "; ".join(error.problems)


def _earlier(conn: Connection, row: Row[Any]) -> list[DecidedBefore]:
    c = interventions.c
    rows = conn.execute(
        select(interventions)
        .where(c.customer_id == row.customer_id, c.intervention_id != row.intervention_id)
        .where(c.created_at <= row.created_at)
        .order_by(c.created_at.desc())
    )
    return [
        DecidedBefore(**{name: each._mapping[name] for name in DecidedBefore._fields})
        for each in rows
    ]


def _words(message: str) -> Words:
    found = json.loads(message)
    return Words(found.get("subject", ""), found.get("body", ""))


def _plain(record: Records | DecidedBefore) -> dict[str, Any]:
    return {
        name: to_text(value) if isinstance(value, datetime) else value
        for name, value in record._asdict().items()
    }
