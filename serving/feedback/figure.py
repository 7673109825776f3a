"""What an item is about as a figure: taken when it is opened, and again after the act.

A subject is a kind and a name: `measure:escalation`, `theme:delivery`, `keyword:parcel`,
`stage:support` (how texts sound there) or `stage:support:effort`, `complaints:contact`. Every
figure is over enough people, is compared with those given before, and has its interval.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any, NamedTuple

from sqlalchemy import func, select

from features.history import observed_until, read_all
from governance.disclosure.breakdown import NEAR
from governance.disclosure.published import Figure as Published
from governance.disclosure.published import (
    Register,
    cell_of,
    load_register,
    person_keys,
    trace_of,
)
from governance.errors import InsufficientData, InvalidInput
from governance.instants import parse_instant, to_micros, to_text
from governance.intervals import Interval, as_json, from_json
from outcomes.journey.worst import LENSES
from outcomes.keywords import keywords
from outcomes.measures.definition import Period, Terms
from outcomes.measures.estimate import total
from serving.bootstrap import Keepwell
from serving.figures import measure_home
from serving.journey import journey_of
from serving.published import give, person_key
from serving.rights.complaints import CATEGORIES
from serving.tables import complaints
from serving.text import home_themes, rules_for

KINDS = ("measure", "theme", "keyword", "stage", "complaints")
NOT_AN_EFFECT = (
    "a change between two equal windows, not an effect of the act: nobody was held out of it, and "
    "other things changed, too"
)
_MOST_WORDS = 10_000
_JUST_AFTER = timedelta(microseconds=1)


class Figure(NamedTuple):
    """One figure over [start, end); without a `value` the `note` says why."""

    subject: str
    start: datetime
    end: datetime
    value: Interval | None
    people: int | None
    unit: str
    note: str

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON, as it is kept."""
        return {
            **self._asdict(),
            "start": to_text(self.start),
            "end": to_text(self.end),
            "value": as_json(self.value),
        }

    @property
    def days(self) -> float:
        """How long its window is."""
        return (self.end - self.start) / timedelta(days=1)


def figure_of(stored: Mapping[str, Any]) -> Figure:
    """Read what `Figure.to_json` wrote; more may stand beside it."""
    own = {name: stored[name] for name in Figure._fields}
    return Figure(
        **{
            **own,
            "start": parse_instant(own["start"], UTC),
            "end": parse_instant(own["end"], UTC),
            "value": from_json(own["value"]),
        }
    )


def difference(before: Figure, after: Figure) -> Interval | None:
    """Give after − before with an interval from the two figures' own (MOVER), as if independent.

    Newcombe (1998), Zou & Donner (2008). People who are in both windows, and mostly keep their
    ways, make it wider than it need be. None where one of them has no value.
    """
    a, b = after.value, before.value
    if a is None or b is None:
        return None
    value = a.value - b.value
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(value, low, high)


def check_subject(keepwell: Keepwell, subject: str) -> tuple[str, str]:
    """Split a subject into kind and name; raises `InvalidInput` for what cannot be measured."""
    kind, _, name = subject.partition(":")
    if kind not in KINDS or not name.strip():
        raise InvalidInput(
            "what was given is no subject of an item",
            hint=f"write KIND:NAME with one of {', '.join(KINDS)}, as in measure:escalation",
        )
    if kind == "theme" and name not in {t.name for t in rules_for(keepwell.home.root).themes}:
        raise InvalidInput("there is no theme of this name", hint="see: keepwell text check")
    if kind == "complaints" and name not in CATEGORIES:
        raise InvalidInput(
            "there is no such category of complaint", hint=f"known are {', '.join(CATEGORIES)}"
        )
    if kind == "stage":
        _stage(name)
    return kind, name


def take_figure(
    keepwell: Keepwell, subject: str, *, start: datetime, end: datetime, now: datetime
) -> Figure:
    """Take the figure of a subject over [start, end)."""
    kind, name = check_subject(keepwell, subject)
    window = Period(start, end, f"{start:%Y-%m-%d} to {end:%Y-%m-%d}")
    window.check()
    found = _TAKERS[kind](keepwell, name, window, now)
    value, people, unit, note = found
    return Figure(subject, start, end, value, people, unit, note)


def known_until(keepwell: Keepwell, subject: str, *, now: datetime) -> datetime:
    """Give up to when a subject can be measured: complaints up to now, all else as the history."""
    is_now = subject.partition(":")[0] == "complaints"
    return now if is_now else history_end(keepwell, now=now)


