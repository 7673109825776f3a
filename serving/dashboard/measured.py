"""The figures that are measures of histories: trends of the company, and how long cohorts stay."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from outcomes.measures.definition import ALL, Measure
from outcomes.measures.periods import Every as Calendar
from serving.bootstrap import Keepwell
from serving.dashboard.figure import EVERY, Cell, Column, Every, Figure, Layer, Unit
from serving.figures import CutMeasures, measure_cuts
from serving.reporting.words import title_of

MOST_ATTRIBUTES = 4
MOST_VALUES = 50
MOST_GROUPS = 12
"""How many attributes people are told apart by, how many values one may have, and how many groups
of each are kept: those with most people. What is left out cannot be chosen on a page."""

TREND = (
    Column("period", "Period"),
    Column("value", "Value"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)
_COHORTS = (
    Column("row", "Came in"),
    Column("x", "Days later"),
    Column("value", "Still there"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)
_SURVIVAL = {f"survival_{days}d": days for days in (30, 90, 180, 365, 730)}
_CALENDARS: tuple[Calendar, ...] = ("month", "quarter", "week")


class Told(NamedTuple):
    """How a measure is told on the dashboard."""

    measure: str
    layer: Layer
    unit: Unit
    goal: Literal["up", "down", ""]
    scale: str = ""


TRENDS = (
    Told("retention", "executive", "share", "up"),
    Told("churn", "executive", "share", "down"),
    Told("active", "executive", "share", "up"),
    Told("order_value", "executive", "money", "up"),
    Told("churned_value", "executive", "share", "down"),
    Told("nrr", "executive", "ratio", "up"),
    Told("escalation", "operational", "share", "down"),
    Told("aht", "operational", "seconds", "down"),
    Told("resolution_time", "operational", "hours", "down"),
    Told("unresolved", "operational", "share", "down"),
    Told("sentiment_delta", "operational", "score", "up", "−2 to 2"),
    Told("csat", "operational", "share", "up"),
    Told("nps", "operational", "points", "up", "−100 to 100"),
    Told("ces_effort_mean", "operational", "score", "down", "1 to 5"),
    Told("ces_ease_mean", "operational", "score", "up", "1 to 7"),
)


def measured(
    keepwell: Keepwell, *, now: datetime, progress: Callable[[str], None] = lambda said: None
) -> tuple[Figure, ...]:
    """Take every trend over weeks, months and quarters, of everyone and by group, and cohorts.

    Raises `InsufficientData` where nothing was imported.
    """
    trends = tuple(told.measure for told in TRENDS)
    names = dict.fromkeys(_CALENDARS, trends)
    names["quarter"] = (*trends, *_SURVIVAL)
    cuts = measure_cuts(
        keepwell,
        now=now,
        names=names,
        most_attributes=MOST_ATTRIBUTES,
        most_values=MOST_VALUES,
        progress=progress,
    )
    currency = keepwell.settings.currency
    return (*(_trend(told, cuts, currency) for told in TRENDS), _survival(cuts))


def attributes_of(figures: Iterable[Figure]) -> tuple[str, ...]:
    """Name the attributes that figures were taken by."""
    segments = {segment for figure in figures for segment in figure.segments if segment}
    return tuple(sorted({segment.partition("=")[0] for segment in segments}))


def largest(people: dict[str, int], attribute: str) -> frozenset[str]:
    """Name the groups of an attribute with most people, `MOST_GROUPS` of them; ties by name."""
    own = [segment for segment in people if segment.partition("=")[0] == attribute]
    return frozenset(sorted(own, key=lambda each: (-people[each], each))[:MOST_GROUPS])


def _trend(told: Told, cuts: Sequence[CutMeasures], currency: str) -> Figure:
    found = [
        (every, _segment(m, cut.cut.by), m)
        for cut in cuts
        for every in EVERY
        if every == cut.cut.every
        for m in cut.found.taken.measures
        if m.name == told.measure
    ]
    kept = _kept((segment, m) for _, segment, m in found)
    cells = dict.fromkeys(
        _cell(every, segment, m) for every, segment, m in found if segment in kept
    )
    ordered = sorted(cells, key=lambda c: (c.segment, EVERY.index(_every(c)), c.start))
    units = {m.unit for _, _, m in found if m.shown}
    stated = next(iter(units - {"money"}), currency) if told.unit == "money" else told.scale
    nothing = not any(cell.value is not None or cell.hidden for cell in cells)
    return Figure(
        name=told.measure,
        layer=told.layer,
        title=title_of(told.measure),
        unit=told.unit,
        shape="trend",
        about=next((m.definition for _, _, m in found), ""),
        columns=TREND,
        cells=() if nothing else tuple(ordered),
        scale=stated,
        note=_why_nothing([m for _, _, m in found]) if nothing else "",
        goal=told.goal,
    )


def _cell(every: Every, segment: str, m: Measure) -> Cell:
    return Cell(
        every=every,
        period=m.period.label,
        start=f"{m.period.start:%Y-%m-%d}",
        end=f"{m.period.end:%Y-%m-%d}",
        segment=segment,
        value=None if m.value is None else m.value.value,
        low=None if m.value is None else m.value.low,
        high=None if m.value is None else m.value.high,
        people=m.people,
        note=m.note if m.value is None or "as given" in m.note else "",
        hidden=m.hidden,
    )


def _survival(cuts: Sequence[CutMeasures]) -> Figure:
    found = [
        (_segment(m, cut.cut.by), m)
        for cut in cuts
        for m in cut.found.taken.measures
        if m.name in _SURVIVAL and cut.cut.every == "quarter"
    ]
    kept = _kept(found)
    curves: dict[tuple[str, str], dict[int, Cell]] = defaultdict(dict)
    for segment, m in found:
        if segment in kept and (m.shown or m.hidden):
            cell = _cell("quarter", segment, m)
            days = _SURVIVAL[m.name]
            curves[segment, m.period.label][days] = cell._replace(
                row=m.period.label, every="", period="", x=float(days)
            )
    cells = [
        cell
        for _, points in sorted(curves.items())
        if any(cell.value is not None for cell in points.values())
        for _, cell in sorted(points.items())
    ]
    return Figure(
        name="survival",
        layer="research",
        title="How long customers stay, by the quarter they came",
        unit="share",
        shape="survival",
        about="Kaplan–Meier share of those who came in a quarter and were still active so many "
        "days later, without a gap; whoever is not followed that long counts until then",
        columns=_COHORTS,
        cells=tuple(cells),
        note="" if cells else _why_nothing([m for _, m in found]),
        goal="up",
    )


def _kept(found: Iterable[tuple[str, Measure]]) -> frozenset[str]:
    """Name the segments to keep: everyone, and of each attribute the largest groups shown."""
    people: dict[str, int] = {}
    for segment, m in found:
        if m.shown:
            people[segment] = max(people.get(segment, 0), m.people or 0)
    names = {segment.partition("=")[0] for segment in people}
    return frozenset({""}).union(*(largest(people, name) for name in names if name))


def _segment(m: Measure, by: str) -> str:
    return "" if m.segment == ALL else f"{by}={m.segment}"


def _every(cell: Cell) -> Every:
    return next(every for every in EVERY if every == cell.every)


def _why_nothing(measures: Sequence[Measure]) -> str:
    """Say why there is no number at all: the reason that most periods give."""
    notes = [m.note for m in measures if m.segment == ALL and m.note]
    return max(notes, key=notes.count, default="not measured")
