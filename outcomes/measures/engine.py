"""Takes a measure: counts, hides what is too small, and says what is missing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from governance.disclosure.breakdown import Cell, decide
from governance.disclosure.published import Register, Trace
from outcomes.measures.definition import ALL, Definition, Measure, Period
from outcomes.measures.estimate import Tally, estimate
from outcomes.measures.events import EventTable
from outcomes.measures.giving import again, body_of, parts_of
from outcomes.measures.periods import longer

_TALLY = """
WITH cells AS (
    SELECT period, 'all' AS segment, x, y FROM person
    UNION ALL
    SELECT period, coalesce(segment, getvariable('no_group')), x, y
    FROM person LEFT JOIN groups USING (period, who) WHERE getvariable('grouped'))
SELECT segment, period, count(*), sum(x), sum(y), sum(x * x), sum(y * y), sum(x * y),
    bool_and(y = 1 AND x IN (0, 1))
FROM cells GROUP BY segment, period
"""

_TRACE = """
WITH adding AS (
    SELECT period, who, CASE WHEN getvariable('complement') THEN y - x ELSE x END AS x, y
    FROM person)
SELECT 'all' AS segment, period, who, x, y FROM adding
UNION ALL
SELECT coalesce(segment, getvariable('no_group')), period, who, x, y
FROM adding LEFT JOIN groups USING (period, who) WHERE getvariable('grouped')
"""

_TRACE_PARTS = """
SELECT part AS segment, period, who, x, y FROM person
"""

_TALLY_PARTS = """
SELECT part, period, count(*), sum(x), sum(y), sum(x * x), sum(y * y), sum(x * y),
    bool_and(y = 1 AND x IN (0, 1))
