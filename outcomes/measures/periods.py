"""Calendar periods: whole months, quarters, weeks or years of a time zone."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from outcomes.measures.definition import Period

Every = Literal["week", "month", "quarter", "year"]
DEFAULT_COUNT: dict[Every, int] = {"week": 13, "month": 12, "quarter": 8, "year": 5}
_MONTHS: dict[Every, int] = {"month": 1, "quarter": 3, "year": 12}


def split(start: datetime, end: datetime, every: Every, zone: ZoneInfo) -> tuple[Period, ...]:
    """Give the whole calendar periods inside [start, end), in order; none when none fits."""
    edges = [floor(start, every, zone)]
    while edges[-1] < end:
        edges.append(step(edges[-1], every))
    return tuple(
        Period(a, b, label(a, every)) for a, b in pairwise(edges) if a >= start and b <= end
    )


def floor(at: datetime, every: Every, zone: ZoneInfo) -> datetime:
    """Give the midnight in `zone` at which the period that holds `at` began."""
    day = at.astimezone(zone).date()
    if every == "week":
        day -= timedelta(days=day.weekday())
    else:
        months = _MONTHS[every]
        day = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return datetime.combine(day, time(), zone)


def step(at: datetime, every: Every, times: int = 1) -> datetime:
    """Move a wall-clock instant by whole periods; the day is capped at the month's last."""
    if every == "week":
        return at + timedelta(weeks=times)
    return _add_months(at, times * _MONTHS[every])


def longer(periods: Sequence[Period]) -> list[list[int]]:
    """Give which of the periods together make up a longer one that may be asked for.

    Months make quarters (and so years), quarters make years; of others all may.
    """
    made: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for k, period in enumerate(periods):
        days = round((period.end - period.start) / timedelta(days=1))
        year, quarter = period.start.year, (period.start.month + 2) // 3
        if 28 <= days <= 31:
            made[year, quarter].append(k)
        else:
            made[(year,) if 90 <= days <= 92 else ()].append(k)
    return list(made.values())


def months_before(at: datetime, count: int) -> tuple[Period, ...]:
    """Give the `count` months that end at `at`, oldest first; each begins on the same day."""
    edges = [_add_months(at, -k) for k in range(count, -1, -1)]
    return tuple(Period(a, b, f"{a:%Y-%m-%d}") for a, b in pairwise(edges))


def label(at: datetime, every: Every) -> str:
    """Call a period as people do: 2026, 2026-Q1, 2026-01, 2026-W05."""
    if every == "year":
        return f"{at:%Y}"
    if every == "quarter":
        return f"{at:%Y}-Q{(at.month + 2) // 3}"
    return f"{at:%Y-%m}" if every == "month" else f"{at:%G-W%V}"


def _add_months(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    following = divmod(year * 12 + month + 1, 12)
    last = (at.replace(year=following[0], month=following[1] + 1, day=1) - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))
