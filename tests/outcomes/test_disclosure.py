"""Everything is given by every filter, again and again; no two figures together tell of a few.

What is behind each figure is worked out here by other means, person by person.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest

from features.events import Event
from governance.disclosure.breakdown import ALL
from governance.disclosure.published import Register
from outcomes.measures.definition import Measure, Period
from tests.conftest import long_form
from tests.outcomes.conftest import event, on
from tests.outcomes.measuring import SHORT, take

LEAST = 5
MONTHS = tuple(Period(on(30 * k), on(30 * k + 30), f"m{k}") for k in range(3))
QUARTER = (Period(on(0), on(90), "q"),)
ODD = (Period(on(0), on(89), "short"), Period(on(3), on(90), "late"))
EVERYTHING = (MONTHS, QUARTER, ODD)
FILTERS = (None, "country", "plan", "language")

Added = Mapping[str, float]
"""What each person adds to a figure."""


class Row(NamedTuple):
    """One published figure; `fresh` unless it was repeated as it was given before."""

    by: str | None
    segment: str
    period: Period
    measure: Measure
    added: Added
    fresh: bool


def company(random: np.random.Generator) -> list[Event]:
    """Awkward groups: a tiny country, a language spoken in one country and by two more."""
    found: list[Event] = []
    for k in range(60):
        who = f"p{k}"
        country = "mt" if k < 2 else "at" if k < 12 else "de" if k < 30 else "uk"
        language = "german" if 2 <= k < 32 else "maltese" if k < 2 else "english"
        plan = str(random.choice(["basic", "pro", "team"], p=[0.6, 0.33, 0.07]))
        stated = {"country": country, "language": language, "plan": plan}
        found.append(event(who, "profile", -5, properties=stated))
        found += [
            event(who, "order", float(day), float(random.integers(1, 500)))
            for day in random.uniform(0, 90, random.poisson(2))
        ]
    return found


def later_states(events: Sequence[Event], random: np.random.Generator) -> Iterator[list[Event]]:
    """The same company as it is known later: a late row, a move, an erasure, many new rows."""
    known = list(events)
    yield known
    late = f"p{random.integers(60)}"
    known = [*known, event(late, "order", float(random.uniform(0, 90)), 77.0)]
    yield known
    moves = f"p{random.integers(60)}"
    known = [*known, event(moves, "profile", -1, properties={"plan": "pro", "country": "uk"})]
    yield known
    gone = f"p{random.integers(60)}"
    known = [e for e in known if e.customer_id != gone]
    yield known
    some = random.choice(60, 14, replace=False)
    known = [*known, *(event(f"p{k}", "order", float(random.uniform(0, 90)), 9.0) for k in some)]
    yield known


def behind(events: Sequence[Event], by: str | None, segment: str, period: Period) -> Added:
    """Work out who adds what to `order_value`."""
    added: dict[str, float] = {}
    for e in events:
        if e.kind == "order" and period.start <= e.occurred_at < period.end:
            added[e.customer_id] = added.get(e.customer_id, 0.0) + (e.value or 0.0)
    if segment == ALL or by is None:
        return added
    group: dict[str, str] = {}
    for e in sorted(events, key=lambda each: each.occurred_at):
        if e.kind == "profile" and by in e.properties and e.occurred_at <= period.start:
            group[e.customer_id] = str(e.properties[by])
    return {who: x for who, x in added.items() if group.get(who, "(none)") == segment}


def publish(events: Sequence[Event], register: Register) -> Iterator[Row]:
    for periods in EVERYTHING:
        for by in FILTERS:
            found = take(events, "order_value", periods=periods, by=by, register=register)
            for m in found.measures:
                if m.people is None:
                    continue
                added = behind(events, by, m.segment, m.period)
                fresh = not m.note.startswith("as given")
                if fresh:
                    assert m.numerator == pytest.approx(sum(added.values()))
                    assert m.people == len(added)
                yield Row(by, m.segment, m.period, m, added, fresh)


def differ_in(a: Added, b: Added) -> int:
    return sum(a.get(who) != b.get(who) for who in a.keys() | b.keys())


def what_is_left(rows: Sequence[Row]) -> Iterator[tuple[Row, Added]]:
    """Of each whole, what its shown groups leave over, whether they are new or given again."""
    for whole in (row for row in rows if row.segment == ALL and row.by is not None):
        left = {who: (1.0, x) for who, x in whole.added.items()}
        for row in rows:
            if (row.by, row.period) == (whole.by, whole.period) and row.segment != ALL:
                for who, x in row.added.items():
                    n, y = left.get(who, (0.0, 0.0))
                    left[who] = (n - 1.0, y - x)
        yield whole, {who: y or n for who, (n, y) in left.items() if n or abs(y) > 1e-9}


def as_known(row: Row, earlier: Sequence[Row]) -> Row:
    """A figure that is given again must be word for word the one given before."""
    key = (row.by, row.segment, row.period)
    same = [r for r in earlier if (r.by, r.segment, r.period) == key and r.fresh]
    assert same, row.measure.note
    last = same[-1]
    assert (row.measure.value, row.measure.people) == (last.measure.value, last.measure.people)
    return row._replace(added=last.added)


_SHORT_SEEDS = 2


@pytest.mark.parametrize("seed", range(12))
def test_all_pairs_of_everything_ever_given_tell_of_nobody_or_of_five(seed: int) -> None:
    if seed >= _SHORT_SEEDS:
        long_form()
    random = np.random.default_rng(seed)
    register = Register(min_people=LEAST)
    given: list[Row] = []
    left: list[Added] = []
    for events in later_states(company(random), random):
        rows: list[Row] = []
        for row in publish(events, register):
            rows.append(row if row.fresh else as_known(row, [*given, *rows]))
        left += [added for _, added in what_is_left(rows) if added]
        given += rows
    fresh = [row for row in given if row.fresh]
    assert all(len(row.added) >= LEAST for row in fresh)
    for a, b in combinations(fresh, 2):
        if a.period.start < b.period.end and b.period.start < a.period.end:
            n = differ_in(a.added, b.added)
            assert n == 0 or n >= LEAST, (a[:3], b[:3], n)
    assert all(len(added) >= LEAST for added in left)


def test_one_late_order_leaves_every_figure_as_it_was_given() -> None:
    random = np.random.default_rng(1)
    register = Register(min_people=LEAST)
    events = company(random)
    first = take(events, "order_value", periods=MONTHS, by="country", register=register)
    late = event("p40", "order", 15, 100.0)
    again = take([*events, late], "order_value", periods=MONTHS, by="country", register=register)

    assert [m.value for m in again.measures] == [m.value for m in first.measures]
    assert (
        sum(m.note.startswith("as given") for m in again.measures) == 2
    )  # everyone and uk, one month


def test_a_day_more_with_two_orders_in_it_is_not_given() -> None:
    events = [event(f"p{k}", "order", 10, 5.0) for k in range(20)]
    events += [event("p1", "order", 40.5, 700.0), event("p2", "order", 40.7, 900.0)]
    register = Register(min_people=LEAST)
    take(events, "order_value", periods=(Period(on(0), on(40), "a"),), register=register)
    longer = take(events, "order_value", periods=(Period(on(0), on(41), "b"),), register=register)

    (found,) = longer.measures
    assert found.hidden
    assert found.note == "fewer than 5 people's data differ from an earlier figure"


def test_a_year_that_moves_on_is_given_anew_once_five_people_changed() -> None:
    register = Register(min_people=LEAST)
    said = []
    for day in range(5):
        events = [event(f"p{k}", "order", 10, 5.0) for k in range(30)]
        events += [event(f"p{k}", "order", 50, 1.0) for k in range(2 * day)]
        year = Period(on(0), on(60 + day), f"to {day}", "the last year")
        (found,) = take(events, "order_value", periods=(year,), register=register).measures
        said.append((found.numerator, "as given" in found.note))

    assert said == [(150, False), (150, True), (150, True), (156, False), (156, True)]


def test_a_window_of_another_length_is_not_a_way_around() -> None:
    events = [event(f"p{k}", "order", 90, 5.0) for k in range(20)]
    events += [event(f"p{k}", "order", 100 - 31.5, 5.0) for k in range(20, 22)]
    events += [event(f"p{k}", "order", 10, 5.0) for k in range(22)]
    register = Register(min_people=LEAST)

    def active(days: int) -> Measure:
        terms = SHORT._replace(active_window_days=days)
        period = (Period(on(70), on(100), "p"),)
        return take(events, "active", periods=period, terms=terms, register=register).measures[0]

    assert active(45).shown
    assert active(31).hidden  # two people less are active


def test_churn_asked_after_an_erasure_does_not_tell_what_retention_did_not() -> None:
    events = [event(f"p{k}", "order", 95, 5.0) for k in range(20)]
    period = (Period(on(100), on(120), "p"),)
    register = Register(min_people=LEAST)
    take(events, "retention", periods=period, register=register)
    without = [each for each in events if each.customer_id != "p7"]

    (churn,) = take(without, "churn", periods=period, register=register).measures
    assert churn.hidden
    (churn,) = take(events, "churn", periods=period, register=register).measures
    assert churn.people == 20