FROM person GROUP BY part, period
"""


def take(
    book: EventTable,
    definition: Definition,
    periods: Sequence[Period],
    register: Register | None = None,
) -> list[Measure]:
    """Give one measure for everyone, for each group and for its own parts, per period.

    `periods` are those the book was set to. There is always a figure, or a reason for none, for
    everyone in every period; groups and parts appear where there is somebody in them. What the
    `register` holds against a figure hides it, and what is given is noted there.
    """
    missing = why_missing(book, definition)
    if missing:
        return [blank(definition, book, period, missing) for period in periods]
    register = register or Register(min_people=book.permit.min_people)
    found: list[Measure] = []
    if definition.sql is not None:
        tallies, traces = _tallies(book, definition.sql, _TALLY, _TRACE, definition)
        found += _measures(book, definition, periods, tallies, traces, register)
    if definition.parts is not None:
        parts, marks = _tallies(book, definition.parts, _TALLY_PARTS, _TRACE_PARTS, definition)
        named = {(f"{definition.part_of} {g}", p): tally for (g, p), tally in parts.items()}
        marked = {(f"{definition.part_of} {g}", p): trace for (g, p), trace in marks.items()}
        if definition.sql is not None:
            named = {c: t for c, t in tallies.items() if c[0] == ALL} | named
            marked = {c: t for c, t in traces.items() if c[0] == ALL} | marked
        shown = _measures(book, definition, periods, named, marked, register, disjoint=False)
        found += [m for m in shown if definition.sql is None or m.segment != ALL]
    return found


def why_missing(book: EventTable, definition: Definition) -> str:
    """Say what a measure would need that there is not; an empty text when it can be taken."""
    here = book.kinds
    lacking = [
        need for need in definition.needs if not any(kind in here for kind in need.split(" or "))
    ]
    if lacking:
        return f"not measured: needs {' and '.join(lacking)} events"
    unstated = [name for name in definition.states if getattr(book.terms, name) is None]
    if unstated:
        return f"not measured: {', '.join(n.replace('_', ' ') for n in unstated)} is not stated"
    if definition.wellbeing and not book.rows(
        "SELECT 1 FROM events WHERE mood IS NOT NULL LIMIT 1"
    ):
        return (
            "not measured: needs texts in a known language of people who permit wellbeing_inference"
        )
    if definition.instrument is not None:
        return _why_no_answers(book, definition)
    return ""


def blank(
    definition: Definition,
    book: EventTable,
    period: Period,
    note: str,
    *,
    segment: str = ALL,
    hidden: bool = False,
) -> Measure:
    """Give a measure without a figure, and why."""
    return Measure(
        definition.name,
        definition.family,
        segment,
        period,
        None,
        None,
        None,
        None,
        unit_of(definition, book),
        definition.sentence(book.terms),
        note,
        hidden,
    )


def unit_of(definition: Definition, book: EventTable) -> str:
    """Name the unit; money is in the currency of the data."""
    if definition.unit != "money":
        return definition.unit
    return book.currency[0] or "money"


def _why_no_answers(book: EventTable, definition: Definition) -> str:
    ((answers, scales),) = book.rows(
        "SELECT count(*), count(DISTINCT (low, high)) FROM answers_all "
        "WHERE instrument = $instrument",
        {"instrument": definition.instrument},
    )
    if not answers:
        return f"not measured: needs survey events with instrument {definition.instrument}"
    if definition.one_scale and scales > 1:
        return f"not measured: answers lie on {scales} different scales and cannot be averaged"
    return ""


def _tallies(
    book: EventTable, query: str, summing: str, tracing: str, definition: Definition
) -> tuple[dict[Cell, Tally], dict[Cell, Trace]]:
    book.sql.execute("CREATE OR REPLACE TEMP TABLE person AS " + query, dict(definition.params))
    book.sql.execute("SET VARIABLE complement = $value", {"value": bool(definition.complement_of)})
    tallies = {(str(row[0]), int(row[1])): _tally(row) for row in book.rows(summing)}
    return tallies, book.traces(tracing)


def _tally(row: tuple[Any, ...]) -> Tally:
    x, y, xx, yy, xy = (0.0 if found is None else float(found) for found in row[3:8])
    return Tally(int(row[2]), x, y, xx, yy, xy, bool(row[8]))


def _measures(
    book: EventTable,
    definition: Definition,
    periods: Sequence[Period],
    tallies: Mapping[Cell, Tally],
    traces: Mapping[Cell, Trace],
    register: Register,
    *,
    disjoint: bool = True,
) -> list[Measure]:
    sizes = {cell: _size(tally, definition) for cell, tally in tallies.items()}
    people = {cell: tally.people for cell, tally in tallies.items()}
    parts = parts_of(book, definition, periods, sizes, traces, people=people)
    verdicts = decide(
        parts, register, book.permit.min_people, disjoint=disjoint, rows=longer(periods)
    )
    by_segment: dict[str, dict[int, Tally]] = defaultdict(dict)
    for (segment, k), tally in tallies.items():
        by_segment[segment][k] = tally
    found = []
    for segment in sorted(by_segment, key=lambda s: (s != ALL, s)):
        for k, period in enumerate(periods):
            if k not in by_segment[segment]:
                continue
            verdict = verdicts.get((segment, k))
            if verdict is not None and not verdict.shown:
                made = blank(definition, book, period, verdict.why, segment=segment, hidden=True)
                found.append(again(made, verdict))
                continue
            made = _measure(book, definition, period, segment, by_segment[segment][k])
            if verdict is not None:
                register.give(parts[segment, k].figure, body_of(made))
            found.append(made)
    if definition.sql is not None or not tallies:
        there = {k for segment, k in tallies if segment == ALL}
        empty = [p for k, p in enumerate(periods) if k not in there]
        found += [blank(definition, book, p, _why_empty(definition)) for p in empty]
    return found


def _why_empty(definition: Definition) -> str:
    if any("horizon" in name for name in definition.states):
        return "nobody whose horizon is over yet"
    if definition.wants:
        return f"not measured: no {definition.wants} in this period"
    return "nobody to measure in this period"


def _size(tally: Tally, definition: Definition) -> int:
    """How many people a cell is over; of two groups compared, the smaller counts."""
    if definition.method != "difference":
        return tally.people
    treated = round(tally.y)
    return min(treated, tally.people - treated)


def _measure(
    book: EventTable, definition: Definition, period: Period, segment: str, tally: Tally
) -> Measure:
    value = estimate(
        tally,
        definition.method,
        quarters=period.quarters,
        low=definition.low,
        high=definition.high,
    )
    numerator, denominator, note = tally.x, tally.y, ""
    if definition.method == "total":
        denominator = float(tally.people)
    elif definition.method == "per_quarter":
        denominator = period.quarters
    elif definition.method == "nps":
        n = tally.people
        variance = (tally.xx / n - (tally.x / n) ** 2) / n
        note = f"variance {variance:.6f}"
    elif definition.method == "difference":
        numerator = tally.xy
        others = tally.people - round(tally.y)
        note = f"the others: {tally.x - tally.xy:.0f} of {others}"
    return Measure(
        definition.name,
        definition.family,
        segment,
        period,
        value,
        numerator,
        denominator,
        tally.people,
        unit_of(definition, book),
        definition.sentence(book.terms),
        note if value is not None else "too little to estimate",
    )
