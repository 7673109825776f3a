"""What a playbook changed in this home, experiment by experiment."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.history import Histories, customer_ids, observed_until, read_all
from governance.disclosure.published import Register, load_register
from governance.errors import InvalidInput, NotFound
from governance.instants import to_micros
from outcomes.trials.assignments import PURPOSE, Assignments, first_assignments
from outcomes.trials.followed import WELLBEING, Followed
from outcomes.trials.lift import trial_lift
from outcomes.trials.records import PLANNED_UNITS, Terms, TrialLift
from serving.bootstrap import Keepwell
from serving.interventions.lots.experiments import (
    TrialExperiment,
    find_experiment,
    list_experiments,
)
from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
from serving.published import DASHBOARD, give, person_key
from serving.trials.plans import FrozenPlan, find_plan, is_as_frozen
from serving.trials.shield import Shielded
from serving.trials.terms import MoneyTerms, money_terms

HORIZON_DAYS = 90
RISK = "risk"
UNNAMED = "(all draws)"
UNPLANNED = (
    "no plan was frozen before the start: of several horizons asked for only one that was chosen "
    "before the figures were seen counts"
)
_HIGH, _MIDDLE = 60, 30


class HomeLift(NamedTuple):
    """What one experiment of a playbook shows, its course, and the plan frozen before it began.

    `experiment` is None for draws from before experiments had names; `as_frozen` says whether the
    playbook still is what it was when the plan was frozen, None where that is not known.
    """

    lift: TrialLift
    experiment: TrialExperiment | None
    plan: FrozenPlan | None
    others: tuple[str, ...]
    as_frozen: bool | None = None


class Drawn(NamedTuple):
    """The people of one experiment and how they are followed."""

    histories: Histories
    people: Assignments
    followed: Followed
    until: datetime
    register: Register


def lift_of(
    keepwell: Keepwell,
    playbook: str,
    *,
    horizon_days: int | None,
    file: Path | None,
    now: datetime,
    experiment: str | None = None,
    segments: Sequence[str] = (),
    money: MoneyTerms | None = None,
) -> HomeLift:
    """Compare treated and held-out customers of a playbook's experiment, as drawn.

    The newest experiment is taken unless one is named. `segments` name attributes of profiles
    beside the risk at the draw. Where a plan was frozen before the start, the verdict is about its
    outcome, over its horizon unless another is asked for. Raises `NotFound` for an unknown playbook
    or experiment.
    """
    found = find_playbook(playbooks_of(keepwell.home, file), playbook)
    _check_segments(segments)

    def work_out() -> tuple[HomeLift, Register]:
        with keepwell.database.read() as conn:
            trial, others = choose(conn, playbook, experiment, now=now)
            plan = None if trial is None else find_plan(conn, trial.plan_digest)
            same = None if plan is None else is_as_frozen(conn, plan, found)
            days = horizon_of(plan, horizon_days)
            drawn = follow(keepwell, conn, playbook, trial, now=now)
        made = compare(
            keepwell, playbook, trial, plan, drawn,
            horizon_days=days, segments=segments, money=money,
            holdout_share=found.holdout_share if trial is None else trial.holdout_share,
        )  # fmt: skip
        if plan is None and trial is not None and trial.status == "ended":
            made = made._replace(notes=(*made.notes, UNPLANNED))
        return HomeLift(made, trial, plan, others, same), drawn.register

    return give(keepwell, work_out, now=now)


def horizon_of(plan: FrozenPlan | None, asked: int | None) -> int:
    """Give the horizon asked for, else the plan's, else `HORIZON_DAYS`."""
    return asked or (HORIZON_DAYS if plan is None else plan.plan.horizon_days)


def choose(
    conn: Connection, playbook: str, experiment: str | None, *, now: datetime
) -> tuple[TrialExperiment | None, tuple[str, ...]]:
    """Give the experiment asked for, or the newest, and the names of the others."""
    known = list_experiments(conn, playbook)
    names = tuple(each.experiment for each in known)
    if experiment is None:
        return (known[0].at(now) if known else None), names[1:]
    chosen = find_experiment(conn, experiment)
    if chosen.playbook != playbook:
        raise NotFound(
            f"the experiment belongs to the playbook {chosen.playbook}, asked was {playbook}",
            hint=f"its experiments are {', '.join(names) or 'none'}",
        )
    return chosen.at(now), tuple(name for name in names if name != experiment)


