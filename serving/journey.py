"""A home's journey map: its histories handed to the plain functions of `outcomes.journey`."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from features.history import customer_ids, observed_until, read_ranges
from governance.disclosure.published import Register, load_register
from governance.errors import InsufficientData
from governance.instants import to_micros, to_text
from governance.intervals import as_json
from outcomes.journey.map import Journey, JourneyCell, Told, journey_map
from outcomes.journey.stages import stages_of
from outcomes.journey.table import JourneyTable
from outcomes.journey.worst import LENSES
from outcomes.measures.definition import Period
from outcomes.measures.events import PURPOSE
from outcomes.measures.periods import floor, split, step
from serving.bootstrap import Keepwell
from serving.figures import check_ends
from serving.published import give, person_key
from serving.text import rules_for

_YEAR = timedelta(days=365)
_JUST_AFTER = timedelta(microseconds=1)
QUARTERS = 4
"""How many whole quarters are drawn beside the last year."""


class Asked(NamedTuple):
    """One map to draw: of which period, and by which groups."""

    period: Period
    by: str | None = None


def journey_of(
    keepwell: Keepwell,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    by: str | None = None,
    period: Period | None = None,
    progress: Callable[[str], None] = lambda said: None,
) -> Journey:
    """Draw the map of [start, end), or of `period`; the last year of the history by default.

    How texts sound is judged for those who permit `wellbeing_inference`. Raises
    `InsufficientData` where nothing was imported, `ConfigurationError` for stages that cannot be.
    """
    check_ends(start, end)
    usual = start is None and end is None

    def plan(last: datetime, attributes: frozenset[str]) -> list[Asked]:
        over = period or _period(start, min(end or last + _JUST_AFTER, now), usual=usual)
        return [Asked(over, by)]

    [found] = _drawn(keepwell, plan, now=now, progress=progress)
    return found


def journeys_of(
    keepwell: Keepwell,
    by: Sequence[str] = (),
    *,
    now: datetime,
    progress: Callable[[str], None] = lambda said: None,
) -> tuple[Journey, ...]:
    """Draw the maps of the last year and of the last whole quarters at once, each also by group.

    The histories are read once. An attribute nobody has is left out. Raises as `journey_of` does.
    """

    def plan(last: datetime, attributes: frozenset[str]) -> list[Asked]:
        zone = keepwell.settings.zone
        end = min(last + _JUST_AFTER, now)
        begin = step(floor(end, "quarter", zone), "quarter", -QUARTERS)
        periods = [_period(None, end, usual=True), *reversed(split(begin, end, "quarter", zone))]
        groups = [None, *(each for each in by if each in attributes)]
        return [Asked(period, group) for period in periods for group in groups]

    return _drawn(keepwell, plan, now=now, progress=progress)


Plan = Callable[[datetime, frozenset[str]], Sequence[Asked]]


def _drawn(
    keepwell: Keepwell,
    plan: Plan,
    *,
    now: datetime,
    progress: Callable[[str], None],
) -> tuple[Journey, ...]:
    """Read the histories once and draw what is asked, given when they end and what groups exist."""
    rules = rules_for(keepwell.home.root)
    stages = stages_of(keepwell.settings.journey)

    def work_out() -> tuple[tuple[Journey, ...], Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
            last = observed_until(conn)
            if last is None:
                raise InsufficientData("there is no history", hint="import data first")
            first = min(each.period.start for each in _checked(plan(last, frozenset())))
            wellbeing, _ = keepwell.registry.permit_many(
                conn, "wellbeing_inference", customer_ids(conn), now=now
            )
            with JourneyTable(
                permit,
                rules,
                stages,
                wellbeing=wellbeing if wellbeing.customers else None,
                mood_since=to_micros(first),
                key=person_key(keepwell),
            ) as table:
                progress("reading the histories")
                for subject in ("customer", "visitor"):
                    for histories in read_ranges(conn, keepwell.store, permit, subject=subject):
                        table.add(histories)
                progress("drawing the map")
                asked = plan(last, table.attributes)
                register = load_register(
                    conn,
                    min_people=permit.min_people,
                    since=to_micros(first),
                    until=to_micros(max(each.period.end for each in asked)),
                )
                found = tuple(
                    journey_map(table, each.period, by=each.by, register=register) for each in asked
                )
                return found, register

    return give(keepwell, work_out, now=now)


def _checked(asked: Sequence[Asked]) -> Sequence[Asked]:
    for each in asked:
        each.period.check()
    return asked


def journey_json(found: Journey) -> dict[str, Any]:
    """Give plain JSON: cells with their intervals, and what is claimed through each lens."""
    return {
        "start": to_text(found.period.start),
        "end": to_text(found.period.end),
        "by": found.by,
        "people": found.people,
        "stages": list(found.stages),
        "lenses": {lens.name: lens.says for lens in LENSES},
        "cells": [_cell_json(each) for each in found.cells],
        "worst": [
            {
                **each._asdict(),
                "compared": list(each.compared),
                "differences": [
                    {"stage": d.stage, **d.difference.to_json()} for d in each.differences
                ],
            }
            for each in found.worst
        ],
    }


def _cell_json(cell: JourneyCell) -> dict[str, Any]:
    return {
        **cell._asdict(),
        "share": as_json(cell.share),
        "looks": {
            name: {"value": as_json(look.value), "people": look.people, "note": look.note}
            for name, look in cell.looks.items()
        },
        **{
            field: [_told_json(each) for each in getattr(cell, field)]
            for field in ("pains", "gains", "thinking", "doing")
        },
    }


def _told_json(told: Told) -> dict[str, Any]:
    return {**told._asdict(), "share": told.share.to_json()}


def _period(start: datetime | None, end: datetime, *, usual: bool) -> Period:
    only = Period(start or end - _YEAR, end, series="the last year" if usual else "")
    only.check()
    return only._replace(label=f"{only.start:%Y-%m-%d} to {only.end:%Y-%m-%d}")
