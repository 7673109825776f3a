"""One run of playbooks: who is asked about, chosen, held out, queued, or left alone and why.

judge (every filter) → choose (the most worth within the limits) → draw arms (last, among those who
would be sent) → write. One transaction holds the verdict on every candidate, its ledger entry, the
event in the history and the message in the outbox: all of it happened, or none of it. Runs pass one
by one, so that no cap and no budget is counted twice.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from governance.instants import to_text
from governance.log.decision import record
from governance.review.candidates import fairness_outcomes
from serving.interventions.arms import Drawn, draw_arms, stratum_of
from serving.interventions.contacts import outside_contacts as counted_outside
from serving.interventions.contest import contested_candidates
from serving.interventions.desk import Desk
from serving.interventions.experiments import halted, open_experiment
from serving.interventions.exposure import Exposure, look_at_exposure
from serving.interventions.modes import ModeStanding, mode_standing
from serving.interventions.playbooks import Playbook
from serving.interventions.policy import Candidate, ContactPolicy, Judged, judge, over_the_cap
from serving.interventions.selection import Asked, ChoiceNote, Pick, Room, Selection, select
from serving.interventions.under_way import (
    MONTH,
    WEEK,
    ContactCounts,
    answered,
    busy,
    own_contacts,
    spent,
)
from serving.interventions.verdicts import Assigned, Verdicts, count_reasons, write_verdicts
from serving.interventions.worth import Effect
from serving.interventions.zones import read_people, zones_in
from serving.locks import lock_customers, lock_runs
from serving.settings import Mode

__all__ = ["Ask", "Assigned", "InterventionRun", "run_interventions", "run_together", "simulate"]

_MOST_LOCKS = 5_000
"""PostgreSQL keeps each lock in shared memory: of more people permission alone is held."""


class Ask(NamedTuple):
    """A playbook, whom it is asked about, and what its experiment showed where one did."""

    playbook: Playbook
    candidates: Sequence[Candidate]
    effect: Effect | None = None


class InterventionRun(NamedTuple):
    """What one run of a playbook came to.

    `considered` candidates are `outside` the playbook's range, or `refused` (reason to number), or
    among `assigned`. `decisions` verdicts were recorded. `mode` is what the run could do, `choice`
    how good the choice over all playbooks is, `exposure` whether it fell evenly on groups.
    """

    playbook: str
    considered: int
    outside: int
    refused: Mapping[str, int]
    assigned: tuple[Assigned, ...]
    decisions: int
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
        found = _choose(conn, desk, asks, outside_contacts, margins, begun)
        people = {customer for picks in found.selection.picks for customer in picks}
        few = len(people) <= _MOST_LOCKS
        if few:
            lock_customers(conn, people)
        now = max(clock(), begun)
        late = _late(conn, desk, found, people, now, hold=not few)
        exposure = _exposure(conn, desk, found, people - late.dropped.keys(), now)
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
                decisions=len(done.decisions),
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
        found = _choose(conn, desk, asks, outside_contacts, margins, clock(), least="advise")
    judged, picks = found.asked[0].judged, found.selection.picks[0]
    return replace(
        judged,
        eligible=tuple(c for c in judged.eligible if c.customer_id in picks),
        refused={**judged.refused, **found.selection.left_out[0]},
    )


class _Found(NamedTuple):
    """Verdicts before anything is drawn or written."""

    asked: tuple[Asked, ...]
    selection: Selection
    policy: ContactPolicy
    mode: ModeStanding
    contacts: ContactCounts
    modes: Mapping[str | None, Mode]


class _Late(NamedTuple):
    """What a last look under the lock found: who is dropped and why, and where people live."""

    dropped: Mapping[str, str]
    zones: Mapping[str, ZoneInfo]


def _choose(
    conn: Connection,
    desk: Desk,
    asks: Sequence[Ask],
    outside: Mapping[str, int] | ContactCounts,
    margins: Mapping[str, float] | None,
    now: datetime,
    *,
    least: Mode = "observe",
) -> _Found:
    mode = mode_standing(conn, home_kind=desk.policy.home_kind, stated=desk.policy.mode)
    in_force = least if mode.effective == "observe" else mode.effective
    policy = replace(desk.policy, mode=in_force)
    everyone = {c.customer_id for ask in asks for c in ask.candidates}
    if not isinstance(outside, ContactCounts):
        outside = ContactCounts(outside, {})
    contacts = outside + own_contacts(conn, everyone, now=now)
    modes = _modes(conn, policy, [c for ask in asks for c in ask.candidates])
    asked = tuple(
        Asked(ask.playbook, _judge(conn, desk, policy, ask, contacts, modes, now), ask.effect)
        for ask in asks
    )
    rng = np.random.default_rng(_seed(desk.holdout_key, asks, now))
    selection = select(asked, _room(conn, policy, now), margins=margins, rng=rng)
    return _Found(asked, selection, policy, mode, contacts, modes)


def _judge(
    conn: Connection,
    desk: Desk,
    policy: ContactPolicy,
    ask: Ask,
    contacts: ContactCounts,
    modes: Mapping[str | None, Mode],
    now: datetime,
) -> Judged:
    playbook, candidates = ask.playbook, ask.candidates
    people = [c.customer_id for c in candidates]
    left = busy(conn, playbook, people, now=now)
    left |= answered(conn, playbook, {c.customer_id: c.trigger for c in candidates})
    left |= contested_candidates(conn, desk.persons, candidates)
    if playbook.kind == "outreach":
        left |= {
            c.customer_id: "fairness_not_shown"
            for c in candidates
            if c.model_digest is not None and modes[c.model_digest] == "observe"
        }
        stop = halted(conn, playbook)
        if stop is None and ask.effect is not None and ask.effect.harms:
            stop = "experiment_shows_harm"
        if stop is not None:
            left |= dict.fromkeys(people, stop)
    return judge(
        conn,
        desk.registry,
        playbook,
        candidates,
        policy=policy,
        contacts=contacts,
        busy=left,
        now=now,
    )


def _modes(
    conn: Connection, policy: ContactPolicy, candidates: Sequence[Candidate]
) -> dict[str | None, Mode]:
    """Give the mode for each model behind the candidates, by what its fairness audit showed."""
    digests = {c.model_digest for c in candidates if c.model_digest is not None}
    outcomes = fairness_outcomes(conn, digests)
    return {None: policy.mode} | {each: policy.mode_for(found) for each, found in outcomes.items()}


def _room(conn: Connection, policy: ContactPolicy, now: datetime) -> Room:
    budget = policy.budget
    if policy.budget_per_30_days is not None:
        left = policy.budget_per_30_days - spent(conn, since=now - MONTH)
        budget = max(min(budget, left), 0.0)
    return Room(budget, policy.capacity, policy.exploration_share)


def _seed(key: bytes, asks: Sequence[Ask], now: datetime) -> int:
    """Draw as the holdout does: nobody can foresee it without the key, and it can be repeated."""
    text = "\n".join(["explore", to_text(now), *(ask.playbook.name for ask in asks)])
    return int.from_bytes(hmac.new(key, text.encode(), hashlib.sha256).digest()[:8], "big")


def _late(
    conn: Connection,
    desk: Desk,
    found: _Found,
    people: Collection[str],
    now: datetime,
    *,
    hold: bool,
) -> _Late:
    """Look once more at those chosen: permission, contests and contacts that came meanwhile."""
    dropped: dict[str, str] = {}
    for each in found.asked:
        for purpose, permit in each.judged.permits.items():
            for customer in desk.registry.changed_since(conn, permit, hold=hold):
                dropped.setdefault(customer, f"{purpose}: permission_changed")
        dropped |= contested_candidates(conn, desk.persons, each.judged.eligible)
    outreach = {
        customer
        for each, picks in zip(found.asked, found.selection.picks, strict=True)
        if each.playbook.kind == "outreach"
        for customer in picks
    }
    zones: dict[str, ZoneInfo] = {}
    own = own_contacts(conn, outreach, now=now)
    for histories in read_people(conn, desk.registry, outreach, now=now):
        zones |= zones_in(histories, now=now)
        fresh = own + ContactCounts(
            counted_outside(histories, since=now - MONTH, until=now),
            counted_outside(histories, since=now - WEEK, until=now),
        )
        for customer in outreach.intersection(histories.customers):
            cap = over_the_cap(found.policy, fresh, customer)
            if cap is not None:
                dropped.setdefault(customer, cap)
    return _Late({c: why for c, why in dropped.items() if c in people}, zones)


def _exposure(
    conn: Connection, desk: Desk, found: _Found, chosen: Collection[str], now: datetime
) -> Exposure:
    """Compare groups among everyone who could have got outreach."""
    outreach = [
        (each.judged, picks)
        for each, picks in zip(found.asked, found.selection.picks, strict=True)
        if each.playbook.kind == "outreach"
    ]
    return look_at_exposure(
        conn,
        desk.registry,
        {c.customer_id for judged, _ in outreach for c in judged.eligible},
        {customer for _, picks in outreach for customer in picks if customer in chosen},
        limit=found.policy.min_impact_ratio,
        now=now,
    )


def _log_exposure(
    conn: Connection, desk: Desk, found: _Found, exposure: Exposure, now: datetime
) -> None:
    """Write how contacts fell on groups in the log, as aggregates."""
    if exposure.outcome != "cannot_say":
        names = [each.playbook.name for each in found.asked if each.playbook.kind == "outreach"]
        body = {"playbooks": names} | exposure.to_json()
        desk.ledger.append(conn, "contact_exposure", body, now=now)


def _verdicts(
    conn: Connection,
    desk: Desk,
    found: _Found,
    number: int,
    late: _Late,
    exposure: Exposure,
    now: datetime,
) -> Verdicts:
    playbook, judged, _ = found.asked[number]
    picks = found.selection.picks[number]
    dropped = {customer: why for customer, why in late.dropped.items() if customer in picks}
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
