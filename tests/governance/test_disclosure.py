"""Groups beside each other: no sum, difference or complement of what is shown tells of a few."""

from collections.abc import Hashable, Mapping
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.disclosure.groups import Breakdown, hidden_groups
from governance.disclosure.small_cells import hidden_cells
from governance.errors import InvalidInput

LEAST = 5


def spread(**counts: int) -> list[str]:
    return [name for name, n in counts.items() for _ in range(n)]


def crossed(*parts: list[str]) -> list[str | None]:
    return [" and ".join(each) for each in zip(*parts, strict=True)]


def known_sets(
    breakdowns: Mapping[str, Breakdown], hidden: Mapping[str, frozenset[Hashable]]
) -> list[frozenset[int]]:
    """What a reader has: everyone, the shown groups, and what is left of a whole without them."""
    everyone = frozenset(range(len(next(iter(breakdowns.values())).labels)))
    groups: dict[str, dict[Hashable, frozenset[int]]] = {}
    for name, breakdown in breakdowns.items():
        members: dict[Hashable, set[int]] = {}
        for person, label in enumerate(breakdown.labels):
            if label is not None and label not in hidden[name]:
                members.setdefault(label, set()).add(person)
        groups[name] = {label: frozenset(who) for label, who in members.items()}
    found = [everyone, *(who for each in groups.values() for who in each.values())]
    for name, breakdown in breakdowns.items():
        wholes = [who for above in breakdown.within for who in groups[above].values()]
        for whole in wholes or [everyone]:
            inside = [who for who in groups[name].values() if who <= whole]
            found.append(whole.difference(*inside))
    return found


def told_apart(sets: list[frozenset[int]]) -> list[int]:
    """Sizes of differences between any two, and of the sets themselves, that are 1 to 4."""
    sizes = [len(a ^ b) for a, b in combinations(sets, 2)] + [len(a) for a in sets]
    return [n for n in sizes if 0 < n < LEAST]


def test_large_groups_are_all_shown() -> None:
    by_country = Breakdown(spread(uk=50, fr=20, de=10))
    assert hidden_groups({"country": by_country}, LEAST) == {"country": frozenset()}


def test_a_small_group_takes_the_smallest_other_along() -> None:
    by_country = Breakdown(spread(uk=50, fr=20, de=10, mt=2))
    assert hidden_groups({"country": by_country}, LEAST) == {"country": {"mt", "de"}}


def test_small_groups_that_are_five_together_hide_no_other() -> None:
    by_country = Breakdown(spread(uk=50, fr=20, mt=2, cy=3))
    assert hidden_groups({"country": by_country}, LEAST) == {"country": {"mt", "cy"}}


def test_a_group_just_inside_one_of_another_attribute_is_not_shown_beside_it() -> None:
    country = Breakdown(spread(uk=50, de=20, at=30))
    language = Breakdown(spread(en=50, german=17, other=33))
    hidden = hidden_groups({"country": country, "language": language}, LEAST)
    assert not told_apart(known_sets({"country": country, "language": language}, hidden))
    assert "german" in hidden["language"] or "de" in hidden["country"]


def test_groups_of_one_attribute_added_up_do_not_tell_of_a_group_of_another() -> None:
    country = Breakdown(spread(uk=50, de=20, at=30))
    language = Breakdown(spread(en=50, german=48, french=2))
    hidden = hidden_groups({"country": country, "language": language}, LEAST)
    assert hidden["language"] >= {"french"}
    assert len(hidden["language"]) > 1


def test_a_pair_of_attributes_is_hidden_with_what_gives_it_away_in_row_and_column() -> None:
    sex = ["f"] * 60 + ["m"] * 60
    age = spread(young=20, middle=20, old=20) + spread(young=37, middle=3, old=20)
    breakdowns = {
        "sex": Breakdown(sex),
        "age": Breakdown(age),
        "sex × age": Breakdown(crossed(sex, age), within=("sex", "age")),
    }
    hidden = hidden_groups(breakdowns, LEAST)
    assert "m and middle" in hidden["sex × age"]
    assert len(hidden["sex × age"]) == 4
    assert not told_apart(known_sets(breakdowns, hidden))


def test_people_of_no_shown_group_are_protected_as_what_is_left() -> None:
    known: list[str | None] = [*spread(f=30, m=30), None, None]
    hidden = hidden_groups({"sex": Breakdown(known)}, LEAST)
    assert hidden == {"sex": {"f"}}


def test_the_answer_does_not_depend_on_the_order_of_the_people() -> None:
    country = spread(uk=50, fr=20, de=10, mt=2)
    plan = (["basic", "pro", "team"] * 30)[: len(country)]
    straight = {"country": Breakdown(country), "plan": Breakdown(plan)}
    turned = {"plan": Breakdown(plan[::-1]), "country": Breakdown(country[::-1])}
    assert hidden_groups(straight, LEAST) == hidden_groups(turned, LEAST)


def test_most_of_thirty_countries_are_shown() -> None:
    country = spread(**{f"c{k:02}": 3 + 4 * k for k in range(30)})
    hidden = hidden_groups({"country": Breakdown(country)}, LEAST)
    assert hidden["country"] == {"c00", "c01"}


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="one label per person"):
        hidden_groups({"a": Breakdown(["x"]), "b": Breakdown(["x", "y"])}, LEAST)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(
            *(st.lists(st.sampled_from([*"abcdef", None]), min_size=n, max_size=n),) * 3
        )
    )
)
def test_no_two_things_a_reader_knows_differ_in_a_few(
    columns: tuple[list[str | None], ...],
) -> None:
    x, y, z = columns
    pair = [None if a is None or b is None else a + b for a, b in zip(x, y, strict=True)]
    breakdowns = {
        "x": Breakdown(x),
        "y": Breakdown(y),
        "z": Breakdown(z),
        "xy": Breakdown(pair, within=("x", "y")),
    }
    hidden = hidden_groups(breakdowns, LEAST)
    sets = known_sets(breakdowns, hidden)
    if len(x) < LEAST:
        sets = [each for each in sets if len(each) != len(x)]
    assert not told_apart(sets)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_no_sum_of_shown_groups_gives_a_small_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(20, 80))
    columns = [random.choice(list("abcde"), n, p=[0.5, 0.25, 0.15, 0.06, 0.04]) for _ in range(3)]
    breakdowns = {str(k): Breakdown(each.tolist()) for k, each in enumerate(columns)}
    hidden = hidden_groups(breakdowns, LEAST)
    rows = [np.ones(n)]
    small = []
    for name, column in zip(breakdowns, columns, strict=True):
        for label in sorted(set(column.tolist())):
            members = (column == label).astype(float)
            if members.sum() < LEAST:
                small.append(members)
            if label not in hidden[name]:
                rows.append(members)
    rank = np.linalg.matrix_rank(np.array(rows))
    for members in small:
        assert np.linalg.matrix_rank(np.array([*rows, members])) > rank


def test_two_small_parts_of_a_total_that_are_few_together_take_a_third_along() -> None:
    assert hidden_cells({"refused": 1, "expired": 2, "never_asked": 9, "given": 80}, LEAST) == {
        "refused",
        "expired",
        "never_asked",
    }


def test_parts_that_are_large_or_empty_are_shown() -> None:
    assert hidden_cells({"refused": 0, "never_asked": 9, "given": 80}, LEAST) == set()
