"""What the company itself does and goes through: incidents, releases, its own people.

Nothing here is about one person. Figures about employees come as aggregates (head counts, numbers
of respondents); who someone is was dropped at import, and fewer than ten are never shown.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from governance.disclosure.breakdown import FEW
from governance.intervals import Interval, mean_interval, wilson
from governance.proof import AggregatePermit
from outcomes.measures.definition import Definition, Measure, Period
from outcomes.measures.engine import blank, why_missing
from outcomes.measures.estimate import total
from outcomes.measures.events import EventTable

MIN_EMPLOYEES = 10

_RESPONSE = Definition(
    name="incident_first_response",
    family="company",
    unit="hours",
    says="mean of first response − start of the period's incidents that were responded to",
    needs=("incident",),
)
_RESOLUTION = Definition(
    name="incident_resolution",
    family="company",
    unit="hours",
    says="mean of resolution − start of the period's incidents that were resolved",
    needs=("incident",),
)
_NEGATIVE = Definition(
    name="negative_incidents",
    family="company",
    unit="per quarter",
    says="incidents that began in the period (unless marked `negative` = false) ÷ its quarters",
    needs=("incident",),
)
_INNOVATION = Definition(
    name="innovation_rate",
    family="company",
    unit="per quarter",
    says="releases of the period that cite a feedback item (`feedback`) ÷ its quarters",
    needs=("release",),
)
_CITED = Definition(
    name="releases_from_feedback",
    family="company",
    unit="share",
    says="releases of the period that cite a feedback item (`feedback`) ÷ its releases",
    needs=("release",),
)
_TURNOVER = Definition(
    name="employee_turnover",
    family="company",
    unit="share",
    says=(
        "employees who left in the period (staff events with `change` = left) ÷ mean head count of "
        "its staff events without a change; at least 10 employees"
    ),
    needs=("staff",),
)
_ENGAGEMENT = Definition(
    name="employee_engagement",
    family="company",
    unit="share",
    says=(
        "favourable answers (`favourable`) ÷ `respondents` of the period's newest staff survey; at "
        "least 10 respondents"
    ),
    needs=("staff",),
)

DEFINITIONS = (
    _RESPONSE,
    _RESOLUTION,
    _NEGATIVE,
    _INNOVATION,
    _CITED,
    _TURNOVER,
    _ENGAGEMENT,
)

_INCIDENTS = """
SELECT p.period, (i.responded - i.ts) / 3600000000.0, (i.resolved - i.ts) / 3600000000.0, i.negative
FROM incidents AS i JOIN periods AS p ON i.ts >= p.since AND i.ts < p.until
"""
_RELEASES = """
SELECT p.period, count(*), count(*) FILTER (coalesce((e.properties ->> 'feedback'), '') NOT IN
    ('', '[]'))
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject = 'company' AND e.kind = 'release' GROUP BY p.period
"""
_STAFF = """
SELECT p.period,
    sum(coalesce(e.value, 1)) FILTER ((e.properties ->> 'change') = 'left'),
    avg(e.value) FILTER ((e.properties ->> 'change') IS NULL
        AND (e.properties ->> 'respondents') IS NULL),
    last(TRY_CAST((e.properties ->> 'favourable') AS DOUBLE) ORDER BY e.ts)
        FILTER ((e.properties ->> 'respondents') IS NOT NULL),
    last(TRY_CAST((e.properties ->> 'respondents') AS DOUBLE) ORDER BY e.ts)
        FILTER ((e.properties ->> 'respondents') IS NOT NULL)
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject = 'company' AND e.kind = 'staff' GROUP BY p.period
"""


def company(
    book: EventTable,
    periods: Sequence[Period],
    definitions: Sequence[Definition],
    *,
    employees: AggregatePermit,
) -> list[Measure]:
    """Give the figures about the company itself; `employees` is the permit for those about staff.

    Raises `PermissionRefused` for a permit that is void or for another purpose.
    """
    employees.require("aggregate")
    incidents = book.rows(_INCIDENTS)
    releases = {row[0]: row[1:] for row in book.rows(_RELEASES)}
    staff = {row[0]: row[1:] for row in book.rows(_STAFF)}
    found = []
    for definition in definitions:
        missing = why_missing(book, definition)
        for k, period in enumerate(periods):
            empty = blank(definition, book, period, missing or "nothing of it in this period")
            if missing:
                found.append(empty)
            elif "incident" in definition.needs:
                here = [row[1:] for row in incidents if row[0] == k]
                found.append(_incident(empty, definition, here))
            elif "release" in definition.needs:
                found.append(_release(empty, definition, releases.get(k, (0, 0))))
            else:
                row = staff.get(k, (None, None, None, None))
                found.append(_staff(empty, definition, row, employees))
    return found


def _incident(empty: Measure, definition: Definition, rows: list[tuple[Any, ...]]) -> Measure:
    if definition is _NEGATIVE:
        return _rate(empty, sum(bool(negative) for _, _, negative in rows))
    place = 0 if definition is _RESPONSE else 1
    hours = np.array([row[place] for row in rows if row[place] is not None], np.float64)
    value = mean_interval(hours)
    if value is None:
        note = f"one incident, {hours[0]:.1f} hours: no interval" if len(hours) else empty.note
        return empty._replace(note=note)
    return empty._replace(
        value=Interval(value.value, max(value.low, 0.0), value.high),
        numerator=float(hours.sum()),
        denominator=float(len(hours)),
        note="",
    )


def _release(empty: Measure, definition: Definition, row: tuple[Any, ...]) -> Measure:
    released, citing = int(row[0]), int(row[1])
    if definition is _INNOVATION:
        return _rate(empty, citing)
    return empty._replace(
        value=wilson(citing, released),
        numerator=float(citing),
        denominator=float(released),
        note="" if released else empty.note,
    )


def _rate(empty: Measure, count: int) -> Measure:
    quarters = empty.period.quarters
    return empty._replace(
        value=total(float(count), float(count), quarters),
        numerator=float(count),
        denominator=quarters,
        note="",
    )


def _staff(
    empty: Measure, definition: Definition, row: tuple[Any, ...], employees: AggregatePermit
) -> Measure:
    left, heads, favourable, respondents = row
    people = heads if definition is _TURNOVER else respondents
    if people is None or (definition is _ENGAGEMENT and favourable is None):
        wanted = "a head count" if definition is _TURNOVER else "a survey of employees"
        return empty._replace(note=f"not measured: no staff event of this period states {wanted}")
    if not employees.allows(int(people)) or people < MIN_EMPLOYEES:
        return empty._replace(note=FEW, hidden=True)
    if definition is _ENGAGEMENT:
        value = wilson(round(favourable), round(respondents))
        return empty._replace(
            value=value,
            numerator=float(favourable),
            denominator=float(respondents),
            people=int(respondents),
            note="",
        )
    gone = float(left or 0)
    return empty._replace(
        value=total(gone, gone, float(heads)),
        numerator=gone,
        denominator=float(heads),
        people=int(heads),
        note="",
    )
