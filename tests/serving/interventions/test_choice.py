"""The most worth within the limits, and how far from the best it can be."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import InvalidInput
from serving.interventions.choosing.choice import Choice, Limits, Options, choose

Row = tuple[int, float, float, int]  # customer, worth, cost, channel


def options(rows: Sequence[Row]) -> Options:
    customer, worth, cost, channel = zip(*rows, strict=True)
    return Options(
        customer=np.array(customer, np.int64),
        worth=np.array(worth, np.float64),
        cost=np.array(cost, np.float64),
        channel=np.array(channel, np.int64),
    )


def made_up(customers: int, seed: int = 0) -> Options:
    """Four playbooks for each customer: e-mail, phone, e-mail with a gift, letter."""
    rng = np.random.default_rng(seed)
    effect, cost = np.array([0.02, 0.05, 0.03, 0.01]), np.array([0.5, 6.0, 2.0, 0.2])
    stake = rng.random(customers) * rng.lognormal(4, 1, customers)
    worth = stake[:, None] * effect * rng.uniform(0.5, 1.5, (customers, 4))
    return Options(
        customer=np.repeat(np.arange(customers), 4),
        worth=worth.ravel(),
        cost=np.tile(cost, customers),
        channel=np.tile(np.array([0, 1, 0, 2]), customers),
    )


def keeps_the_limits(found: Choice, asked: Options, limits: Limits) -> bool:
    customers = asked.customer[found.taken]
    within = np.rint(asked.cost[found.taken] * 1e6).sum() <= limits.budget * 1e6 + 0.5
    carried = all(
        (asked.channel[found.taken] == channel).sum() <= most
        for channel, most in limits.capacity.items()
    )
    return len(set(customers.tolist())) == len(customers) and bool(within) and carried


def best_by_trying_all(asked: Options, limits: Limits) -> float:
    places = [np.flatnonzero(asked.customer == c).tolist() for c in np.unique(asked.customer)]
    best = 0.0
    for each in product(*[[None, *mine] for mine in places]):
        taken = np.array([place for place in each if place is not None], np.int64)
        marked = np.zeros(len(asked), np.bool_)
        marked[taken] = True
        worth = float(asked.worth[taken].sum())
        if worth > best and keeps_the_limits(Choice(marked, worth, worth, True), asked, limits):
            best = worth
    return best


def test_without_scarcity_everyone_gets_what_is_worth_most_to_them() -> None:
    asked = options([(0, 1.0, 1.0, 0), (0, 3.0, 5.0, 1), (1, 2.0, 1.0, 0)])

    found = choose(asked, Limits(10.0, {}))

    assert found.taken.tolist() == [False, True, True]
    assert (found.gap, found.binding) == (0.0, False)


def test_two_cheap_contacts_beat_one_dear_one() -> None:
    asked = options([(0, 5.0, 6.0, 1), (0, 3.0, 1.0, 0), (1, 4.0, 1.0, 0)])

    found = choose(asked, Limits(6.0, {}))

    assert found.taken.tolist() == [False, True, True]


def test_a_channel_carries_no_more_than_it_can() -> None:
    asked = options([(0, 5.0, 1.0, 0), (1, 4.0, 1.0, 0), (1, 1.0, 1.0, 1), (2, 3.0, 1.0, 0)])

    found = choose(asked, Limits(99.0, {0: 1}))

    assert found.taken.tolist() == [True, False, True, False]


def test_a_budget_of_tenths_is_used_up_to_the_last() -> None:
    asked = options([(k, 1.0, 0.1, 0) for k in range(5)])

    assert choose(asked, Limits(0.3, {})).taken.sum() == 3


def test_nothing_can_be_bought_for_nothing() -> None:
    asked = options([(0, 5.0, 1.0, 0), (1, 4.0, 0.0, 0)])

    assert choose(asked, Limits(0.0, {})).taken.tolist() == [False, True]


def test_nobody_is_chosen_from_nobody() -> None:
    nothing = Options(
        customer=np.zeros(0, np.int64),
        worth=np.zeros(0),
        cost=np.zeros(0),
        channel=np.zeros(0, np.int64),
    )

    assert choose(nothing, Limits(1.0, {})).gap == 0.0


@pytest.mark.parametrize("wrong", [(0, -1.0, 1.0, 0), (0, float("nan"), 1.0, 0), (0, 1.0, -2.0, 0)])
def test_worth_and_cost_are_no_less_than_nothing(wrong: Row) -> None:
    with pytest.raises(InvalidInput, match="must be 0 or more"):
        choose(options([wrong]), Limits(1.0, {}))


ROWS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(1, 40).map(lambda n: n / 4),
        st.sampled_from([0.0, 0.1, 0.3, 1.0, 2.5]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, budget=st.sampled_from([0.0, 0.4, 1.3, 3.0]), most=st.integers(0, 3))
def test_no_other_choice_of_a_few_is_worth_more(rows: list[Row], budget: float, most: int) -> None:
    asked, limits = options(rows), Limits(budget, {0: most})

    found = choose(asked, limits)

    assert keeps_the_limits(found, asked, limits)
    assert found.worth == pytest.approx(best_by_trying_all(asked, limits))
    assert found.gap == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("customers", [2_000, 100_000])
def test_many_people_are_chosen_close_to_the_best_and_it_says_how_close(customers: int) -> None:
    asked, limits = made_up(customers), Limits(1_000.0, {1: 60, 2: 400})

    found = choose(asked, limits)

    assert keeps_the_limits(found, asked, limits)
    assert found.worth <= found.bound
    assert found.gap < 0.001


def test_people_worth_the_same_are_taken_until_the_budget_is_used_up() -> None:
    asked = options([(k, 1.0, 0.5, 0) for k in range(3_000)])

    found = choose(asked, Limits(500.0, {}))

    assert found.taken.sum() == 1_000
    assert found.gap == pytest.approx(0.0, abs=1e-9)


def test_the_same_question_has_the_same_answer() -> None:
    asked, limits = made_up(300), Limits(60.0, {1: 3})

    assert (choose(asked, limits).taken == choose(asked, limits).taken).all()
