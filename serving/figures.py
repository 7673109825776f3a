"""A home's measures: its histories handed to the plain functions of `outcomes`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from features.events import EARLIEST
from features.history import customer_ids, observed_until, read_company, read_ranges
from governance.disclosure.published import Register, load_register
from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_micros
from governance.proof import AggregatePermit
from outcomes.measures import own
from outcomes.measures.catalogue import Taken, definitions, measure
from outcomes.measures.definition import Definition, Period, Terms
from outcomes.measures.events import PURPOSE, EventTable
from outcomes.measures.periods import DEFAULT_COUNT, Every, floor, split, step
from serving.bootstrap import Keepwell
from serving.published import DASHBOARD, give, person_key

_YEAR = timedelta(days=365)


class HomeMeasures(NamedTuple):
    """The periods that were measured, the figures over them and the terms they rest on."""

    periods: tuple[Period, ...]
    taken: Taken
    terms: Terms


class Cut(NamedTuple):
    """One calendar, and the attribute people are grouped by ("": by none)."""

    every: Every
    by: str


class CutMeasures(NamedTuple):
    """What was measured along one cut."""

    cut: Cut
    found: HomeMeasures


def own_measures(keepwell: Keepwell) -> tuple[Definition, ...]:
    """Read the `[[measure]]` tables of the settings; `ConfigurationError` lists every fault."""
    taken = frozenset(d.name for d in definitions(Terms()))
    return own.parse(keepwell.settings.measure, taken=taken)


def measure_home(
    keepwell: Keepwell,
    *,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    every: Every | None = None,
    by: str | None = None,
    names: Collection[str] = (),
    terms: Terms | None = None,
    progress: Callable[[str], None] = lambda said: None,
) -> HomeMeasures:
    """Give every measure, or those `names`, over [start, end); the last year by default.

    With `every` there is one figure per whole calendar period of the home's time zone inside
    [start, end), by default the last few. `by` adds one per group. How texts sound is judged for
    those who permit `wellbeing_inference`. A figure that differs in a few people from one that was
    given is not given: where it is the same one, it is given as it was then. Raises
    `InsufficientData` where nothing was imported.
    """
    terms = terms or Terms()
    check_ends(start, end)
    declared = own_measures(keepwell)

    def work_out() -> tuple[HomeMeasures, Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
            employees = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now, employees=True)
            periods = _periods(keepwell, start, min(end or _last(conn), now), every)
            if start is None and end is None and every is None:
                periods = [periods[0]._replace(series="the last year")]
            register = _register(conn, permit, periods)
            with _book(keepwell, conn, permit, terms, periods, declared, progress) as book:
                periods = _begun(periods, book, every)
                taken = measure(
                    book,
                    periods,
                    employees=employees,
                    by=by,
                    names=names,
                    own=declared,
                    register=register,
                    progress=progress,
                )
        return HomeMeasures(tuple(periods), taken, terms), register

    return give(keepwell, work_out, now=now)


def measure_cuts(
    keepwell: Keepwell,
    *,
    now: datetime,
    names: Mapping[Every, Collection[str]],
    most_attributes: int,
    most_values: int,
    terms: Terms | None = None,
    progress: Callable[[str], None] = lambda said: None,
) -> tuple[CutMeasures, ...]:
    """Give the `names` of measures per calendar, of everyone and by every attribute there is.

    The histories are read once. An attribute counts that has 2 to `most_values` values, the first
    `most_attributes` by name; without one there is a cut by none per calendar. What an earlier cut
    gave can hide cells of a later one, so the calendar that matters most comes first. Raises
    `InsufficientData` where nothing was imported.
    """
    terms = terms or Terms()
    declared = own_measures(keepwell)

    def work_out() -> tuple[tuple[CutMeasures, ...], Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
            employees = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now, employees=True)
            end = min(_last(conn), now)
            spans = {every: _periods(keepwell, None, end, every) for every in names}
            everything = [period for periods in spans.values() for period in periods]
            register = _register(conn, permit, everything)
            with _book(keepwell, conn, permit, terms, everything, declared, progress) as book:
                groups = _groupings(book, most_values)[:most_attributes]
                made = []
                for every, by in ((e, b) for e in names for b in groups or [""]):
                    progress(f"by {every}" + (f" and {by}" if by else ""))
                    periods = _begun(spans[every], book, every)
                    taken = measure(
                        book,
                        periods,
                        employees=employees,
                        by=by or None,
                        names=names[every],
                        own=declared,
                        register=register,
                    )
                    found = HomeMeasures(tuple(periods), taken, terms)
                    made.append(CutMeasures(Cut(every, by), found))
        return tuple(made), register

    return give(keepwell, work_out, now=now)


def check_ends(start: datetime | None, end: datetime | None) -> None:
    """Raise `InvalidInput` for a period that no history can reach."""
    if start is not None and end is not None and start >= end:
        raise InvalidInput("the period ends before it starts", hint="give --start before --end")
    for name, instant in (("start", start), ("end", end)):
        if instant is not None and instant < EARLIEST:
            raise InvalidInput(
                f"the {name} of the period lies before 1900, and no event does",
                hint=f"give a later --{name}, or leave it out",
            )


def _last(conn: Connection) -> datetime:
    last = observed_until(conn)
    if last is None:
        raise InsufficientData("there is no history", hint="import data first")
    return last


def _register(conn: Connection, permit: AggregatePermit, periods: Sequence[Period]) -> Register:
    return load_register(
        conn,
        min_people=permit.min_people,
        since=to_micros(min(each.start for each in periods)),
        until=to_micros(max(each.end for each in periods)),
        but=DASHBOARD,
    )


@contextmanager
def _book(
    keepwell: Keepwell,
    conn: Connection,
    permit: AggregatePermit,
    terms: Terms,
    periods: Sequence[Period],
    declared: Sequence[Definition],
    progress: Callable[[str], None],
) -> Iterator[EventTable]:
    """Load everybody's events; how texts sound is known of those who permit that."""
    wellbeing, _ = keepwell.registry.permit_many(
        conn, "wellbeing_inference", customer_ids(conn), now=permit.judged_at
    )
    earliest = min(p.start - 2 * (p.end - p.start) for p in periods) - _YEAR
    with EventTable(
        permit,
        terms,
        wellbeing=wellbeing if wellbeing.customers else None,
        mood_since=to_micros(earliest),
        full=own.kinds_of(declared),
        key=person_key(keepwell),
    ) as book:
        progress("reading the histories")
        for subject in ("customer", "visitor"):
            for histories in read_ranges(conn, keepwell.store, permit, subject=subject):
                book.add(histories)
        book.add(read_company(conn, keepwell.store))
        yield book


