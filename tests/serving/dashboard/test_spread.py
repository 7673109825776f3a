"""How scores are spread: every band counted, none of them, nor what follows, about a few."""

from collections.abc import Mapping
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.disclosure.published import Register
from serving.dashboard.desk import Desk
from serving.dashboard.figure import Cell
from serving.dashboard.spread import Spread, spread

EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST = 5


def desk() -> Desk:
    return Desk(Register(min_people=LEAST), b"key")


def people(*sizes: int) -> dict[str, float]:
    """So many people in the middle of each band."""
    made: dict[str, float] = {}
    for k, size in enumerate(sizes):
        made |= {f"c{k}-{n}": (EDGES[k] + EDGES[k + 1]) / 2 for n in range(size)}
    return made


def told(
    values: Mapping[str, float], groups: Mapping[str, Mapping[str, str]] | None = None
) -> list[Cell]:
    return spread(
        Spread("test", {"churn": values}, EDGES, split=("churn",)), desk(), groups=groups or {}
    )


def counts(cells: list[Cell], segment: str = "") -> list[float | None]:
    return [cell.value for cell in cells if cell.segment == segment]


def test_bands_count_the_people_whose_value_lies_in_them() -> None:
    cells = told(people(7, 0, 9, 6))
    assert counts(cells) == [7.0, 0.0, 9.0, 6.0]
    assert [(cell.x, cell.x_to) for cell in cells][:2] == [(0.0, 0.25), (0.25, 0.5)]


def test_a_value_on_an_edge_belongs_above_it_and_the_last_edge_below() -> None:
    values = dict.fromkeys("abcde", 0.25) | dict.fromkeys("fghij", 1.0)
    assert counts(told(values)) == [0.0, 5.0, 0.0, 5.0]


def test_a_few_people_are_hidden_and_the_band_that_would_tell_of_them() -> None:
    cells = told(people(3, 8, 20, 30))
    assert counts(cells) == [None, None, 20.0, 30.0]
    assert all(cell.hidden and cell.note for cell in cells[:2])


def test_groups_are_counted_and_everyone_comes_first() -> None:
    values = people(10, 0, 0, 10)
    half = {who: "a" if who.endswith(("0", "1", "2", "3", "4")) else "b" for who in values}
    cells = told(values, {"plan": half})
    assert counts(cells, "plan=a") == [5.0, 0.0, 0.0, 5.0]
    assert counts(cells) == [10.0, 0.0, 0.0, 10.0]


def test_nobody_makes_no_bands() -> None:
    assert told({}) == []


def test_a_band_that_one_person_left_stays_as_it_was_given() -> None:
    register = Register(min_people=LEAST)
    before = people(10, 10, 10, 10)
    one_moved = before | {"c0-0": 0.9}
    shown = [
        counts(spread(Spread("t", {"x": each}, EDGES), Desk(register, b"k"), groups={}))
        for each in (before, one_moved)
    ]
    assert shown[0] == shown[1] == [10.0, 10.0, 10.0, 10.0]


BANDS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=5, max_size=60)


@settings(max_examples=150, deadline=None)
@given(drawn=BANDS)
def test_no_cell_and_no_difference_of_two_tells_of_a_few(drawn: list[tuple[int, str]]) -> None:
    values = {f"c{k}": EDGES[band] + 0.1 for k, (band, _) in enumerate(drawn)}
    plans = {f"c{k}": plan for k, (_, plan) in enumerate(drawn)}
    cells = told(values, {"plan": plans})
    everyone = frozenset(values)
    known = [everyone]
    shown: dict[str, frozenset[str]] = {}
    for cell in cells:
        if cell.value is not None and cell.x is not None:
            group = cell.segment.removeprefix("plan=")
            inside = frozenset(
                who
                for who, value in values.items()
                if cell.x <= value < cell.x + 0.25 and group in ("", plans[who])
            )
            assert len(inside) == cell.value
            known.append(inside)
            shown[cell.segment] = shown.get(cell.segment, frozenset()) | inside
    known.append(everyone - shown.get("", frozenset()))
    for a, b in combinations(filter(None, known), 2):
        assert min(len(a), len(b)) >= LEAST
        assert not (a < b or b < a) or len(a ^ b) >= LEAST
