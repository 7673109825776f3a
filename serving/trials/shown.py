"""What experiments of playbooks have shown so far, for choosing whom to contact by which."""

from collections.abc import Iterable
from datetime import datetime

from governance.disclosure.published import Register
from governance.intervals import Interval
from serving.bootstrap import Keepwell
from serving.interventions.choosing.worth import Effect
from serving.interventions.lots.experiments import TrialExperiment, list_experiments
from serving.trials.lift import compare, follow
from serving.trials.plans import find_plan
from serving.trials.watch import WATCHED_DAYS

FEWEST = 30
"""So many people each arm needs before its difference is used."""

_OUTCOME = "retained"


def shown_effects(
    keepwell: Keepwell, playbooks: Iterable[str], *, now: datetime
) -> dict[str, Effect]:
    """Give, by playbook, how many more stayed of those contacted than of those left alone.

    Of its newest experiment that has enough people whose horizon is over: 30 days, or the plan's
    where that is shorter. Playbooks without one, or whose arms have sizes that should not be
    believed, are left out. The figures stay inside: nothing of them is given out.
    """
    found = {}
    for playbook in dict.fromkeys(playbooks):
        with keepwell.database.read() as conn:
            trials = list_experiments(conn, playbook)
        effects = (_effect(keepwell, trial, now) for trial in trials)
        newest = next((each for each in effects if each is not None), None)
        if newest is not None:
            found[playbook] = newest
    return found


def _effect(keepwell: Keepwell, trial: TrialExperiment, now: datetime) -> Effect | None:
    with keepwell.database.read() as conn:
        plan = find_plan(conn, trial.plan_digest)
        drawn = follow(keepwell, conn, trial.playbook, trial, now=now)
    days = WATCHED_DAYS if plan is None else min(WATCHED_DAYS, plan.plan.horizon_days)
    lift = compare(
        keepwell,
        trial.playbook,
        trial,
        plan,
        drawn._replace(register=Register(min_people=drawn.register.min_people)),
        horizon_days=days,
        holdout_share=trial.holdout_share,
    )
    outcome = lift.outcome(_OUTCOME)
    if lift.verdict == "withheld" or min(lift.treated, lift.held_out) < FEWEST or outcome is None:
        return None
    raw = outcome.raw
    if raw.difference is None or raw.low is None or raw.high is None:
        return None
    return Effect(trial.experiment, Interval(raw.difference, raw.low, raw.high, raw.level))
