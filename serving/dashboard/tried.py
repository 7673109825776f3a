"""The figures of experiments: what stayed because of acting, and what it brought in money."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from outcomes.trials.records import FINAL_LEVEL, LOOK_LEVEL
from serving.bootstrap import Keepwell
from serving.dashboard.figure import Cell, Column, Figure, Unit
from serving.reporting.record import Trial
from serving.reporting.trial_look import newest_looks

HEADLINE = (
    Column("row", "Experiment"),
    Column("value", "Value"),
    Column("low", "Interval from"),
    Column("high", "to"),
    Column("people", "People"),
)
_NONE = "no playbook has had an experiment yet: run one with a holdout_share"
_LEVELS = (
    f"its interval is one of {100 * LOOK_LEVEL:.0f} % while the experiment runs and of "
    f"{100 * FINAL_LEVEL:.0f} % at its end"
)
_RETURN = "its interval is one of 95 %"
_MONEY: Mapping[str, tuple[str, Unit, str]] = {
    "margin_preserved": (
        "Incremental margin of acting",
        "money",
        "margin of the treated less what people left alone by lot show they would have brought "
        "anyway, net of incentives, scaled to everyone treated, over the horizon after each draw",
    ),
    "cost_saved": (
        "Service cost saved by acting",
        "money",
        "cost of contacts with service of people left alone by lot less that of the treated, "
        "scaled to everyone treated, over the horizon after each draw",
    ),
    "net": (
        "What remains after the cost",
        "money",
        "margin preserved + cost saved − cost of the pilot, over the horizon after each draw",
    ),
    "net_roi": (
        "Return on each unit spent",
        "ratio",
        "(margin preserved + cost saved − cost) ÷ cost of the pilot, over the horizon after each "
        "draw; 0 means it paid for itself",
    ),
}


def tried(keepwell: Keepwell, *, now: datetime) -> tuple[Figure, ...]:
    """Give lift, people helped and return of every playbook's newest experiment."""
    found = [look.trial for look in newest_looks(keepwell, now=now)]
    currency = keepwell.settings.currency
    return (
        _figure(
            "retention_lift",
            "Retention lift of acting",
            "points",
            "share that stayed of those contacted − of those left alone by lot, as drawn "
            "(intention to treat), in percentage points, over the horizon after each draw; "
            f"{_LEVELS}",
            found,
            _lift,
            "percentage points",
        ),
        _figure(
            "people_helped",
            "People who stayed because of acting",
            "count",
            "retention lift × people contacted whose horizon is over; only where chance decided "
            f"who was contacted; {_LEVELS}",
            found,
            _helped,
            "people",
        ),
        *(
            _figure(name, title, unit, f"{about}; {_RETURN}", found, _returned(name), currency)
            for name, (title, unit, about) in _MONEY.items()
        ),
    )


def _figure(
    name: str,
    title: str,
    unit: Unit,
    about: str,
    found: Sequence[Trial],
    cell: Callable[[Trial], Cell],
    scale: str,
) -> Figure:
    return Figure(
        name=name,
        layer="executive",
        title=title,
        unit=unit,
        shape="headline",
        about=about,
        columns=HEADLINE,
        cells=tuple(map(cell, found)),
        scale=scale,
        note="" if found else _NONE,
        goal="up",
    )


def _lift(trial: Trial) -> Cell:
    """Give the plain difference of those who stayed, on which the verdict rests."""
    return _difference(trial, scale=100.0)


def _helped(trial: Trial) -> Cell:
    if trial.lift is None or not trial.lift["randomised"]:
        return Cell(row=_named(trial), note=trial.why_no_lift or "chance did not decide")
    return _difference(trial, scale=float(trial.lift["treated"]))


def _difference(trial: Trial, *, scale: float) -> Cell:
    lift = trial.lift
    if lift is None:
        return Cell(row=_named(trial), note=trial.why_no_lift)
    stayed = next((each for each in lift["outcomes"] if each["outcome"] == "retained"), None)
    raw = None if stayed is None else stayed["raw"]
    if stayed is None or raw is None or raw["difference"] is None or lift["verdict"] == "withheld":
        return Cell(row=_named(trial), note=_waits(lift))
    return Cell(
        row=_named(trial),
        value=scale * raw["difference"],
        low=None if raw["low"] is None else scale * raw["low"],
        high=None if raw["high"] is None else scale * raw["high"],
        people=lift["treated"] + lift["held_out"],
        note=f"{stayed['verdict']}: {stayed['reason']}; "
        f"the interval is one of {100 * lift['level']:.0f} %",
    )


def _returned(name: str) -> Callable[[Trial], Cell]:
    def cell(trial: Trial) -> Cell:
        roi = trial.roi
        found = _amount(roi, name)
        if roi is None or found is None:
            return Cell(row=_named(trial), note=trial.why_no_roi or "cannot say")
        return Cell(
            row=_named(trial),
            value=found["value"],
            low=found["low"],
            high=found["high"],
            people=roi["treated"] + roi["held_out"],
            note=f"{roi['verdict']}: {roi['reason']}",
        )

    return cell


def _amount(roi: Mapping[str, Any] | None, name: str) -> Mapping[str, float] | None:
    """Find a figure of a return, whose name ends with the time it is over."""
    figures: Mapping[str, Any] = {} if roi is None else roi["figures"]
    found = [each for key, each in figures.items() if key.rpartition("_over_")[0] == name]
    return found[0] if found else None


def _waits(lift: Mapping[str, Any]) -> str:
    """Say why there is no difference: what forbids it first, else who is still followed."""
    if lift["verdict"] != "withheld" and lift["waiting"]:
        days = lift["horizon_days"]
        return f"cannot say yet: {lift['waiting']:,} people are within their {days} days"
    return f"{lift['verdict']}: {lift['reason']}"


def _named(trial: Trial) -> str:
    lift = trial.lift
    return trial.playbook if lift is None else str(lift["experiment"])
