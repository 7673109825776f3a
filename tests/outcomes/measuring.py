"""Takes one measure over a handful of events, as a person would to check it by hand."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from features.events import Event, keepwell_event
from features.history import from_events
from governance import tables as governance_tables
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.disclosure.published import Register
from governance.proof import AggregatePermit
from outcomes.measures.catalogue import Taken, measure
from outcomes.measures.definition import ALL, Definition, Measure, Period, Terms
from outcomes.measures.events import EventTable
from serving.database import Database, create_tables, sqlite_url
from tests.features.sample import permit as permit_of
from tests.outcomes.conftest import NOW, event, on

PERIOD = Period(on(100), on(200), "days 100 to 200")
SHORT = Terms(active_window_days=30, horizon_days=60, margin_share=0.5, discount_rate=0.0)
FIVE = tuple(f"c{k}" for k in range(5))
TEN = tuple(f"c{k}" for k in range(10))


class Example(NamedTuple):
    """A tiny table and what is to come of it."""

    events: Sequence[Event]
    value: float
    numerator: float | None = None
    denominator: float | None = None


@cache
def permits() -> tuple[AggregatePermit, AggregatePermit]:
    """Give the permits for figures over at least 5 people and at least 10 employees."""
    database = Database(sqlite_url(Path(tempfile.mkdtemp(prefix="keepwell-tests-")) / "c.db"))
    create_tables(database, governance_tables.metadata)
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with database.read() as conn:
        return (
            registry.aggregate_permit(conn, "aggregate", now=NOW),
            registry.aggregate_permit(conn, "aggregate", now=NOW, employees=True),
        )


def company(kind: str, day: float, value: float | None = None, **properties: Any) -> Event:
    """Make an event of the company itself."""
    return event("the company", kind, day, value, subject="company", properties=properties)


def each(
    people: Iterable[str], kind: str, day: float, value: float | None = None, **properties: Any
) -> list[Event]:
    """Make the same event of each of these people."""
    return [event(who, kind, day, value, properties=properties) for who in people]


def assigned(who: str, arm: str, day: float) -> Event:
    """Make an assignment by the playbook `note`."""
    return keepwell_event(
        "intervention_assigned",
        who,
        event_id=f"{who}-note",
        occurred_at=on(day),
        known_at=on(day),
        properties={"playbook": "note", "arm": arm},
    )


def take(
    events: Sequence[Event],
    *names: str,
    periods: Sequence[Period] = (PERIOD,),
    terms: Terms = SHORT,
    by: str | None = None,
    own: Sequence[Definition] = (),
    wellbeing: Sequence[str] = (),
    register: Register | None = None,
    **options: Any,
) -> Taken:
    """Take measures over events; `wellbeing` names whose texts may be judged."""
    people, employees = permits()
    allowed = permit_of("wellbeing_inference", wellbeing) if wellbeing else None
    with EventTable(people, terms, wellbeing=allowed, **options) as book:
        for subject in ("customer", "visitor", "company"):
            book.add(from_events(events, subject=subject))
        return measure(
            book, periods, employees=employees, by=by, names=names, own=own, register=register
        )


def figure(events: Sequence[Event], name: str, **options: Any) -> Measure:
    """Take one measure over one period, for everyone (or its only part)."""
    found = [m for m in take(events, name, **options).measures if m.name == name]
    return next((m for m in found if m.segment == ALL), found[0])


def check(name: str, example: Example, **options: Any) -> None:
    """See that an example comes out as worked by hand, with an interval around it."""
    found = figure(example.events, name, **options)
    assert found.value is not None, found.note
    assert abs(found.value.value - example.value) < 1e-6 * max(1.0, abs(example.value)), found
    assert found.value.low <= found.value.value <= found.value.high
    if example.numerator is not None:
        assert (found.numerator, found.denominator) == (example.numerator, example.denominator)


Make = Callable[[], Example]
