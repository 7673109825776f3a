"""The figures of what people decided and what was refused, counted from the tables of the home."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from governance.intervals import wilson
from governance.log.decision import was_given
from governance.tables import decisions
from outcomes.measures.definition import Period
from outcomes.measures.periods import DEFAULT_COUNT, floor, label, split, step
from serving.bootstrap import Keepwell
from serving.dashboard.desk import ALL, Added, Desk, Place
from serving.dashboard.figure import EVERY, SO_FAR, Cell, Column, Every, Figure
from serving.dashboard.measured import TREND
from serving.interventions.deciding.attention import is_changed, waits
from serving.interventions.tables import interventions

REASONS = (
    Column("period", "Period"),
    Column("row", "Reason"),
    Column("value", "People"),
)
_QUEUE = (Column("row", "What"), Column("value", "People"))
_ORDER: tuple[Every, ...] = ("month", "quarter", "week")


class Entry(NamedTuple):
    """One thing that happened to one person: which group it counts in, and a number it adds."""

    who: str
    at: datetime
    group: str
    number: float


Calendars = Mapping[Every, Sequence[Period]]
Tell = Callable[[Sequence[float]], tuple[float, float | None, float | None]]
"""Makes a value with its bounds from the numbers that were added."""


def calendars_of(keepwell: Keepwell, *, now: datetime) -> Calendars:
    """Give the last whole weeks, months and quarters, and the one that is not over yet."""
    zone = keepwell.settings.zone
    found: dict[Every, Sequence[Period]] = {}
    for every in EVERY:
        begun = floor(now, every, zone)
        whole = split(step(begun, every, -DEFAULT_COUNT[every]), begun, every, zone)
        found[every] = (*whole, Period(begun, step(begun, every), label(begun, every)))
    return found


def handled(
    conn: Connection, calendars: Calendars, desk: Desk, *, now: datetime
) -> tuple[Figure, ...]:
    """Count decisions of people over proposals, and refusals by reason, per period.

    Each is over the people concerned, not over how often something happened to them.
    """
    since = min(period.start for periods in calendars.values() for period in periods)
    asked = conn.execute(_PROPOSED, {"since": since}).all()
    overridden = [Entry(r.customer_id, r.created_at, ALL, _overridden(r)) for r in _decided(asked)]
    waited = [Entry(r.customer_id, r.created_at, ALL, _minutes(r)) for r in _decided(asked)]
    figures = [_queue(conn, desk, now=now)]
    figures.append(
        _trend(
            "people_overridden",
            "Customers whose proposed contact was changed or rejected",
            "people whose proposed contact was changed or rejected at least once ÷ people whose "
            "proposed contact was decided, by when it was proposed",
            _cells("overridden", overridden, calendars, desk, _share, now=now),
            "share",
        )
    )
    figures.append(
        _trend(
            "approval_wait",
            "How long proposals waited",
            "median hours from a proposal until a person decided; of several for one customer "
            "their longest",
            _cells("waited", waited, calendars, desk, _hours, now=now),
            "hours",
        )
    )
    for kind, title in (("contact", "People left alone"), ("score", "Scores not given")):
        rows = conn.execute(_REFUSED, {"kind": kind, "since": since})
        entries = [Entry(r.person_id, r.recorded_at, r.reason or "not stated", 1.0) for r in rows]
        cells = _cells(f"{kind} refused", entries, calendars, desk, _count, now=now, disjoint=False)
        figures.append(
            Figure(
                name=f"refused_{kind}s",
                layer="operational",
                title=f"{title}, by reason",
                unit="count",
                shape="bars",
                about="people for whom the decision was refused for this reason at least once in "
                "the period; someone may be in several reasons",
                columns=REASONS,
                cells=cells,
                scale="people",
                note="" if cells else "nothing was refused",
            )
        )
    return tuple(figures)


def _queue(conn: Connection, desk: Desk, *, now: datetime) -> Figure:
    asked = select(_MINE.customer_id).where(_MINE.needs_person, waits(now))
    waiting = sorted({str(row.customer_id) for row in conn.execute(asked)})
    cell = Cell(row="waiting for a person", value=float(len(waiting)), people=len(waiting))
    adds = {(ALL, 0): Added(waiting, ())}
    told = desk.tell("queue", adds, lambda _: cell) if waiting else {}
    return Figure(
        name="queue",
        layer="operational",
        title="Customers whose proposed contact waits for a decision",
        unit="count",
        shape="headline",
        about="people with at least one proposed contact that somebody can still decide on",
        columns=_QUEUE,
        cells=tuple(told.values()) or (cell,),
        scale="people",
        goal="down",
    )


def _trend(name: str, title: str, about: str, cells: tuple[Cell, ...], unit: str) -> Figure:
    return Figure(
        name=name,
        layer="operational",
        title=title,
        unit="share" if unit == "share" else "hours",
        shape="trend",
        about=about,
        columns=TREND,
        cells=cells,
        note="" if cells else "nothing was proposed to a person yet",
    )


def _cells(
    name: str,
    entries: Sequence[Entry],
    calendars: Calendars,
    desk: Desk,
    tell: Tell,
    *,
    now: datetime,
    disjoint: bool = True,
) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for every in _ORDER:
        periods = calendars[every]
        adds = _adds(entries, periods)
        make = partial(_cell, every, periods, adds, tell, now)
        found += desk.tell(name, adds, make, periods=periods, disjoint=disjoint).values()
    return tuple(sorted(found, key=lambda c: (c.every, c.start, -(c.value or 0), c.row)))


def _cell(
    every: Every,
    periods: Sequence[Period],
    adds: Mapping[Place, Added],
    tell: Tell,
    now: datetime,
    place: Place,
) -> Cell:
    group, k = place
    period, numbers = periods[k], adds[place].numbers[0]
    value, low, high = tell(numbers)
    return Cell(
        row="" if group == ALL else group,
        every=every,
        period=period.label,
        start=f"{period.start:%Y-%m-%d}",
        end=f"{period.end:%Y-%m-%d}",
        value=value,
        low=low,
        high=high,
        people=len(numbers),
        note=SO_FAR if period.end > now else "",
    )


def _adds(entries: Iterable[Entry], periods: Sequence[Period]) -> dict[Place, Added]:
    """Gather who is in each group and period, each once, with the largest number they add."""
    own: dict[Place, dict[str, float]] = defaultdict(dict)
    for who, at, group, number in entries:
        for k, period in enumerate(periods):
            if period.start <= at < period.end:
                there = own[group, k]
                there[who] = max(number, there.get(who, number))
    return {
        place: Added(sorted(there), ([there[who] for who in sorted(there)],))
        for place, there in own.items()
    }


def _decided(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row.decided_at is not None]


def _overridden(row: Any) -> float:
    return float(row.status == "rejected" or is_changed(row))


def _minutes(row: Any) -> float:
    return float((row.decided_at - row.created_at).total_seconds() / 60)


def _share(numbers: Sequence[float]) -> tuple[float, float | None, float | None]:
    found = wilson(int(sum(numbers)), len(numbers))
    return (0.0, None, None) if found is None else (found.value, found.low, found.high)


def _hours(numbers: Sequence[float]) -> tuple[float, float | None, float | None]:
    return median(numbers) / 60, None, None


def _count(numbers: Sequence[float]) -> tuple[float, float | None, float | None]:
    return float(len(numbers)), None, None


_MINE = interventions.c
_PROPOSED = select(
    _MINE.customer_id, _MINE.status, _MINE.created_at, _MINE.decided_at, _MINE.message_before
).where(_MINE.needs_person, _MINE.created_at >= bindparam("since"))
_REFUSED = select(decisions.c.person_id, decisions.c.recorded_at, decisions.c.reason).where(
    decisions.c.kind == bindparam("kind"),
    decisions.c.outcome == "refused",
    decisions.c.person_id.is_not(None),  # someone who is not known is nobody to count
    decisions.c.recorded_at >= bindparam("since"),
    was_given(),
)
