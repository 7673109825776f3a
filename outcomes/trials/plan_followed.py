"""Was the plan followed? Point by point, from what the experiment recorded itself."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from outcomes.trials.plan import Plan
from outcomes.trials.records import TrialLift

Followed = Literal["yes", "no", "not yet"]


class Course(NamedTuple):
    """How an experiment went: when it ran, what it left alone, how it ended."""

    started_at: datetime
    ended_at: datetime | None
    status: str
    stopped_for: str | None
    holdout_share: float
    looks: int


class Point(NamedTuple):
    """One point of a plan: whether it was followed, and what was found."""

    point: str
    followed: Followed
    said: str


def points(
    plan: Plan,
    frozen_at: datetime,
    course: Course,
    lift: TrialLift,
    *,
    today: date,
    as_frozen: bool | None = None,
) -> tuple[Point, ...]:
    """Compare a plan with the course of its experiment and with the lift that is shown.

    `as_frozen` says whether the playbook is what it was when the plan was frozen; None leaves that
    point out.
    """
    counted = lift.treated + lift.held_out
    over = course.status != "running" and lift.waiting == 0
    late = date.fromisoformat(plan.starts) <= course.started_at.date()
    reads_on = date.fromisoformat(plan.reads_on)
    return (
        Point(
            "frozen before the start",
            "yes" if frozen_at < course.started_at else "no",
            f"frozen {frozen_at:%Y-%m-%d %H:%M}, started {course.started_at:%Y-%m-%d %H:%M}",
        ),
        *_playbook(as_frozen),
        Point(
            "started no earlier than planned",
            "yes" if late else "no",
            f"planned {plan.starts}, started {course.started_at:%Y-%m-%d}",
        ),
        Point(
            "share left alone",
            "yes" if course.holdout_share == plan.holdout_share else "no",
            f"planned {plan.holdout_share:g}, drawn {course.holdout_share:g}",
        ),
        Point(
            "outcome as named",
            "yes" if lift.outcome(plan.primary) is not None else "no",
            f"the verdict is about {plan.primary}"
            if lift.outcome(plan.primary) is not None
            else f"{plan.primary} is not measured here: state what it needs (a margin rate)",
        ),
        Point(
            "horizon",
            "yes" if lift.horizon_days == plan.horizon_days else "no",
            f"planned {plan.horizon_days} days, shown {lift.horizon_days} days",
        ),
        Point(
            "size reached",
            "yes" if counted >= plan.people else "no" if over else "not yet",
            f"planned {plan.people:,} people, {counted:,} counted, {lift.waiting:,} waiting",
        ),
        Point(
            "looks",
            "yes",
            f"{course.looks:,} recorded, paid for by the level of the intervals ({lift.level:.0%})",
        ),
        _stopping(plan, course),
        Point(
            "read on its day",
            "yes" if over and today >= reads_on else "not yet",
            f"planned for {plan.reads_on}",
        ),
    )


def deviations(found: Sequence[Point]) -> tuple[str, ...]:
    """Name the points that were not followed; empty where the plan was followed so far."""
    return tuple(f"{each.point}: {each.said}" for each in found if each.followed == "no")


def _playbook(as_frozen: bool | None) -> tuple[Point, ...]:
    if as_frozen is None:
        return ()
    said = "its words, band, cost and all else are the same" if as_frozen else "it was changed"
    return (Point("playbook as frozen", "yes" if as_frozen else "no", said),)


def _stopping(plan: Plan, course: Course) -> Point:
    if course.status == "running":
        return Point("stopping rule", "not yet", "it is running")
    if course.status == "ended":
        return Point("stopping rule", "yes", "it ran its whole time")
    return Point(
        "stopping rule",
        "yes",
        f"stopped for {course.stopped_for} by an interval that holds at every look",
    )
