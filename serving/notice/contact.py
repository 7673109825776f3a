"""What a notice says to whoever holds its link: the same for everyone its playbook reached.

Nothing here is about the person: no name, value, score, text or day of theirs, and nothing that
would tell one reader of a playbook's messages from another.
"""

import json
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, select

from governance.consent.processing import handled
from governance.consent.purposes import FAMILIES, family_of
from governance.errors import NotFound
from serving.bootstrap import Keepwell
from serving.interventions.deciding.views import find_intervention, view_of
from serving.interventions.tables import experiments
from serving.notice_links import NoticeLink

_SENSITIVE = frozenset({"wellbeing_inference", "research_text"})


class Contact(NamedTuple):
    """One contact as its playbook describes it.

    `data` are the terms of the kinds of records it rests on (see `governance.consent.processing`);
    what rests on an explicit consent is left out, because that it was given is the person's own.
    `why`: it is owed; or comes of an estimate resting on consent, or on a legitimate interest; or
    of a point in the journey. `by_lot`: some it was meant for were left alone, to learn whether it
    helps.
    """

    kind: str
    channel: str
    action: str
    value: str
    why: Literal["duty", "estimate", "interest", "stage"]
    by_person: bool
    by_lot: bool
    data: tuple[str, ...]

    @property
    def may_stop(self) -> bool:
        """Whether there is a channel to stop: a duty is owed, and asks no permission."""
        return self.kind == "outreach"


class Found(NamedTuple):
    """A contact behind a link, with its row and whose it is."""

    contact: Contact
    row: Row[Any]
    customer_id: str


def find_contact(keepwell: Keepwell, conn: Connection, link: NoticeLink) -> Found | None:
    """Give the contact a link leads to; None after an erasure, or once it is no longer kept."""
    customer_id = keepwell.persons.customer_of(conn, link.person_id)
    if customer_id is None:
        return None
    try:
        row = find_intervention(conn, link.intervention_id)
    except NotFound:
        return None
    if row.customer_id != customer_id:
        return None
    purposes = {each: family_of(each) for each in json.loads(row.permissions)}
    inferred = [f for f in purposes.values() if f not in FAMILIES and f not in _SENSITIVE]
    terms = dict.fromkeys(each.term for name in sorted(inferred) for each in handled(name).data)
    view = view_of(row)
    contact = Contact(
        kind=row.playbook_class,
        channel=row.channel,
        action=view.action,
        value=view.value,
        why=_why(keepwell, row),
        by_person=row.needs_person,
        by_lot=_some_are_held_out(conn, row.experiment),
        data=tuple(terms),
    )
    return Found(contact, row, customer_id)


def _why(keepwell: Keepwell, row: Row[Any]) -> Literal["duty", "estimate", "interest", "stage"]:
    if row.playbook_class == "service":
        return "duty"
    if row.target is None and row.score_decision_id is None:
        return "stage"
    basis = keepwell.registry.rules.basis("risk_scoring", home_kind=keepwell.kind)
    return "interest" if basis.kind == "legitimate_interest" else "estimate"


def _some_are_held_out(conn: Connection, experiment: str) -> bool:
    """Whether chance decides whom an experiment contacts; one that is not known draws nobody."""
    mine = experiments.c.experiment == experiment
    share = conn.execute(select(experiments.c.holdout_share).where(mine)).scalar_one_or_none()
    return share is not None and share > 0
