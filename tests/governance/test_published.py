"""What was given before: figures that differ in a few people are found, whatever came between."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from governance.disclosure.published import (
    Figure,
    Register,
    cell_of,
    load_register,
    person_keys,
    trace_of,
)
from serving.database import Database

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TEN = [f"c{k}" for k in range(10)]


def figure(
    people: Sequence[str] | Mapping[str, float], *, cell: str = "all", since: int = 0
) -> Figure:
    added = people if isinstance(people, Mapping) else dict.fromkeys(people, 1.0)
    trace = trace_of(person_keys(list(added), b"secret"), list(added.values()))
    return Figure("retention", cell_of(cell), since, since + 100, len(added), trace)


def register(*given: Figure) -> Register:
    made = Register(min_people=5)
    for each in given:
        made.give(each, {"value": 1})
    return made


def test_the_same_people_adding_the_same_are_known() -> None:
    assert register(figure(TEN)).standing(figure(TEN[::-1], cell="other")) == "known"


def test_one_person_more_is_near() -> None:
    assert register(figure(TEN)).standing(figure([*TEN, "eve"])) == "near"


def test_one_person_who_adds_something_else_is_near() -> None:
    changed = dict.fromkeys(TEN, 1.0) | {"c3": 2.0}
    assert register(figure(TEN)).standing(figure(changed)) == "near"


def test_thirty_others_are_new() -> None:
    assert register(figure(TEN)).standing(figure([f"d{k}" for k in range(30)])) == "new"


def test_figures_over_other_times_are_not_subtracted() -> None:
    assert register(figure(TEN)).standing(figure([*TEN, "eve"], since=100)) == "new"


def test_a_group_is_taken_out_of_a_larger_one_by_its_trace() -> None:
    rest = figure(TEN).trace ^ figure(TEN[:4]).trace
    assert (rest == figure(TEN[4:]).trace).all()


def test_a_cell_is_found_as_it_was_last_given() -> None:
    found = register(figure(TEN), figure([*TEN, *"abcdefgh"])).before(figure(["x"]))
    assert found is not None
    assert (found.figure.trace == figure([*TEN, *"abcdefgh"]).trace).all()


@given(st.sets(st.integers(0, 200), min_size=5), st.sets(st.integers(0, 200), max_size=4))
def test_fewer_than_five_are_never_taken_for_more(base: set[int], changed: set[int]) -> None:
    one = [f"p{k}" for k in base]
    other = [f"p{k}" for k in base ^ changed]
    expected = "near" if changed else "known"
    assert register(figure(one)).standing(figure(other)) == expected


def test_what_was_given_is_known_to_the_next_process(database: Database) -> None:
    with database.write() as conn:
        first = load_register(conn, min_people=5)
        first.give(figure(TEN), {"value": 0.5})
        assert first.save(conn, now=NOW)
    with database.read() as conn:
        again = load_register(conn, min_people=5)
    found = again.before(figure(TEN))
    assert found is not None
    assert (found.body, found.given_at) == ({"value": 0.5}, NOW)
    assert again.standing(figure(TEN[:-1])) == "near"


def test_two_who_give_at_once_do_not_both_succeed(database: Database) -> None:
    with database.read() as conn:
        mine, yours = (load_register(conn, min_people=5) for _ in range(2))
    mine.give(figure(TEN), {"value": 1})
    yours.give(figure(TEN[:-1]), {"value": 1})
    with database.write() as conn:
        assert mine.save(conn, now=NOW)
    with database.write() as conn:
        assert not yours.save(conn, now=NOW)


def test_figures_are_forgotten_after_three_years(database: Database) -> None:
    with database.write() as conn:
        early = load_register(conn, min_people=5)
        early.give(figure(TEN), {"value": 1})
        early.save(conn, now=NOW)
    with database.write() as conn:
        late = load_register(conn, min_people=5)
        late.give(figure([f"d{k}" for k in range(30)], cell="others"), {"value": 1})
        late.save(conn, now=NOW + timedelta(days=1200))
    with database.read() as conn:
        assert load_register(conn, min_people=5).before(figure(TEN)) is None
        assert load_register(conn, min_people=5).standing(figure(TEN)) == "new"
