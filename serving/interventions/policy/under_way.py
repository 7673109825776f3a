"""What was done about people before: contacts that count, arms in force, money spent.

Read in the transaction that decides, so that two runs at once never both find room.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.tables import interventions

ON_THE_WAY = ("proposed", "queued", "contested")
MONTH, WEEK = timedelta(days=30), timedelta(days=7)
_FEW = 500


class ContactCounts(NamedTuple):
    """How often each customer was contacted within the last 30 days and the last 7."""

    month: Mapping[str, int]
    week: Mapping[str, int]

    def __add__(self, other: object) -> "ContactCounts":
        """Count both together."""
        if not isinstance(other, ContactCounts):
            return NotImplemented
        return ContactCounts(
            Counter(self.month) + Counter(other.month), Counter(self.week) + Counter(other.week)
        )


def own_contacts(conn: Connection, people: Collection[str], *, now: datetime) -> ContactCounts:
    """Count outreach by any playbook that was sent lately, or is on its way, per customer."""
    c = interventions.c
    treated = and_(c.playbook_class == "outreach", c.arm == "treated")
    counts = []
    for since in (now - MONTH, now - WEEK):
        counted = or_(c.status.in_(ON_THE_WAY), c.sent_at >= since)
        rows = conn.execute(select(c.customer_id).where(treated, counted, *_only(people)))
        counts.append(Counter(rows.scalars()))
    return ContactCounts(*counts)


def busy(
    conn: Connection, playbook: Playbook, people: Collection[str], *, now: datetime
) -> dict[str, str]:
    """Give why the playbook leaves some alone for now.

    Something of it is on its way to them, it reached them within its cool-down, or they are held
    out: of everything that answers the same target or, without one, of this playbook.
    """
    c = interventions.c
    mine = and_(c.playbook == playbook.name, c.arm == "treated")
    on_the_way = and_(mine, c.status.in_(ON_THE_WAY))
    cooling = and_(mine, c.sent_at > now - timedelta(days=playbook.cooldown_days))
    same = c.playbook == playbook.name if playbook.target is None else c.target == playbook.target
    held = and_(c.arm == "holdout", c.holdout_until > now, same)
    chosen = on_the_way if playbook.kind == "service" else or_(on_the_way, cooling, held)
    found: dict[str, str] = {}
    rows = conn.execute(select(c.customer_id, c.arm, c.status).where(chosen, *_only(people)))
    for customer, arm, status in rows:
        reason = "cool_down"
        if arm == "holdout":
            reason = "held_out"
        elif status in ON_THE_WAY:
            reason = "already_under_way"
        found[customer] = min(found.get(customer, reason), reason)
    return found


def answered(conn: Connection, playbook: Playbook, triggers: Mapping[str, str]) -> dict[str, str]:
    """Give those whose one occasion (customer to trigger) this playbook has answered before.

    A trigger without the name of a single event, as a score's, is none that happens once.
    """
    once = {customer: trigger for customer, trigger in triggers.items() if " " in trigger}
    if not once:
        return {}
    c = interventions.c
    rows = conn.execute(
        select(c.customer_id, c.trigger).where(c.playbook == playbook.name, *_only(once))
    )
    return {who: "answered_before" for who, trigger in rows if once.get(who) == trigger}


def spent(conn: Connection, *, since: datetime) -> float:
    """Give what outreach cost that was sent since then or is on its way, in the home's currency."""
    c = interventions.c
    counted = or_(c.status.in_(ON_THE_WAY), c.sent_at >= since)
    return float(
        conn.execute(
            select(func.coalesce(func.sum(c.cost), 0.0)).where(
                c.playbook_class == "outreach", c.arm == "treated", counted
            )
        ).scalar_one()
    )


def _only(people: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Narrow a query to a few people; for many of them the whole table is read."""
    return (interventions.c.customer_id.in_(sorted(people)),) if len(people) <= _FEW else ()
