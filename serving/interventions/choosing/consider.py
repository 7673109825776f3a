"""Who could be contacted, and who is taken: every filter, then one choice over all playbooks."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from governance.instants import to_text
from governance.review.candidates import fairness_outcomes
from serving.interventions.choosing.selection import Asked, Room, Selection, select
from serving.interventions.choosing.worth import Effect
from serving.interventions.deciding.contest import contested_candidates
from serving.interventions.delivery.desk import Desk
from serving.interventions.lots.experiments import halted
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.modes import ModeStanding, mode_standing
from serving.interventions.policy.policy import Candidate, ContactPolicy, Judged, judge
from serving.interventions.policy.under_way import (
    MONTH,
    ContactCounts,
    answered,
    busy,
    own_contacts,
    spent,
)
from serving.settings import Mode


class Ask(NamedTuple):
    """A playbook, whom it is asked about, and what its experiment showed where one did."""

    playbook: Playbook
    candidates: Sequence[Candidate]
    effect: Effect | None = None


class Considered(NamedTuple):
    """Verdicts on everyone asked about, and who is taken; nothing is drawn or written yet."""

    asked: tuple[Asked, ...]
    selection: Selection
    policy: ContactPolicy
    mode: ModeStanding
    modes: Mapping[str | None, Mode]


def consider(
    conn: Connection,
    desk: Desk,
    asks: Sequence[Ask],
    outside: Mapping[str, int] | ContactCounts,
    margins: Mapping[str, float] | None,
    now: datetime,
    *,
    least: Mode = "observe",
) -> Considered:
    """Judge everyone by every filter, then choose over all playbooks asked.

    `outside` counts contacts of 30 days where it is a plain mapping. In a home that may only
    observe, `least` is the mode to judge as if.
    """
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
    return Considered(asked, selection, policy, mode, modes)


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
