"""A measure as a figure that is given: told apart from every other, and given again as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from governance.disclosure.breakdown import Cell, Part, Verdict
from governance.disclosure.published import Figure, Trace, cell_of
from governance.instants import to_micros
from governance.intervals import Interval
from outcomes.measures.definition import Definition, Measure, Period
from outcomes.measures.events import EventTable


def parts_of(
    book: EventTable,
    definition: Definition,
    periods: Sequence[Period],
    sizes: Mapping[Cell, int],
    traces: Mapping[Cell, Trace],
    *,
    people: Mapping[Cell, int] | None = None,
) -> dict[Cell, Part]:
    """Give the cells of one measure as figures that can be compared with those given before.

    `sizes` say how many people a cell must be judged by, `people` how many add to it where that is
    another number.
    """
    said = (definition.sentence(book.terms), definition.sql, definition.parts, definition.params)
    found = {}
    for (segment, k), n in sizes.items():
        period = periods[k]
        since, until = to_micros(period.start), to_micros(period.end)
        when = period.series or (since, until)
        cell = cell_of(when, book.by, segment, said)
        who = n if people is None else people[segment, k]
        kind = definition.complement_of or definition.name
        figure = Figure(kind, cell, since, until, who, traces[segment, k])
        found[segment, k] = Part(n, figure)
    return found


def body_of(measure: Measure) -> dict[str, Any]:
    """Give what is shown of a measure, to be shown again."""
    return {
        "value": measure.value,
        "numerator": measure.numerator,
        "denominator": measure.denominator,
        "people": measure.people,
        "note": measure.note,
        "period": measure.period.label,
    }


def again(hidden: Measure, verdict: Verdict) -> Measure:
    """Give a hidden measure as it was given before, saying when; hidden where it never was."""
    before = verdict.before
    if before is None:
        return hidden
    body = before.body
    over = f" over {body['period']}" if body["period"] != hidden.period.label else ""
    return hidden._replace(
        value=None if body["value"] is None else Interval(*body["value"]),
        numerator=body["numerator"],
        denominator=body["denominator"],
        people=body["people"],
        note="; ".join(filter(None, (body["note"], before.said() + over))),
        hidden=False,
    )
