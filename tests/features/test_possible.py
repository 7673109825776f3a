"""What can be true together of one customer, and what moves along with a change."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import catalogue
from features.definitions import FeatureDefinition
from features.events import Event
from features.kernel import compute
from features.possible import Completed, possible
from tests.features.sample import EVERYONE, event, histories, micros, permits

NAN = math.nan
CHECKED = frozenset(
    {
        *("count", "active_days", "active_months", "unanswered", "repeats", "decayed_count"),
        *("days_since_last", "days_since_first", "trend", "share_where"),
    }
)


def orders(name: str, aggregate: str = "count", **own: object) -> FeatureDefinition:
    return FeatureDefinition(name, ("order",), aggregate, **own)  # type: ignore[arg-type]


DEFINITIONS = (
    orders("count_30d", window_days=30),
    orders("count_90d", window_days=90),
    orders("active_days_90d", "active_days", window_days=90),
    orders("days_since_last", "days_since_last"),
    orders("days_since_first", "days_since_first"),
    orders("recency_over_gap", "recency_over_gap", parameter=60.0),
    FeatureDefinition("share", (), "ratio", of=("count_30d", "count_90d")),
)
ROW = [0.0, 2.0, 2.0, 40.0, 400.0, 2.0, 0.0]
PLACE = {each.name: place for place, each in enumerate(DEFINITIONS)}


def suppose(**asked: float) -> Completed:
    wanted = {PLACE[name]: value for name, value in asked.items()}
    return possible(DEFINITIONS).complete(np.array(ROW), wanted)


def after(**asked: float) -> dict[str, float]:
    done = suppose(**asked)
    assert not done.contradictions
    return dict(zip(PLACE, done.values.tolist(), strict=True))


def test_more_in_the_narrow_window_means_as_many_in_the_wide_one() -> None:
    found = after(count_30d=3)
    assert (found["count_30d"], found["count_90d"]) == (3, 3)


def test_an_event_in_the_window_means_the_last_one_was_in_it() -> None:
    assert after(count_30d=1)["days_since_last"] == 30


def test_a_recent_last_event_means_one_in_every_window() -> None:
    found = after(days_since_last=5)
    assert (found["count_30d"], found["count_90d"], found["active_days_90d"]) == (1, 2, 2)


def test_a_last_event_long_ago_means_none_in_the_windows_since() -> None:
    found = after(days_since_last=120)
    assert (found["count_30d"], found["count_90d"], found["active_days_90d"]) == (0, 0, 0)


def test_what_is_made_of_others_is_worked_out_again() -> None:
    found = after(count_30d=1, days_since_last=20)
    assert (found["share"], found["recency_over_gap"]) == (0.5, 1.0)


def test_what_did_not_have_to_move_stays() -> None:
    assert [DEFINITIONS[place].name for place in suppose(days_since_last=35).along] == [
        "recency_over_gap"
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"count_30d": 5.0, "count_90d": 3.0}, "count_30d = 5 cannot be more than count_90d = 3"),
        ({"days_since_last": 500.0}, "days_since_last = 500 cannot be more than days_since_first"),
        ({"count_30d": 0.0, "days_since_last": 5.0}, "whether there was any in the last 30 days"),
        ({"active_days_90d": 4.0, "count_90d": 2.0}, "active_days_90d = 4 cannot be more than"),
        ({"count_30d": 1.5}, "it is a whole number"),
        ({"count_30d": -1.0}, "it is at least 0"),
        ({"active_days_90d": 200.0}, "it is 0 to 91"),
    ],
)
def test_what_cannot_be_true_together_is_told(asked: dict[str, float], told: str) -> None:
    assert told in "; ".join(suppose(**asked).contradictions)


def test_one_can_ask_only_about_what_can_change_by_itself() -> None:
    rules = possible(DEFINITIONS)
    why = {name: rules.why_not(place) for name, place in PLACE.items()}
    assert {name for name, reason in why.items() if reason is None} == {
        *("count_30d", "count_90d", "active_days_90d", "days_since_last"),
    }
    assert why["days_since_first"] == "is a fact of the past, which nothing from now on can change"
    assert why["recency_over_gap"] == "follows from days_since_last: ask about that"
    assert why["share"] == "is worked out from count_30d and count_90d: ask about those"


def test_a_count_of_the_whole_past_moves_along_but_nobody_asks_about_it() -> None:
    definitions = (DEFINITIONS[0], orders("count_all"))
    rules = possible(definitions)
    assert rules.why_not(1) == "counts the whole past, which nothing from now on undoes"
    assert rules.complete(np.array([0.0, 2.0]), {0: 5.0}).values.tolist() == [5.0, 5.0]


def test_a_share_of_counts_and_a_trend_follow_the_counts() -> None:
    definitions = (
        orders("order_count_30d", window_days=30),
        FeatureDefinition("session_count_30d", ("session",), "count", window_days=30),
        FeatureDefinition("per_session", ("order", "session"), "share", window_days=30),
        orders("trend_30d", "trend", window_days=30),
    )
    done = possible(definitions).complete(np.array([1.0, 4.0, 0.25, 0.0]), {0: 3.0})
    assert done.values.tolist() == [3.0, 4.0, 0.75, 0.5]  # one before: (3 − 1) ÷ (3 + 1)


def test_someone_who_never_did_may_be_supposed_to_have() -> None:
    row = np.array([0.0, 0.0, 0.0, NAN, NAN, NAN, NAN])
    done = possible(DEFINITIONS).complete(row, {PLACE["count_30d"]: 1.0})
    assert not done.contradictions
    assert done.values[:4].tolist() == [1.0, 1.0, 1.0, 30.0]


def made_up(seed: int) -> list[Event]:
    draw = Random(seed)
    kinds = ("order", "session", "search", "page_view", "cart", "ticket_opened", "ticket_closed")
    return [
        event(
            draw.uniform(0, 500),
            draw.choice(kinds),
            customer=draw.choice(EVERYONE),
            value=draw.choice([None, 5.0, 20.0]),
        )
        for _ in range(draw.randrange(1, 150))
    ]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([60, 250, 365, 500]))
def test_nothing_that_is_so_is_called_impossible(seed: int, day: int) -> None:
    found = histories(*made_up(seed))
    definitions = catalogue(found)
    table = compute(found, definitions, [micros(day)], permits=permits())
    rules = possible(definitions)
    for row in table.values:
        for place in range(len(definitions)):
            low, high = rules.bounds(place, row.tolist())
            aggregate = definitions[place].aggregate
            assert (
                math.isnan(row[place])
                or aggregate not in CHECKED
                or low - 1e-9 <= row[place] <= high + 1e-9
            ), (definitions[place].name, low, row[place], high)
        for place in rules.movable:
            if not math.isnan(row[place]):
                same = rules.complete(row, {place: float(row[place])})
                assert (same.along, same.contradictions) == ((), ())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(0, 400))
def test_after_a_change_all_rules_hold_or_it_is_refused(seed: int, count: int, days: int) -> None:
    found = histories(*made_up(seed))
    definitions = catalogue(found)
    table = compute(found, definitions, [micros(365)], permits=permits())
    rules = possible(definitions)
    place = {each.name: k for k, each in enumerate(definitions)}
    for name, value in (("order_count_30d", count), ("days_since_last_order", days)):
        if name not in place:
            continue
        for row in table.values:
            done = rules.complete(row, {place[name]: float(value)})
            if done.contradictions:
                continue
            assert done.values[place[name]] == value
            again = rules.complete(done.values, {place[name]: float(value)})
            assert (again.along, again.contradictions) == ((), ())