def _groupings(book: EventTable, most_values: int) -> list[str]:
    """Name the attributes that tell people apart into a few groups, in order of their names."""
    count = (
        "SELECT count(DISTINCT json_extract_string(properties, $path)) FROM events "
        "WHERE subject <> 'company' AND kind IN ('profile', 'plan_changed', 'renewed')"
    )
    found = []
    for name in sorted(book.attributes):
        ((values,),) = book.rows(count, {"path": f'$."{name}"'})
        if 2 <= values <= most_values:
            found.append(name)
    return found


def _periods(
    keepwell: Keepwell, start: datetime | None, end: datetime, every: Every | None
) -> Sequence[Period]:
    if every is None:
        only = Period(start or end - _YEAR, end)
        only.check()
        return [only._replace(label=f"{only.start:%Y-%m-%d} to {only.end:%Y-%m-%d}")]
    zone = keepwell.settings.zone
    begin = start or step(floor(end, every, zone), every, -DEFAULT_COUNT[every])
    found = split(begin, end, every, zone)
    if not found:
        raise InvalidInput(
            f"no whole {every} lies between {begin:%Y-%m-%d} and {end:%Y-%m-%d}",
            hint="name an earlier --start, or shorter periods",
        )
    return found


def _begun(periods: Sequence[Period], book: EventTable, every: Every | None) -> Sequence[Period]:
    """Leave out calendar periods that were over before the first event."""
    first = book.observed_since
    if every is None or first is None:
        return periods
    return [p for p in periods if p.end > first] or periods
