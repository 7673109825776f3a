"""Looks at running experiments: stopped for clear benefit or harm, ended when their time is over.

Every look uses intervals that hold at all looks together, so looking daily costs nothing. Benefit
is claimed of the outcome the experiment is about; harm of it, or of any guardrail, each of them at
its share of the risk of a false alarm.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from governance.disclosure.published import Register
from governance.errors import NotFound
from outcomes.randomised.verdict import judge
from outcomes.trials.records import HARMS, LOOK_LEVEL, OutcomeLift, TrialLift
from serving.bootstrap import Keepwell
from serving.interventions.lots.experiments import (
    TrialExperiment,
    end_overdue,
    find_experiment,
    list_experiments,
    note_look,
    stop,
)
from serving.trials.lift import compare, follow
from serving.trials.plans import find_plan

WATCHED_DAYS = 30
"""How long after the draw a running experiment is judged, unless its plan has a shorter horizon:
harm must not wait for the whole horizon."""


Came = Literal["goes on", "stopped for benefit", "stopped for harm", "ended", "withheld"]
_STOPS: Mapping[str, Literal["benefit", "harm"]] = {
    "stopped for benefit": "benefit",
    "stopped for harm": "harm",
}


class ExperimentLook(NamedTuple):
    """What a look at one running experiment came to; `counted` people are `WATCHED_DAYS` on."""

    experiment: str
    playbook: str
    outcome: Came
    reason: str
    counted: int
    looks: int


def watch(
    keepwell: Keepwell, *, now: datetime, playbook: str | None = None
) -> tuple[ExperimentLook, ...]:
    """Look at every running experiment, or at those of one playbook, and stop what is clear.

    Those whose time is over are ended first. Stopping, and every look, is written down.
    """
    with keepwell.database.write() as conn:
        ended = end_overdue(conn, keepwell.ledger, now=now)
        known = list_experiments(conn, playbook)
    if playbook is not None and not known:
        raise NotFound(
            f"{playbook} has had no experiment", hint="list them: keepwell outcomes lift"
        )
    over = [
        ExperimentLook(each.experiment, each.playbook, "ended", each.reason, 0, each.looks)
        for each in known
        if each.experiment in ended
    ]
    return (*over, *(_look(keepwell, each, now) for each in known if each.status == "running"))


def _look(keepwell: Keepwell, trial: TrialExperiment, now: datetime) -> ExperimentLook:
    with keepwell.database.read() as conn:
        plan = find_plan(conn, trial.plan_digest)
        drawn = follow(keepwell, conn, trial.playbook, trial, now=now)
    primary = "retained" if plan is None else plan.plan.primary
    days = WATCHED_DAYS if plan is None else min(WATCHED_DAYS, plan.plan.horizon_days)
    # nothing of this look is given out but the reason of a stop, which is said once
    unseen = drawn._replace(register=Register(min_people=drawn.register.min_people))
    lift = compare(
        keepwell, trial.playbook, trial, plan, unseen,
        horizon_days=days, holdout_share=trial.holdout_share,
    )  # fmt: skip
    outcome, reason = judged(lift, primary)
    with keepwell.database.write() as conn:
        if find_experiment(conn, trial.experiment).status != "running":
            return _told(trial, "goes on", "somebody else has just looked", lift)
        note_look(conn, trial.experiment)
        if outcome in _STOPS:
            stop(
                conn, keepwell.ledger, trial.experiment,
                stopped_for=_STOPS[outcome], reason=reason, now=now,
            )  # fmt: skip
    return _told(trial._replace(looks=trial.looks + 1), outcome, reason, lift)


def judged(lift: TrialLift, primary: str) -> tuple[Came, str]:
    """Say what one look at a running experiment means, and why.

    `LOOK_LEVEL`'s risk is shared by the primary outcome and the guardrails (Bonferroni).
    """
    if lift.verdict == "withheld":
        return "withheld", lift.reason
    watched = [each for each in lift.outcomes if each.outcome in {primary, *HARMS}]
    risk = (1 - LOOK_LEVEL) / max(len(watched), 1)
    for each in watched:
        if _clear(each, risk) == "harmed":
            return (
                "stopped for harm",
                f"{each.outcome} is worse than without a contact ({_said(each)})",
            )
    main = lift.outcome(primary)
    if main is not None and _clear(main, risk) == "helped":
        return "stopped for benefit", f"{primary} is better than without a contact ({_said(main)})"
    return "goes on", "nothing is clear yet"


def _clear(each: OutcomeLift, risk: float) -> str:
    p_value = each.raw.p_value
    if p_value is None or not p_value <= risk:  # NaN is no reason to stop
        return "cannot say"
    return judge(each.raw, good_is=each.good_is).word


def _said(each: OutcomeLift) -> str:
    raw = each.raw
    assert raw.difference is not None
    assert raw.low is not None
    assert raw.high is not None
    scale, unit = (100.0, " points") if each.unit == "share" else (1.0, f" {each.unit}")
    return (
        f"{scale * raw.difference:+.1f}{unit}, {scale * raw.low:+.1f} to {scale * raw.high:+.1f}, "
        f"{each.horizon_days} days on"
    )


def _told(trial: TrialExperiment, outcome: Came, reason: str, lift: TrialLift) -> ExperimentLook:
    counted = lift.treated + lift.held_out
    return ExperimentLook(trial.experiment, trial.playbook, outcome, reason, counted, trial.looks)