def history_end(keepwell: Keepwell, *, now: datetime) -> datetime:
    """Give the instant after the last event; raises `InsufficientData` without a history."""
    with keepwell.database.read() as conn:
        last = observed_until(conn)
    if last is None:
        raise InsufficientData("there is no history", hint="import data first")
    return min(last + _JUST_AFTER, now)


_Taken = tuple[Interval | None, int | None, str, str]


def _measure(keepwell: Keepwell, name: str, window: Period, now: datetime) -> _Taken:
    found = measure_home(
        keepwell, start=window.start, end=window.end, now=now, names=[name], terms=Terms()
    ).taken.measures
    if len({each.name for each in found}) != 1:
        raise InvalidInput(
            "a family of measures is no figure", hint="name one measure, as in measure:escalation"
        )
    first = found[0]
    return first.value, first.people, first.unit, first.note


def _theme(keepwell: Keepwell, name: str, window: Period, now: datetime) -> _Taken:
    rules = rules_for(keepwell.home.root)
    told = home_themes(keepwell, now=now, start=window.start, end=window.end, rules=rules)
    for each in told.figures:
        if each.theme == name and not each.hidden and each.share is not None:
            return each.share, each.people, "share of those who wrote", each.note
    return None, None, "share of those who wrote", "too few people wrote about it"


def _keyword(keepwell: Keepwell, words: str, window: Period, now: datetime) -> _Taken:
    def work_out() -> tuple[_Taken, Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
            register = load_register(conn, min_people=permit.min_people)
            histories = read_all(conn, keepwell.store, permit, digests=False)
        found = keywords(
            histories,
            permit,
            window,
            limit=_MOST_WORDS,
            register=register,
            key=person_key(keepwell),
        )
        unit = "share of those who wrote"
        for each in found:
            if each.words == words:
                return (each.share, each.people, unit, ""), register
        return (None, None, unit, "too few people wrote it"), register

    return give(keepwell, work_out, now=now)


def _journey(keepwell: Keepwell, name: str, window: Period, now: datetime) -> _Taken:
    stage, lens = _stage(name)
    found = journey_of(keepwell, now=now, period=window)
    if stage not in found.stages:
        raise InvalidInput(
            "there is no stage of this name", hint=f"there are: {', '.join(found.stages)}"
        )
    cell = found.cell(stage)
    look = None if cell is None or cell.hidden else cell.looks[lens.name]
    if look is None or look.value is None:
        note = "nobody was there" if cell is None else (look.note if look is not None else "")
        return None, None, lens.says, note or "not measured: too few people, or none asked"
    return look.value, look.people, lens.says, look.note


def _complaints(keepwell: Keepwell, category: str, window: Period, now: datetime) -> _Taken:
    """Count complaints; two windows that differ in few people's complaints are not both told.

    The window of the same days is given as it was, where few have complained since.
    """
    mine, unit = complaints.c, "complaints"
    query = (
        select(mine.person_id, func.count())
        .where(
            mine.category == category,
            mine.received_at >= window.start,
            mine.received_at < window.end,
        )
        .group_by(mine.person_id)
    )

    def work_out() -> tuple[_Taken, Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
            register = load_register(conn, min_people=permit.min_people)
            found = conn.execute(query).all()
        people, counts = [each[0] for each in found], [float(each[1]) for each in found]
        if len(people) < permit.min_people:
            return (None, None, unit, "too few people complained to say how many"), register
        figure = Published(
            f"complaints {category}",
            cell_of(f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}"),
            to_micros(window.start),
            to_micros(window.end),
            len(people),
            trace_of(person_keys(people, person_key(keepwell)), counts),
        )
        value = total(sum(counts), sum(counts))
        if register.standing(figure) != "near":
            register.give(figure, {"value": as_json(value), "people": len(people)})
            return (value, len(people), unit, ""), register
        before = register.before(figure)
        if before is None:
            return (None, None, unit, NEAR.format(permit.min_people)), register
        told = from_json(before.body["value"]), before.body["people"], unit, before.said()
        return told, register

    return give(keepwell, work_out, now=now)


def _stage(name: str) -> tuple[str, Any]:
    stage, _, wanted = name.partition(":")
    for lens in LENSES:
        if lens.name == (wanted or "sentiment"):
            return stage, lens
    raise InvalidInput(
        "there is no such look at a stage",
        hint=f"write stage:NAME:LOOK with one of {', '.join(each.name for each in LENSES)}",
    )


_TAKERS = {
    "measure": _measure,
    "theme": _theme,
    "keyword": _keyword,
    "stage": _journey,
    "complaints": _complaints,
}
