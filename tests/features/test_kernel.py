"""Features worked out by hand."""

import math
from typing import Any

import pytest

from features.catalogue import catalogue
from features.definitions import AGGREGATES, DERIVED, FeatureDefinition
from features.events import Event
from features.kernel import compute
from features.plan import OPERATIONS
from governance.errors import ConfigurationError, PermissionRefused
from tests.features.sample import event, histories, micros, permit, permits

ORDERS = (
    event(0, value=10.0),
    event(10, value=20.0),
    event(10.5, value=5.0),
    event(30, value=40.0),
)


def feature(events: tuple[Event, ...], day: float, aggregate: str, **own: Any) -> float:
    definition = FeatureDefinition(
        **{"name": "x", "kinds": ("order",), "aggregate": aggregate, "column": "value", **own}
    )
    table = compute(histories(*events), [definition], [micros(day)], permits=permits())
    return float(table.values[0, 0])


@pytest.mark.parametrize(
    ("aggregate", "own", "expected"),
    [
        ("count", {}, 4),
        ("count", {"window_days": 30}, 3),  # day 10 is exactly 30 days before: inside
        ("count", {"window_days": 29}, 1),
        ("sum", {}, 75),
        ("sum", {"window_days": 30}, 65),
        ("mean", {"window_days": 30}, 65 / 3),
        ("max", {}, 40),
        ("min", {}, 5),
        ("min", {"window_days": 20}, 40),
        ("std", {}, math.sqrt(((10 - 18.75) ** 2 + 1.25**2 + 13.75**2 + 21.25**2) / 3)),
        ("last", {}, 40),
        ("days_since_last", {}, 10),
        ("days_since_first", {}, 40),
        ("days_since_first", {"window_days": 30}, 30),
        ("active_days", {}, 3),
        ("active_days", {"window_days": 30}, 2),
        ("active_months", {}, 1),  # days 0 to 30 are January
        ("gap_mean_days", {}, 15),
        ("gap_median_days", {}, 10),  # lower median of 10 and 20
        ("gap_std_days", {}, math.sqrt(50)),
        ("gap_shrunk_days", {"parameter": 60}, (30 + 60) / 3),
        ("recency_over_gap", {"parameter": 60}, 10 / 30),
        ("trend", {"window_days": 20}, (1 - 3) / 4),
        ("decayed_count", {"parameter": 10}, 0.5**4 + 2 * 0.5**3 + 0.5),
    ],
)
def test_aggregates(aggregate: str, own: dict[str, Any], expected: float) -> None:
    assert feature(ORDERS, 40, aggregate, **own) == pytest.approx(expected, rel=1e-12)


def test_every_aggregate_of_the_language_is_computed() -> None:
    assert set(AGGREGATES) == {*OPERATIONS[1:], *DERIVED, "function"}


def test_the_event_at_as_of_itself_is_not_used() -> None:
    assert feature(ORDERS, 30, "count") == 3


def test_months_are_calendar_months() -> None:
    assert feature((event(30), event(31)), 40, "active_months", column="") == 2


@pytest.mark.parametrize("aggregate", ["mean", "max", "min", "std", "last"])
def test_nothing_to_work_on_is_missing(aggregate: str) -> None:
    assert math.isnan(feature((event(1),), 2, aggregate))


def test_a_sum_over_nothing_is_zero_and_empty_replaces_missing() -> None:
    assert feature((event(1),), 2, "sum") == 0.0
    assert feature((event(1),), 2, "mean", empty=-1.0) == -1.0


def test_events_without_a_value_do_not_pull_the_mean() -> None:
    events = (event(1, value=10.0), event(2), event(3, value=20.0), event(4))
    assert feature(events, 5, "mean") == 15.0
    assert feature(events, 5, "last") == 20.0


def test_a_sum_too_large_to_be_exact_is_missing_and_not_wrong() -> None:
    huge = tuple(event(k, value=1e12) for k in range(1, 12))
    assert math.isnan(feature(huge, 20, "sum"))
    assert feature(huge, 9, "sum") == 8e12


