"""Who was contacted and who was helped, by group; and how groups compared, audit after audit.

Over people who permit the fairness audit alone. Which groups are shown is decided over all
attributes together, so that no sum or difference of them tells of a few.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from features.groups import protected
from features.history import observed_until, read_all
from governance.audit.process_record import Exposure, GapAt
from governance.disclosure.groups import Breakdown, hidden_groups
from governance.fairness.record import FairnessResult
from governance.instants import to_micros
from governance.intervals import newcombe, wilson
from governance.log.decision import was_given
from governance.review.candidates import list_models
from governance.tables import decisions
from serving.bootstrap import Keepwell
from serving.interventions.tables import interventions

PURPOSE = "fairness_audit"
UNKNOWN = "unknown"
_REACHED, _ARMS = "reached, ", "arms, "


class _Arm(NamedTuple):
    """When someone was first assigned for a target, to which arm, and whether ever reached."""

    at: datetime
    treated: bool
    reached: bool


def exposure(
    keepwell: Keepwell,
    conn: Connection,
    target: str,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
) -> tuple[tuple[Exposure, ...] | None, str]:
    """Give who was scored, contacted and helped in [since, until) by group, or why not.

    Helped is whether someone ordered within the target's horizon after being assigned; only people
    whose horizon is over count.
    """
    scored = _scored(keepwell, conn, target, since, until)
    arms = _arms(conn, target, since, until)
    permit, _ = keepwell.registry.permit_many(conn, PURPOSE, scored | arms.keys(), now=now)
    if not permit.customers:
        return None, "nobody who was scored permits the fairness audit"
    known = protected(conn, permit)
    if not known:
        return None, "no protected attributes are held"
    limit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now).min_people
    assigned = {who: arm for who, arm in arms.items() if who in permit.customers}
    helped = _helped(keepwell, conn, target, assigned, until, now)
    people = sorted(permit.customers)
    labels = {name: [of.get(who, UNKNOWN) for who in people] for name, of in known.items()}
    hidden = hidden_groups(_breakdowns(people, labels, assigned, helped), limit)
    shown = []
    for name, each in labels.items():
        not_reached, no_arms = (_groups(hidden[part + name]) for part in (_REACHED, _ARMS))
        for group in sorted(set(each)):
            if group in hidden[name]:
                shown.append(Exposure(name, group, None))
                continue
            members = {who for who, label in zip(people, each, strict=True) if label == group}
            told = _exposed(name, group, members, assigned, helped, limit)
            if group in not_reached:
                told = told._replace(contacted=None, contact_rate=None)
            if group in no_arms:
                told = told._replace(treated=None, held_out=None, effect=None)
            shown.append(told)
    return tuple(shown), ""


def _groups(parts: Iterable[Hashable]) -> set[str]:
    """Name the groups of which some part is hidden."""
    return {str(part[0]) for part in parts if isinstance(part, tuple)}


def _breakdowns(
    people: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    assigned: Mapping[str, _Arm],
    helped: Mapping[str, bool],
) -> dict[str, Breakdown]:
    """Tell the same people apart in every way that is told: by group, reached or not, by arm."""
    found = {name: Breakdown(each) for name, each in labels.items()}
    for name, each in labels.items():
        pairs = list(zip(people, each, strict=True))
        reached = [(group, who in assigned and assigned[who].reached) for who, group in pairs]
        arms = [(group, assigned[who].treated) if who in helped else None for who, group in pairs]
        found[_REACHED + name] = Breakdown(reached, within=(name,))
        found[_ARMS + name] = Breakdown(arms, within=(name,))
    return found


def gaps(conn: Connection, target: str) -> tuple[GapAt, ...]:
    """Give how each group compared with the largest in the audits of successive models."""
    found = []
    for record in reversed(list_models(conn, target=target)):
        if record.report_json is None:
            continue
        fairness = FairnessResult.from_json(json.loads(record.report_json)["fairness"])
        found += [
            GapAt(
                model_digest=record.model_digest,
                trained_at=record.created_at,
                attribute=each.attribute,
                group=each.group,
                measure=each.measure,
                difference=each.difference,
                verdict=each.verdict,
            )
            for each in fairness.findings
        ]
    return tuple(found)


def _scored(
    keepwell: Keepwell, conn: Connection, target: str, since: datetime, until: datetime
) -> set[str]:
    mine = decisions.c
    rows = conn.execute(
        select(mine.person_id)
        .where(mine.kind == "score", mine.outcome == "scored", mine.target == target)
        .where(mine.recorded_at >= since, mine.recorded_at < until)
        .where(mine.person_id.is_not(None), was_given())
        .distinct()
    ).scalars()
    return set(keepwell.persons.customers_of(conn, list(rows)).values())


def _arms(conn: Connection, target: str, since: datetime, until: datetime) -> dict[str, _Arm]:
    mine = interventions.c
    rows = conn.execute(
        select(mine.customer_id, mine.arm, mine.created_at, mine.sent_at)
        .where(mine.target == target, mine.playbook_class == "outreach")
        .where(mine.created_at >= since, mine.created_at < until)
        .order_by(mine.created_at, mine.intervention_id)
    )
    found: dict[str, _Arm] = {}
    for row in rows:
        sent = row.sent_at is not None and row.sent_at < until
        fresh = _Arm(row.created_at, row.arm == "treated", reached=False)
        first = found.get(row.customer_id, fresh)
        found[row.customer_id] = first._replace(reached=first.reached or sent)
    return found


def _helped(
    keepwell: Keepwell,
    conn: Connection,
    target: str,
    assigned: Mapping[str, _Arm],
    until: datetime,
    now: datetime,
) -> dict[str, bool]:
    """Say of everyone whose horizon is over whether they ordered within it."""
    horizon = timedelta(days=keepwell.target(target).horizon_days)
    seen_until = min(observed_until(conn) or until, until)
    ripe = {who: arm for who, arm in assigned.items() if arm.at + horizon <= seen_until}
    if not ripe:
        return {}
    permit, _ = keepwell.registry.permit_many(conn, PURPOSE, ripe, now=now)
    histories = read_all(conn, keepwell.store, permit, digests=False)
    orders = histories.kind_mask("order") & histories.visible(to_micros(now))
    found = dict.fromkeys(ripe, False)
    owners, at = histories.customer_of_event[orders], histories.occurred_at[orders]
    for place in np.unique(owners):
        who = str(histories.customers[place])
        began = to_micros(ripe[who].at)
        ended = to_micros(ripe[who].at + horizon)
        theirs = at[owners == place]
        found[who] = bool(((theirs > began) & (theirs <= ended)).any())
    return found


def _exposed(
    attribute: str,
    group: str,
    members: set[str],
    assigned: Mapping[str, _Arm],
    helped: Mapping[str, bool],
    limit: int,
) -> Exposure:
    n = len(members)
    contacted = sum(assigned[who].reached for who in members & assigned.keys())
    treated = [helped[who] for who in sorted(members & helped.keys()) if assigned[who].treated]
    held = [helped[who] for who in sorted(members & helped.keys()) if not assigned[who].treated]
    arms = len(treated) >= limit and len(held) >= limit
    outcomes = arms and all(_both(sum(arm), len(arm) - sum(arm), limit) for arm in (treated, held))
    return Exposure(
        attribute=attribute,
        group=group,
        n=n,
        contacted=contacted,
        contact_rate=wilson(contacted, n),
        treated=len(treated) if arms else None,
        held_out=len(held) if arms else None,
        effect=newcombe(sum(treated), len(treated), sum(held), len(held)) if outcomes else None,
    )


def _both(some: int, others: int, limit: int) -> bool:
    """Whether neither part is so small that it would tell of a few."""
    return all(part == 0 or part >= limit for part in (some, others))