def follow(
    keepwell: Keepwell,
    conn: Connection,
    playbook: str,
    trial: TrialExperiment | None,
    *,
    now: datetime,
) -> Drawn:
    """Read the histories of everyone an experiment drew, under the permits that this takes."""
    permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
    people = customer_ids(conn)
    wellbeing, _ = keepwell.registry.permit_many(conn, WELLBEING, people, now=now)
    last = observed_until(conn)
    histories = read_all(conn, keepwell.store, permit, digests=False)
    drawn = first_assignments(
        histories,
        permit,
        playbook=playbook,
        experiment=None if trial is None else trial.experiment,
    )
    followed = Followed(
        histories,
        drawn,
        permit,
        currency=keepwell.settings.currency,
        wellbeing=wellbeing if wellbeing.customers else None,
    )
    register = load_register(conn, min_people=permit.min_people, but=DASHBOARD)
    return Drawn(histories, drawn, followed, min(last or now, now), register)


def compare(
    keepwell: Keepwell,
    playbook: str,
    trial: TrialExperiment | None,
    plan: FrozenPlan | None,
    drawn: Drawn,
    *,
    horizon_days: int,
    holdout_share: float,
    segments: Sequence[str] = (),
    money: MoneyTerms | None = None,
) -> TrialLift:
    """Compare the arms; intervals hold at every look unless the experiment is over for good.

    `holdout_share` is what the draw meant to leave alone; `money` is what `[costs]` says unless it
    was stated.
    """
    until = to_micros(drawn.until)
    waits = bool((drawn.people.at + horizon_days * 86_400_000_000 > until).any())
    over = trial is None or trial.status == "ended"
    stated = None if plan is None else plan.plan
    return trial_lift(
        drawn.followed,
        drawn.people,
        playbook=playbook,
        experiment=UNNAMED if trial is None else trial.experiment,
        holdout_share=holdout_share,
        observed_until=until,
        horizon_days=horizon_days,
        terms=_terms(keepwell, money),
        is_running=waits or not over,
        planned_units=PLANNED_UNITS if stated is None else stated.people,
        primary="retained" if stated is None else stated.primary,
        smallest_worthwhile=None if stated is None else stated.smallest_worthwhile,
        segments=_groups(drawn, segments),
        min_people=drawn.register.min_people,
        shield=Shielded(
            drawn.register,
            drawn.histories,
            playbook=playbook,
            experiment=UNNAMED if trial is None else trial.experiment,
            key=person_key(keepwell),
        ),
    )


def _terms(keepwell: Keepwell, money: MoneyTerms | None) -> Terms:
    stated = money or money_terms(keepwell.settings)
    return Terms(keepwell.settings.currency, stated.margin_rate, stated.incentive)


def _groups(drawn: Drawn, segments: Sequence[str]) -> dict[str, NDArray[np.object_]]:
    """Group by risk at the draw and by what profiles said before it."""
    risks = np.array([_risk(str(each)) for each in drawn.people.stratum], np.object_)
    found = {RISK: risks}
    for name in segments:
        known = drawn.followed.known_before(name)
        if len(known) and all(each is None for each in known):
            raise InvalidInput(
                f"no profile says anything of {name!r} from before the draw",
                hint="name an attribute of profile, plan_changed or renewed events",
            )
        found[name] = np.array(["(unknown)" if k is None else k for k in known], np.object_)
    return found


def _risk(stratum: str) -> str:
    head = stratum.split("/")[0].removeprefix("risk_")
    if not head.isdigit():
        return "unknown"
    tenth = int(head)
    return "60 % and more" if tenth >= _HIGH else "30 to 60 %" if tenth >= _MIDDLE else "below 30 %"


def _check_segments(segments: Sequence[str]) -> None:
    if len(set(segments)) != len(segments) or RISK in segments:
        raise InvalidInput(
            f"segments name {', '.join(segments)}, each can be named once and risk always comes",
        )
