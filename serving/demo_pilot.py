"""The demo's past: a note that was tried by lot last year, as Keepwell would have recorded it.

A simulated company has a history from before Keepwell came, and an experiment needs months to end.
So the demo writes one whose end is past, with the rows and events of a run of that day, and every
page and command finds it by its ordinary ways. Who was drawn and what it changed is the
simulation's; that all of this is simulated is said in the log and wherever the experiment is named.

Only `keepwell demo` writes a past. No other home can: what is recorded there is dated by its clock.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, update

from features.events import Event, keepwell_event
from features.live import append
from features.simulate.company import Simulation
from governance.errors import ConfigurationError
from governance.log.decision import Decision, new_decision_id, record
from serving.bootstrap import Keepwell
from serving.home import Home
from serving.interventions.lots.arms import Drawn, stratum_of
from serving.interventions.lots.experiments import TrialExperiment, open_experiment
from serving.interventions.playbooks.playbook import (
    STARTERS,
    Playbook,
    find_playbook,
    load_playbooks,
    playbooks_of,
)
from serving.interventions.tables import experiments, interventions

PILOT = "spring_note"
"""The playbook that was tried; the demo runs others, so its experiment stays the newest of it."""

SIMULATED = "its time was over; simulated, like everything here"
"""Why the experiment ended, as pages and commands say it."""

_DRAWN, _SENT = timedelta(hours=8), timedelta(hours=9)
_PLAYBOOK = """
# What this demo's simulated company tried by lot before today, on everybody who permitted e-mail.
[[playbook]]
name = "spring_note"
class = "outreach"
action = "message"
channel = "email"
stage = "anniversary"
stage_days = 0
holdout_share = 0.5
holdout_days = 91
cooldown_days = 365
cost = 4.0
expected_effect = 0.03
value = "A person asks how it was, reads the answer, and answers."
subject = "How has it been with us?"
body = \"\"\"
You have been with us for a while, and we would like to know how it has been. If something went \\
wrong, or something is missing, answer this message and a person will read it. If all is well, \\
there is nothing you need to do. You can switch off messages like this one in your account at any \\
time.
\"\"\"
"""


class _Contact(NamedTuple):
    """One person of the pilot: what the lot said of them, and when."""

    intervention_id: str
    decision_id: str
    customer_id: str
    drawn: Drawn
    at: datetime

    @property
    def is_treated(self) -> bool:
        return self.drawn.arm == "treated"


def add_playbook(home: Home) -> None:
    """Write the pilot's playbook into the home's own file, beside the starters or what is there."""
    own = home.playbooks
    if PILOT in {each.name for each in playbooks_of(home)}:
        return
    text = (own if own.is_file() else STARTERS).read_text(encoding="utf-8")
    own.write_text(text.rstrip("\n") + "\n" + _PLAYBOOK, encoding="utf-8")
    load_playbooks(own)


def record_pilot(keepwell: Keepwell, company: Simulation, *, now: datetime) -> str:
    """Write the pilot as an experiment that ended, at the times it had; gives its name.

    In it are those of the simulation's lot whose permission for the channel stood when they were
    drawn and was not taken back since: nobody else can have been written to by Keepwell. The log
    says `now` what was written. Raises `ConfigurationError` outside a demo home.
    """
    if keepwell.kind != "demo":
        raise ConfigurationError(
            [f"this is a {keepwell.kind} home, and only a demo's past is made up"],
            source=str(keepwell.home.root),
        )
    playbook = find_playbook(playbooks_of(keepwell.home), PILOT)
    began, _ = company.pilot_period
    drawn_at = began + _DRAWN
    lot = {
        keepwell.inside_id(str(who)): arm == "holdout"
        for who, arm in zip(company.pilot["customer_id"], company.pilot["arm"], strict=True)
    }
    with keepwell.database.write() as conn:
        permit, _ = keepwell.registry.permit_many(conn, playbook.contact_purpose, lot, now=drawn_at)
        trial = open_experiment(conn, playbook, drawn_at)
        people = [
            _contact(trial, who, is_held_out=lot[who], at=drawn_at)
            for who in sorted(permit.customers)
        ]
        evidence = permit.consent_event_ids
        conn.execute(
            interventions.insert(),
            [_row(playbook, each, evidence[each.customer_id]) for each in people],
        )
        append(conn, list(_events(playbook, people)))
        _end(conn, trial)
        persons = keepwell.persons.person_ids(conn, {each.customer_id for each in people})
        record(
            conn,
            keepwell.ledger,
            [_decision(playbook, each, persons[each.customer_id]) for each in people],
            now=now,
        )
        treated = sum(each.is_treated for each in people)
        body = {"experiment": trial.experiment, "reason": SIMULATED, "simulated": True}
        body |= {"treated": treated, "held_out": len(people) - treated}
        keepwell.ledger.append(conn, "experiment_ended", body, now=now)
    return trial.experiment


def _contact(
    trial: TrialExperiment, customer_id: str, *, is_held_out: bool, at: datetime
) -> _Contact:
    drawn = Drawn(
        arm="holdout" if is_held_out else "treated",
        propensity=1 - trial.holdout_share,
        stratum=stratum_of(None),
        experiment=trial.experiment,
        by_lot=True,
    )
    return _Contact(str(uuid4()), new_decision_id(), customer_id, drawn, at)


def _row(playbook: Playbook, each: _Contact, consent_event_id: str) -> Mapping[str, Any]:
    words = {"subject": playbook.subject, "body": playbook.body}
    sent_at = each.at - _DRAWN + _SENT if each.is_treated else None
    return {
        "intervention_id": each.intervention_id,
        "customer_id": each.customer_id,
        "playbook": playbook.name,
        "playbook_class": playbook.kind,
        "channel": playbook.channel,
        "arm": each.drawn.arm,
        "status": "sent" if each.is_treated else "held_out",
        "reason": "",
        "experiment": each.drawn.experiment,
        "stratum": each.drawn.stratum,
        "decision_id": each.decision_id,
        "permissions": json.dumps({playbook.contact_purpose: consent_event_id}),
        "message": json.dumps(words) if each.is_treated else "{}",
        "action": playbook.action,
        "value": playbook.value,
        "cost": playbook.cost if each.is_treated else 0.0,
        "chosen_by": "rule",
        "expected_effect": playbook.expected_effect,
        "chance": 1.0,
        "propensity": each.drawn.propensity,
        "needs_person": False,
        "created_at": each.at,
        "valid_until": each.at + timedelta(hours=playbook.valid_hours),
        "holdout_until": None
        if each.is_treated
        else each.at + timedelta(days=playbook.holdout_days),
        "sent_at": sent_at,
        "ended_at": sent_at,
    }


def _events(playbook: Playbook, people: Sequence[_Contact]) -> list[Event]:
    """Give what a run and its delivery leave in the histories."""
    told = [
        ("intervention_assigned", each, each.at, each.drawn.properties(playbook.name))
        for each in people
    ]
    sent: dict[str, Any] = {"playbook": playbook.name, "channel": playbook.channel}
    told += [
        ("intervention_sent", each, each.at - _DRAWN + _SENT, sent)
        for each in people
        if each.is_treated
    ]
    return [
        keepwell_event(
            kind,
            each.customer_id,
            event_id=each.intervention_id,
            occurred_at=at,
            known_at=at,
            properties=properties,
        )
        for kind, each, at, properties in told
    ]


def _decision(playbook: Playbook, each: _Contact, person_id: str) -> Decision:
    return Decision(
        decision_id=each.decision_id,
        kind="contact",
        person_id=person_id,
        purpose=playbook.contact_purpose,
        outcome="cleared" if each.is_treated else "held_out",
        as_of=each.at,
        result={
            "intervention_id": each.intervention_id,
            "playbook": playbook.name,
            "action": playbook.action,
            "trigger": "",
            "score_decision_id": None,
            "chosen_by": "rule",
            "expected_effect": playbook.expected_effect,
            "chance": 1.0,
            "propensity": each.drawn.propensity,
            "arm": each.drawn.arm,
            "simulated": True,
        },
    )


def _end(conn: Connection, trial: TrialExperiment) -> None:
    conn.execute(
        update(experiments)
        .where(experiments.c.experiment == trial.experiment)
        .values(status="ended", reason=SIMULATED, ended_at=trial.ends_at)
    )
