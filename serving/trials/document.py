"""Lift, return, experiments and plans in the shape they have as JSON, on every way out."""

from datetime import date
from typing import Any

from governance.instants import to_text
from governance.intervals import Interval
from outcomes.randomised.lift import Difference
from outcomes.trials.plan_followed import Course, Point, deviations, points
from outcomes.trials.records import Exposure, OutcomeLift
from serving.interventions.lots.experiments import TrialExperiment
from serving.trials.lift import HomeLift
from serving.trials.plans import FrozenPlan
from serving.trials.roi import HomeRoi


def lift_document(found: HomeLift, *, today: date) -> dict[str, Any]:
    """Give a lift with its experiment, and point by point whether the plan was followed."""
    lift = found.lift
    ratio = lift.sample_ratio
    return {
        "playbook": lift.playbook,
        "experiment": lift.experiment,
        "randomised": True,
        "course": None if found.experiment is None else experiment_document(found.experiment),
        "other_experiments": list(found.others),
        "horizon_days": lift.horizon_days,
        "intervals": lift.looked,
        "level": lift.level,
        "treated": lift.treated,
        "held_out": lift.held_out,
        "waiting": lift.waiting,
        "sample_ratio": None if ratio is None else ratio._asdict(),
        "outcomes": [_outcome(each) for each in lift.outcomes],
        "lasting": [_outcome(each) for each in lift.lasting],
        "segments": [_outcome(each) for each in lift.segments],
        "exposure": [_exposure(each) for each in lift.exposure],
        "verdict": lift.verdict,
        "reason": lift.reason,
        "plan": _plan_followed(found, today),
        "notes": list(lift.notes),
    }


def plan_points(found: HomeLift, *, today: date) -> tuple[Point, ...]:
    """Say point by point whether the plan was followed; empty where none was frozen."""
    if found.plan is None or found.experiment is None:
        return ()
    trial = found.experiment
    course = Course(
        started_at=trial.started_at,
        ended_at=trial.ended_at,
        status=trial.status,
        stopped_for=trial.stopped_for,
        holdout_share=trial.holdout_share,
        looks=trial.looks,
    )
    return points(
        found.plan.plan, found.plan.frozen_at, course, found.lift, today=today,
        as_frozen=found.as_frozen,
    )  # fmt: skip


def experiment_document(found: TrialExperiment) -> dict[str, Any]:
    """Give an experiment and whom its playbook may reach now."""
    return {
        "experiment": found.experiment,
        "playbook": found.playbook,
        "target": found.target,
        "holdout_share": found.holdout_share,
        "started_at": to_text(found.started_at),
        "ends_at": to_text(found.ends_at),
        "status": found.status,
        "reason": found.reason,
        "stopped_for": found.stopped_for,
        "ended_at": None if found.ended_at is None else to_text(found.ended_at),
        "resumed_at": None if found.resumed_at is None else to_text(found.resumed_at),
        "plan_digest": found.plan_digest,
        "looks": found.looks,
        "contacts": found.contacts,
    }


def plan_document(found: FrozenPlan) -> dict[str, Any]:
    """Give a frozen plan with its digest and the experiment that followed it."""
    return {
        "plan_digest": found.plan_digest,
        "playbook": found.playbook,
        "frozen_at": to_text(found.frozen_at),
        "frozen_by": found.frozen_by,
        "experiment": found.experiment,
        "plan": found.plan.to_json(),
    }


def roi_document(found: HomeRoi) -> dict[str, Any]:
    """Give a return; every figure's name holds its period."""
    made = found.roi
    return {
        "playbook": found.playbook,
        "experiment": found.experiment,
        "horizon_days": found.horizon_days,
        "treated": None if made is None else made.treated,
        "held_out": None if made is None else made.held_out,
        "waiting": found.waiting,
        "currency": None if made is None else made.currency,
        "figures": {}
        if made is None
        else {
            name: value.to_json() if isinstance(value, Interval) else value
            for name, value in made.figures().items()
        },
        "lines": [] if made is None else list(made.lines()),
        "verdict": found.verdict,
        "reason": found.reason,
        "assumptions": [each._asdict() for each in found.assumptions],
        "note": found.note,
    }


def _plan_followed(found: HomeLift, today: date) -> dict[str, Any] | None:
    if found.plan is None:
        return None
    said = plan_points(found, today=today)
    decision, then = found.plan.plan.decision(found.lift)
    return {
        "plan_digest": found.plan.plan_digest,
        "decision": decision,
        "then": then,
        "followed": not deviations(said),
        "deviations": list(deviations(said)),
        "points": [each._asdict() for each in said],
    }


def _outcome(each: OutcomeLift) -> dict[str, Any]:
    return {
        **each._asdict(),
        "raw": _difference(each.raw),
        "adjusted": None if each.adjusted is None else _difference(each.adjusted),
    }


def _difference(found: Difference) -> dict[str, Any]:
    return {name: value for name, value in found._asdict().items() if name != "fewest_events"}


def _exposure(each: Exposure) -> dict[str, Any]:
    return {
        "what": each.what,
        "treated": None if each.treated is None else each.treated.to_json(),
        "held_out": None if each.held_out is None else each.held_out.to_json(),
        "difference": _difference(each.difference),
        "note": each.note,
    }
