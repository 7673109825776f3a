"""How scores are spread: every band counted, none of them, nor what follows, about a few."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
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


def test_a_group_whose_people_all_lie_in_one_band_has_no_histogram() -> None:
    values = people(20, 20, 20, 20)
    plans = dict.fromkeys(values, "b") | {f"c1-{n}": "a" for n in range(6)}
    cells = told(values, {"plan": plans})
    assert counts(cells) == [20.0, 20.0, 20.0, 20.0]
    assert counts(cells, "plan=a") == [None, None, None, None]
    assert counts(cells, "plan=b") == [None, None, None, None]


def test_five_people_and_then_four_in_one_band_have_no_histogram() -> None:
    register = Register(min_people=LEAST)
    five = people(0, 5)
    four = people(0, 4)
    for each in (five, four):
        found = spread(Spread("t", {"x": each}, EDGES), Desk(register, b"k"), groups={})
        assert counts(found) == [None, None, None, None]


def test_one_of_the_others_who_left_a_band_does_not_follow_from_a_group_in_it() -> None:
    register = Register(min_people=LEAST)
    values = people(36, 40, 40, 40)
    plans = {who: "basic" if k % 36 < 22 else "plus" for k, who in enumerate(values)}
    gone = [*[who for who in values if who.startswith("c0") and plans[who] == "basic"][:5]]
    gone += [who for who in values if who.startswith("c0") and plans[who] == "plus"][:1]
    looks = []
    for each in (values, {who: x for who, x in values.items() if who not in gone}):
        found = Spread("t", {"x": each}, EDGES, split=("x",))
        cells = spread(found, Desk(register, b"k"), groups={"plan": plans})
        looks.append([counts(cells, name)[0] for name in ("", "plan=basic", "plan=plus")])
    (all_0, basic_0, _), (all_1, basic_1, _) = looks
    assert all_0 is not None
    assert basic_0 is not None
    assert all_1 is not None
    assert basic_1 is not None
    assert abs((all_1 - basic_1) - (all_0 - basic_0)) in (0, *range(LEAST, 40))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_no_two_looks_tell_of_a_few_by_group_or_by_the_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    register = Register(min_people=LEAST)
    n = int(random.integers(10, 70))
    band = {f"c{k}": int(random.integers(0, 4)) for k in range(n)}
    plans = {who: str(random.choice(["a", "b", "c"])) for who in band}
    seen: dict[tuple[str, int], frozenset[str]] = {}
    rests: dict[tuple[str, int], list[frozenset[str]]] = {}
    for _ in range(4):
        values = {who: EDGES[k] + 0.1 for who, k in band.items()}
        found = Spread("t", {"x": values}, EDGES, split=("x",))
        cells = spread(found, Desk(register, b"k"), groups={"plan": plans})
        table = {(cell.segment, round((cell.x or 0.0) * 4)): cell.value for cell in cells}
        for segment in {segment for segment, _ in table}:
            inside = [who for who in band if segment in ("", f"plan={plans[who]}")]
            line = [table[segment, k] for k in range(4)]
            if len(inside) < LEAST or len({band[who] for who in inside}) < 2:
                assert line == [None] * 4
            hidden = [k for k in range(4) if line[k] is None]
            unseen = sum(band[who] in hidden for who in inside)
            assert len(hidden) == 4 or not hidden or (len(hidden) > 1 and unseen >= LEAST)
        for (segment, k), value in sorted(table.items()):
            now = frozenset(w for w in band if band[w] == k and segment in ("", f"plan={plans[w]}"))
            if value is None:
                continue
            last = seen.get((segment, k), now)
            repeated = value == len(last) and 0 < len(now ^ last) < LEAST
            assert repeated or value in (len(now), len(last))
            seen[segment, k] = last if repeated or value != len(now) else now
            if segment and table["", k] is not None and seen[segment, k] <= seen["", k]:
                rest = seen["", k] - seen[segment, k]
                others = rests.setdefault((segment, k), [])
                assert all(len(rest ^ each) in (0, *range(LEAST, n + 1)) for each in others)
                others.append(rest)
        for who in random.choice(sorted(band), min(len(band), int(random.integers(1, 9)))):
            if random.random() < 0.5:
                band.pop(str(who), None)
            elif str(who) in band:
                band[str(who)] = int(random.integers(0, 4))
        if len(band) < 3:
            return


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
