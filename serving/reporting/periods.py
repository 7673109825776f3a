"""Which week or quarter a report is about: the last whole one of the home's calendar."""

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from features.events import EARLIEST
from governance.errors import InvalidInput
from outcomes.measures.definition import Period
from outcomes.measures.periods import Every, floor, label, step

Kind = Literal["week", "quarter"]
BEFORE: dict[Kind, int] = {"week": 8, "quarter": 5}
"""How many periods a report shows side by side, its own the last."""

_WEEKS_OF_JOURNEY = 13
_SILENCE = timedelta(days=7)


def report_period(kind: Kind, end: datetime, zone: ZoneInfo) -> Period:
    """Give the last ISO week or calendar quarter of `zone` that is over by `end`.

    Raises `InvalidInput` for an end before 1900: no event lies there.
    """
    if end < EARLIEST:
        raise InvalidInput(
            "the end of the report lies before 1900, and no event does",
            hint="give a later --end, or leave it out",
        )
    until = floor(end, kind, zone)
    since = step(until, kind, -1)
    return Period(since, until, label(since, kind))


def begin_of(kind: Kind, period: Period) -> datetime:
    """Give where the first of the periods shown side by side begins."""
    every: Every = kind
    return step(period.end, every, -BEFORE[kind])


def journey_period(kind: Kind, period: Period) -> Period:
    """Give the time the map is drawn over: the quarter, or 13 weeks up to the week's end."""
    if kind == "quarter":
        return period
    return Period(
        period.end - timedelta(weeks=_WEEKS_OF_JOURNEY), period.end, f"13 weeks to {period.label}"
    )


def known_until(last: datetime, now: datetime) -> datetime:
    """Give up to when the history speaks: now, unless it has been silent for a week."""
    return now if now - last < _SILENCE else last