def test_share_of_returns() -> None:
    events = (*ORDERS, event(12, "return", value=5.0))
    found = feature(events, 40, "share", kinds=("return", "order"), column="")
    assert found == 0.25


def test_properties_choose_events_and_give_numbers() -> None:
    events = (
        event(1, "visit", properties={"shop": "north", "minutes": 5}),
        event(2, "visit", properties={"shop": "south", "minutes": 7}),
        event(3, "visit", properties={"shop": "north", "minutes": 9.5}),
        event(4, "visit"),
    )
    own = {"kinds": ("visit",), "column": "property:minutes"}
    assert feature(events, 5, "sum", **own) == 21.5
    assert feature(events, 5, "sum", where=(("shop", "north"),), **own) == 14.5


def test_events_of_several_lines_are_summed_and_told_apart() -> None:
    events = (
        event(1, properties={"qty": [2, 3], "sku": ["a", "a"]}),
        event(2, properties={"qty": 4, "sku": "b"}),
        event(3),
    )
    assert feature(events, 5, "sum", column="property:qty") == 9
    assert feature(events, 5, "mean", column="distinct:sku") == 1
    assert math.isnan(feature(events, 5, "mean", column="property:sku"))


def test_a_category_is_its_place_and_the_latest_counts() -> None:
    events = (
        event(1, "profile", properties={"plan": "basic"}),
        event(3, "profile", properties={"plan": "plus"}),
    )
    own = {"kinds": ("profile",), "column": "property:plan", "categories": ("basic", "plus")}
    assert [feature(events, day, "category", **own) for day in (2, 4)] == [0.0, 1.0]


def test_survey_levels_point_the_same_way_whatever_the_polarity() -> None:
    own = {"scale": [1, 5], "polarity": "low_is_good", "instrument": "ces_effort"}
    answer = event(1, "survey", value=1.0, properties=own)
    assert feature((answer,), 2, "last", kinds=("survey",), column="level") == 1.0


def test_customers_without_a_usable_event_have_no_row() -> None:
    found = histories(event(1, customer="c0"), event(9, customer="c1"))
    table = compute(found, catalogue(found), [micros(5), micros(10)], permits=permits())
    rows = list(zip(table.customers.tolist(), table.as_of.tolist(), strict=True))
    assert rows == [("c0", micros(5)), ("c0", micros(10)), ("c1", micros(10))]


def test_keepwells_own_acts_are_no_history_and_no_feature() -> None:
    found = histories(event(1, "intervention_sent", event_id="x"))
    assert catalogue(found) == ()
    assert len(compute(found, (), [micros(5)], permits=permits())) == 0
    with pytest.raises(ConfigurationError, match="never a feature"):
        FeatureDefinition(name="x", kinds=("intervention_sent",), aggregate="count")


def test_without_a_permit_for_its_purposes_a_feature_is_missing() -> None:
    found = histories(
        event(1, "chat_message", customer="c0", text="I love it"),
        event(1, "chat_message", customer="c1", text="I love it"),
    )
    definitions = [d for d in catalogue(found) if d.name == "chat_message_sentiment_last_all"]
    allowed = {
        "risk_scoring": permit("risk_scoring"),
        "wellbeing_inference": permit("wellbeing_inference", ["c1"]),
    }
    table = compute(found, definitions, [micros(5)], permits=allowed)
    assert math.isnan(table.values[0, 0])
    assert table.values[1, 0] > 0.5
    nothing = compute(found, definitions, [micros(5)], permits={})
    assert bool((nothing.values != nothing.values).all())


def test_a_permit_for_another_purpose_is_no_permit() -> None:
    with pytest.raises(PermissionRefused):
        compute(
            histories(*ORDERS),
            catalogue(histories(*ORDERS)),
            [micros(5)],
            permits={"risk_scoring": permit("wellbeing_inference")},
        )


def test_an_unknown_column_says_which_columns_there_are() -> None:
    with pytest.raises(ConfigurationError, match="price"):
        feature(ORDERS, 40, "sum", column="price")
