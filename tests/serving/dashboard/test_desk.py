"""Figures leave past what was given before: as they are, as they were, or not at all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.disclosure.published import (
    Figure,
    Register,
    load_register,
    person_keys,
    trace_of,
)
from outcomes.measures.definition import Period
from serving.dashboard.desk import ALL, Added, Desk, Place, open_desk
from serving.dashboard.figure import SO_FAR, Cell
from serving.published import DASHBOARD
from tests.serving.conftest import Shop

LEAST = 5
Brought = Mapping[str, float]


def desk() -> Desk:
    return Desk(Register(min_people=LEAST), b"key")


def tell(
    at: Desk, brought: Mapping[Place, Brought], *, periods: tuple[Period, ...] = ()
) -> dict[Place, Cell]:
    adds = {
        place: Added(sorted(own), ([own[who] for who in sorted(own)],))
        for place, own in brought.items()
    }

    def make(place: Place) -> Cell:
        return Cell(value=sum(brought[place].values()), people=len(brought[place]))

    return at.tell("sums", adds, make, periods=periods)


def each(count: int, amount: float = 1.0, *, first: int = 0) -> dict[str, float]:
    return {f"c{k}": amount for k in range(first, first + count)}


def test_five_people_are_told_and_four_are_not() -> None:
    at = desk()
    [five] = tell(at, {(ALL, 0): each(5)}).values()
    [four] = tell(desk(), {(ALL, 0): each(4)}).values()
    assert (five.value, five.people, five.hidden) == (5.0, 5, False)
    assert (four.value, four.people, four.hidden) == (None, None, True)
    assert four.note == "too few people to show"


def test_the_few_behind_a_whole_and_its_other_part_are_not_told() -> None:
    told = tell(
        desk(), {(ALL, 0): each(23), ("reached", 0): each(20), ("others", 0): each(3, first=20)}
    )
    shown = {group for (group, _), cell in told.items() if cell.value is not None}
    assert shown in ({ALL}, {"reached"})


def test_one_more_order_repeats_the_figure_as_it_was_given() -> None:
    at = desk()
    tell(at, {(ALL, 0): each(20)})
    [again] = tell(at, {(ALL, 0): each(20) | {"c3": 9.0}}).values()
    assert again.value == 20.0
    assert again.note == "as given"


def test_what_is_repeated_of_a_period_that_runs_still_says_so() -> None:
    at = desk()
    running = Cell(value=20.0, people=20, note=SO_FAR)
    people = [f"c{k}" for k in range(20)]
    for paid in (1.0, 2.0):
        adds = {(ALL, 0): Added(people, ([paid, *[1.0] * 19],))}
        [cell] = at.tell("sums", adds, lambda _: running).values()
    assert (cell.note, cell.runs) == ("so far, as given", True)


def test_a_figure_is_renewed_once_five_people_changed() -> None:
    at = desk()
    tell(at, {(ALL, 0): each(20)})
    [new] = tell(at, {(ALL, 0): each(20) | each(5, 2.0)}).values()
    assert (new.value, new.note) == (25.0, "")


def test_figures_of_months_that_share_no_day_are_not_compared() -> None:
    days = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    january, february = Period(days[0], days[1], "2026-01"), Period(days[1], days[2], "2026-02")
    months = (january, february)
    told = tell(desk(), {(ALL, 0): each(8), (ALL, 1): each(9)}, periods=months)
    assert [cell.value for cell in told.values()] == [8.0, 9.0]


PARTS = st.lists(st.sampled_from("abc"), min_size=5, max_size=40)


@settings(max_examples=100, deadline=None)
@given(drawn=PARTS, changed=st.sets(st.integers(0, 39), max_size=6), gone=st.integers(0, 39))
def test_no_two_looks_differ_in_a_few_people(
    drawn: list[str], changed: set[int], gone: int
) -> None:
    at = desk()
    known: list[dict[str, float]] = []
    first = {f"c{k}": 1.0 for k in range(len(drawn))}
    then = {who: 2.0 if int(who[1:]) in changed else 1.0 for who in first}
    last = {who: amount for who, amount in then.items() if who != f"c{gone}"}
    for look in (first, then, last):
        brought: dict[Place, dict[str, float]] = {(ALL, 0): look}
        for group in "abc":
            own = {who: x for who, x in look.items() if drawn[int(who[1:])] == group}
            if own:
                brought[group, 0] = own
        for place, cell in tell(at, brought).items():
            if cell.value is not None and not cell.note:
                known.append(brought[place])
    for a, b in combinations(known, 2):
        apart = sum(a.get(who) != b.get(who) for who in a.keys() | b.keys())
        assert apart == 0 or apart >= LEAST
    assert all(len(own) >= LEAST for own in known)


def test_other_figures_are_not_compared_with_the_dashboards_and_it_not_with_them(
    shop: Shop,
) -> None:
    at = open_desk(shop.keepwell, now=shop.clock())
    tell(at, {(ALL, 0): each(20)})
    others = Figure("retention", "cell", 0, 9, 20, trace_of(person_keys(["c1"], b"key")))
    at.register.give(others, {"value": 1.0})
    with shop.keepwell.database.write() as conn:
        at.register.save(conn, now=shop.clock())
        mine = load_register(conn, min_people=LEAST, only=DASHBOARD)
        rest = load_register(conn, min_people=LEAST, but=DASHBOARD)
    assert (mine.standing(others), rest.standing(others)) == ("new", "known")
    [again] = tell(Desk(mine, at.key), {(ALL, 0): each(20) | {"c3": 9.0}}).values()
    assert again.note == f"as given on {shop.clock():%Y-%m-%d}"
