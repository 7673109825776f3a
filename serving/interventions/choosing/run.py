"""One run of playbooks: who is asked about, chosen, held out, queued, or left alone and why.

judge (every filter) → choose (the most worth within the limits) → draw arms (last, among those who
would be sent) → write. One transaction holds the verdict on every candidate, its ledger entry, the
event in the history and the message in the outbox: all of it happened, or none of it. Runs pass one
by one, so that no cap and no budget is counted twice.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from governance.log.decision import record
from serving.interventions.choosing.consider import Ask, Considered, consider
from serving.interventions.choosing.exposure import Exposure, look_at_exposure
from serving.interventions.choosing.selection import ChoiceNote, Pick
from serving.interventions.choosing.verdicts import (
    Assigned,
    Verdicts,
    count_reasons,
    write_verdicts,
)
from serving.interventions.choosing.worth import Effect
from serving.interventions.deciding.contest import contested_candidates
from serving.interventions.delivery.desk import Desk
from serving.interventions.lots.arms import Drawn, draw_arms, stratum_of
from serving.interventions.lots.experiments import open_experiment
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.contacts import outside_contacts as counted_outside
from serving.interventions.policy.modes import ModeStanding
from serving.interventions.policy.policy import Candidate, ContactPolicy, Judged, over_the_cap
from serving.interventions.policy.under_way import (
    MONTH,
    WEEK,
    ContactCounts,
    own_contacts,
)
from serving.interventions.policy.zones import read_people, zones_in
from serving.locks import lock_customers, lock_runs

__all__ = ["Ask", "Assigned", "InterventionRun", "run_interventions", "run_together", "simulate"]

_MOST_LOCKS = 5_000
"""PostgreSQL keeps each lock in shared memory: of more people permission alone is held."""


class InterventionRun(NamedTuple):
    """What one run of a playbook came to.

    `considered` candidates are `outside` the playbook's range, or `refused` (reason to number), or
    among `assigned`. `decisions` are the ids of the verdicts recorded. `mode` is what the run could
    do, `choice` how good the choice over all playbooks is, `exposure` whether it fell evenly on
    groups.
    """

    playbook: str
    considered: int
    outside: int
    refused: Mapping[str, int]
    assigned: tuple[Assigned, ...]
    decisions: tuple[str, ...]
    mode: ModeStanding
    choice: ChoiceNote
    exposure: Exposure

    def count(self, status: str) -> int:
        """How many were assigned with this status."""
        return sum(each.status == status for each in self.assigned)

    def count_chosen_by(self) -> dict[str, int]:
        """Count those assigned by how they were chosen: duty, rule, effect or explored."""
        return dict(Counter(each.chosen_by for each in self.assigned))


def run_interventions(
    desk: Desk,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    *,
    outside_contacts: Mapping[str, int] | ContactCounts,
    clock: Callable[[], datetime],
    effect: Effect | None = None,
    margins: Mapping[str, float] | None = None,
) -> InterventionRun:
    """Run one playbook; see `run_together`."""
    asks = [Ask(playbook, candidates, effect)]
    [found] = run_together(
        desk, asks, outside_contacts=outside_contacts, clock=clock, margins=margins
    )
    return found


def run_together(
    desk: Desk,
    asks: Sequence[Ask],
    *,
    outside_contacts: Mapping[str, int] | ContactCounts,
    clock: Callable[[], datetime],
    margins: Mapping[str, float] | None = None,
) -> tuple[InterventionRun, ...]:
    """Decide, hold out and queue in one transaction; `dispatch` sends what it queued.

    Everyone gets at most one outreach out of all playbooks asked. `outside_contacts` counts each
    customer's recent contacts outside Keepwell (of 30 days, where it is a plain mapping); of those
    chosen they are counted once more under the lock. `margins` weighs people by what is at stake.
    """
    with desk.database.write() as conn:
        lock_runs(conn)
        begun = clock()
        found = consider(conn, desk, asks, outside_contacts, margins, begun)
        people = {customer for picks in found.selection.picks for customer in picks}
        few = len(people) <= _MOST_LOCKS
        if few:
            lock_customers(conn, people)
        now = max(clock(), begun)
        late = _late(conn, desk, found, now, hold=not few)
        exposure = _exposure(conn, desk, found, late, now)
        verdicts = [
            _verdicts(conn, desk, found, number, late, exposure, now) for number in range(len(asks))
        ]
        written = [write_verdicts(conn, desk, each, now=now) for each in verdicts]
        record(conn, desk.ledger, [each for done in written for each in done.decisions], now=now)
        _log_exposure(conn, desk, found, exposure, now)
        return tuple(
            InterventionRun(
                playbook=ask.playbook.name,
                considered=len(ask.candidates),
                outside=len(each.judged.outside),
                refused=count_reasons(each.refused),
                assigned=done.assigned,
                decisions=tuple(one.decision_id for one in done.decisions),
                mode=found.mode,
                choice=found.selection.note,
                exposure=exposure,
            )
            for ask, each, done in zip(asks, verdicts, written, strict=True)
        )


def simulate(
    desk: Desk,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    *,
    outside_contacts: Mapping[str, int] | ContactCounts,
    clock: Callable[[], datetime],
    effect: Effect | None = None,
    margins: Mapping[str, float] | None = None,
) -> Judged:
    """Say who would be chosen and why not the others, without acting or recording anything.

    Where the mode in force is observe, who would be proposed to a person if it were advise.
    """
    with desk.database.read() as conn:
        asks = [Ask(playbook, candidates, effect)]
        found = consider(conn, desk, asks, outside_contacts, margins, clock(), least="advise")
    judged, picks = found.asked[0].judged, found.selection.picks[0]
    return replace(
        judged,
        eligible=tuple(c for c in judged.eligible if c.customer_id in picks),
        refused={**judged.refused, **found.selection.left_out[0]},
    )


class _Late(NamedTuple):
    """What a last look under the lock found: who is dropped from each playbook, where people live.

    `dropped` maps, for each playbook asked, customer to reason.
    """

    dropped: tuple[Mapping[str, str], ...]
    zones: Mapping[str, ZoneInfo]


def _late(conn: Connection, desk: Desk, found: Considered, now: datetime, *, hold: bool) -> _Late:
    """Look once more at those chosen: permission, contests and contacts that came meanwhile."""
    outreach = {
        customer
        for each, picks in zip(found.asked, found.selection.picks, strict=True)
        if each.playbook.kind == "outreach"
        for customer in picks
    }
    zones, full = _lived(conn, desk, found.policy, outreach, now)
    dropped = []
    for each, picks in zip(found.asked, found.selection.picks, strict=True):
        mine: dict[str, str] = {}
        for purpose, permit in (*each.judged.permits.items(), *each.judged.behind.items()):
            for customer in desk.registry.changed_since(conn, permit, hold=hold):
                mine.setdefault(customer, f"{purpose}: permission_changed")
        for customer, why in contested_candidates(conn, desk.persons, each.judged.eligible).items():
            mine.setdefault(customer, why)
        if each.playbook.kind == "outreach":
            mine = {**full, **mine}
        dropped.append({customer: why for customer, why in mine.items() if customer in picks})
    return _Late(tuple(dropped), zones)


def _lived(
    conn: Connection, desk: Desk, policy: ContactPolicy, people: Collection[str], now: datetime
) -> tuple[dict[str, ZoneInfo], dict[str, str]]:
    """Read where people live, and whose cap is full by now with what came in meanwhile."""
    zones: dict[str, ZoneInfo] = {}
    full: dict[str, str] = {}
    own = own_contacts(conn, people, now=now)
    for histories in read_people(conn, desk.registry, people, now=now):
        zones |= zones_in(histories, now=now)
        fresh = own + ContactCounts(
            counted_outside(histories, since=now - MONTH, until=now),
            counted_outside(histories, since=now - WEEK, until=now),
        )
        for customer in map(str, histories.customers):
            cap = over_the_cap(policy, fresh, customer)
            if cap is not None:
                full[customer] = cap
    return zones, full


def _exposure(
    conn: Connection, desk: Desk, found: Considered, late: _Late, now: datetime
) -> Exposure:
    """Compare groups among everyone who could have got outreach."""
    outreach = [
        (each.judged, picks.keys() - dropped.keys())
        for each, picks, dropped in zip(
            found.asked, found.selection.picks, late.dropped, strict=True
        )
        if each.playbook.kind == "outreach"
    ]
    return look_at_exposure(
        conn,
        desk.registry,
        {c.customer_id for judged, _ in outreach for c in judged.eligible},
        {customer for _, chosen in outreach for customer in chosen},
        limit=found.policy.min_impact_ratio,
        now=now,
    )


def _log_exposure(
    conn: Connection, desk: Desk, found: Considered, exposure: Exposure, now: datetime
) -> None:
    """Write how contacts fell on groups in the log, as aggregates."""
    if exposure.outcome != "cannot_say":
        names = [each.playbook.name for each in found.asked if each.playbook.kind == "outreach"]
        body = {"playbooks": names} | exposure.to_json()
        desk.ledger.append(conn, "contact_exposure", body, now=now)


def _verdicts(
    conn: Connection,
    desk: Desk,
    found: Considered,
    number: int,
    late: _Late,
    exposure: Exposure,
    now: datetime,
) -> Verdicts:
    playbook, judged, _ = found.asked[number]
    picks = found.selection.picks[number]
    dropped = late.dropped[number]
    kept = {customer: pick for customer, pick in picks.items() if customer not in dropped}
    return Verdicts(
        playbook=playbook,
        judged=judged,
        refused={**judged.refused, **found.selection.left_out[number], **dropped},
        picks=kept,
        drawn=_draw(conn, desk, playbook, judged, kept, now),
        chances=found.selection.chances[number],
        modes=found.modes,
        zones=late.zones,
        waits=exposure.reason if exposure.outcome == "uneven" else "",
    )


def _draw(
    conn: Connection,
    desk: Desk,
    playbook: Playbook,
    judged: Judged,
    picks: Mapping[str, Pick],
    now: datetime,
) -> dict[str, Drawn]:
    """Draw arms last, among those who would be sent; no experiment is opened for nobody."""
    if not picks:
        return {}
    trial = open_experiment(conn, playbook, now)
    strata = {
        c.customer_id: stratum_of(c.probability) for c in judged.eligible if c.customer_id in picks
    }
    return draw_arms(conn, trial, strata, key=desk.holdout_key)
