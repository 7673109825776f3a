"""Features worked out by hand."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from features.catalogue import catalogue
from features.compiled import OPERATIONS
from features.definitions import AGGREGATES, DERIVED, FeatureDefinition
from features.events import Event
from features.kernel import compute
from features.text.sentiment import sentiment
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
        ("decayed_sum", {"parameter": 10}, 10 / 2**4 + (20 + 5) / 2**3 + 40 / 2),
        ("decayed_sum", {"parameter": 10, "window_days": 20}, 40 / 2),
        # around the means, in days and in amounts: (10, 20, 10.5, 30) and (10, 20, 5, 40)
        (
            "slope",
            {},
            30
            * (-12.625 * -8.75 + -2.625 * 1.25 + -2.125 * -13.75 + 17.375 * 21.25)
            / (12.625**2 + 2.625**2 + 2.125**2 + 17.375**2),
        ),
        ("delta", {"window_days": 20}, 40 - (10 + 20 + 5) / 3),
        ("streak", {"parameter": 10}, 1),  # days 30-40 hold one, days 20-30 none
        ("streak", {"parameter": 30}, 2),
        ("streak", {"parameter": 30, "window_days": 30}, 1),
        ("mode", {}, 5),  # all once: the smallest
        ("mode_share", {}, 1 / 4),
        ("coverage", {"window_days": 30}, 1),
        ("coverage", {"window_days": 90}, 2 / 3),  # days 10-40 and -20-10, not those before
        ("repeats", {"parameter": 10}, 2),  # days 10 and 10.5
        ("repeats", {"parameter": 9}, 1),
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


VISITS = (
    event(1, "visit", properties={"shop": "north", "goods": ["tea", "jam"]}),
    event(2, "visit", properties={"shop": "south", "goods": ["tea", None]}),
    event(3, "visit", properties={"shop": "north", "goods": "bread"}),
    event(9, "visit"),
)


@pytest.mark.parametrize(
    ("aggregate", "own", "expected"),
    [
        ("share_where", {"where": (("shop", "north"),)}, 2 / 4),
        ("share_where", {"where": (("shop", "north"),), "window_days": 8}, 1 / 3),
        ("share_where", {"where": (("shop", "east"),)}, 0),
        ("distinct", {"column": "property:goods"}, 3),  # tea, jam, bread
        ("distinct", {"column": "property:goods", "window_days": 8}, 2),  # tea, bread
        ("distinct", {"column": "property:goods", "where": (("shop", "north"),)}, 3),
        ("distinct", {"column": "property:goods", "window_days": 1}, 0),
    ],
)
def test_properties_and_their_lines(aggregate: str, own: dict[str, Any], expected: float) -> None:
    found = feature(VISITS, 10, aggregate, **{"kinds": ("visit",), "column": "", **own})
    assert found == expected


def test_of_what_there_is_none_there_is_no_share() -> None:
    own = {"kinds": ("visit",), "where": (("shop", "north"),), "column": "", "window_days": 1}
    assert math.isnan(feature((event(1, "visit"),), 5, "share_where", **own))


def test_an_event_without_the_property_matches_no_value_of_it() -> None:
    found = feature(VISITS, 10, "count", kinds=("visit",), column="", where=(("shop", "None"),))
    assert found == 0


def test_the_most_frequent_value_and_its_share() -> None:
    events = tuple(event(k, value=value) for k, value in enumerate((3.0, 7.0, 7.0, 3.0, 1.0), 1))
    assert feature((*events, event(6)), 10, "mode") == 3
    assert feature((*events, event(6)), 10, "mode_share") == 2 / 5
    assert feature(events, 10, "mode", window_days=8) == 7
    assert math.isnan(feature((event(1),), 10, "mode_share"))


def test_coverage_wants_a_value_in_each_period_of_thirty_days() -> None:
    events = (event(0, value=1.0), event(10, value=1.0), event(40), event(70, value=1.0))
    assert feature(events, 90, "coverage", window_days=90) == 2 / 3
    assert feature(events, 90, "coverage", window_days=100) == 2 / 3  # the ten days over are none


def test_what_comes_soon_after_something_outside_the_window_is_a_repeat_too() -> None:
    assert feature(ORDERS, 40.25, "count", window_days=30) == 2  # days 10.5 and 30
    assert feature(ORDERS, 40.25, "repeats", window_days=30, parameter=1) == 1


@pytest.mark.parametrize(("day", "expected"), [(3.0, 0), (3.01, 1), (7, 1), (7.01, 2), (20, 3)])
def test_a_question_is_unanswered_once_the_time_for_an_answer_is_over(
    day: float, expected: float
) -> None:
    events = (
        *(event(asked, "ticket_opened") for asked in (1, 5, 9, 12)),
        *(event(answered, "ticket_closed") for answered in (7.5, 14)),  # 12 is answered just so
    )
    own = {"kinds": ("ticket_opened", "ticket_closed"), "column": "", "parameter": 2}
    assert feature(events, day, "unanswered", **own) == expected


def test_an_answer_known_late_answers_from_then_on() -> None:
    events = (event(1, "ticket_opened"), event(2, "ticket_closed", known=8))
    own = {"kinds": ("ticket_opened", "ticket_closed"), "column": "", "parameter": 2}
    assert [feature(events, day, "unanswered", **own) for day in (5, 8, 8.5)] == [1, 1, 0]


def derived(name: str, aggregate: str, *of: str, empty: float = math.nan) -> FeatureDefinition:
    return FeatureDefinition(name=name, kinds=(), aggregate=aggregate, of=of, empty=empty)


def test_features_of_features() -> None:
    definitions = [
        FeatureDefinition(name="orders", kinds=("order",), aggregate="count"),
        FeatureDefinition(name="returns", kinds=("return",), aggregate="count"),
        FeatureDefinition(name="spent", kinds=("order",), aggregate="sum", column="value"),
        FeatureDefinition(name="mean", kinds=("return",), aggregate="mean", column="value"),
        derived("a", "ratio", "returns", "orders"),
        derived("b", "ratio", "orders", "returns"),
        derived("c", "ratio", "a", "returns", empty=-1.0),
        derived("d", "difference", "spent", "orders"),
        derived("e", "total", "spent", "orders", "d"),
        derived("f", "total", "spent", "mean"),
    ]
    table = compute(histories(*ORDERS), definitions, [micros(40)], permits=permits())
    found = dict(zip(table.names[4:], table.values[0, 4:].tolist(), strict=True))
    assert found == pytest.approx(
        {"a": 0 / 4, "b": math.nan, "c": -1, "d": 75 - 4, "e": 75 + 4 + 71, "f": math.nan},
        nan_ok=True,
    )


def test_sentiment_is_read_from_texts_and_only_from_those_with_something_to_say() -> None:
    texts = ("I love it", "this is terrible", None, "")
    events = tuple(event(k, "chat_message", text=text) for k, text in enumerate(texts, 1))
    love, terrible = sentiment(texts[:2])
    assert love is not None
    assert terrible is not None
    assert terrible < 0 < love
    own = {
        "kinds": ("chat_message",),
        "column": "sentiment",
        "purposes": ("risk_scoring", "wellbeing_inference"),
    }
    assert feature(events, 9, "mean", **own) == pytest.approx((love + terrible) / 2)
    assert feature(events, 9, "last", **own) == terrible
    assert feature(events, 9, "coverage", window_days=30, **own) == 1


@pytest.mark.parametrize(
    ("zone", "instant", "hour", "weekday", "weekend"),
    [
        # the clocks of Amsterdam: Sunday 31 March 2024, 02:00 becomes 03:00
        ("Europe/Amsterdam", "2024-03-30T22:59:59Z", 23, 5, 1),
        ("Europe/Amsterdam", "2024-03-31T00:59:59.999999Z", 1, 6, 1),
        ("Europe/Amsterdam", "2024-03-31T01:00Z", 3, 6, 1),
        ("Europe/Amsterdam", "2024-03-31T21:59:59Z", 23, 6, 1),
        ("Europe/Amsterdam", "2024-03-31T22:00Z", 0, 0, 0),  # Monday begins an hour earlier
        # Sunday 27 October 2024, 03:00 becomes 02:00: the hour from 2 comes twice
        ("Europe/Amsterdam", "2024-10-26T22:00Z", 0, 6, 1),
        ("Europe/Amsterdam", "2024-10-27T00:30Z", 2, 6, 1),
        ("Europe/Amsterdam", "2024-10-27T01:30Z", 2, 6, 1),
        ("Europe/Amsterdam", "2024-10-27T22:59:59Z", 23, 6, 1),
        # New York: 10 March and 3 November 2024
        ("America/New_York", "2024-03-10T06:59:59Z", 1, 6, 1),
        ("America/New_York", "2024-03-10T07:00Z", 3, 6, 1),
        ("America/New_York", "2024-11-02T03:59:59Z", 23, 4, 0),
        ("America/New_York", "2024-11-02T04:00Z", 0, 5, 1),
        ("America/New_York", "2024-11-03T05:30Z", 1, 6, 1),
        ("America/New_York", "2024-11-03T06:30Z", 1, 6, 1),
        ("America/New_York", "2024-11-04T04:59:59Z", 23, 6, 1),
        # half an hour off the full ones, and clocks that change by half an hour
        ("Asia/Kolkata", "2024-01-05T18:29:59Z", 23, 4, 0),
        ("Asia/Kolkata", "2024-01-05T18:30Z", 0, 5, 1),
        ("Australia/Lord_Howe", "2024-04-06T14:59:59Z", 1, 6, 1),
        ("Australia/Lord_Howe", "2024-04-06T15:29:59Z", 1, 6, 1),  # 01:59 for the second time
        ("Australia/Lord_Howe", "2024-04-06T15:30Z", 2, 6, 1),
        # long ago
        ("Europe/London", "1899-12-31T23:59:59Z", 23, 6, 1),
        ("UTC", "1950-01-02T00:00Z", 0, 0, 0),
    ],
)
def test_clocks_of_a_zone(
    zone: str, instant: str, hour: float, weekday: float, weekend: float
) -> None:
    found = datetime.fromisoformat(instant).astimezone(UTC)
    days = (found - event(0).occurred_at).total_seconds() / 86_400
    at_once = event(days)
    assert at_once.occurred_at == found
    assert [
        feature((at_once,), 400, "last", column=f"{name}:{zone}")
        for name in ("hour", "weekday", "weekend")
    ] == [hour, weekday, weekend]


def test_the_habit_of_a_week() -> None:
    """Wednesdays at nine in Amsterdam, in winter and in summer: one hour there, two in UTC."""
    mornings = [(1, 10, 8), (1, 17, 8), (7, 10, 7), (7, 17, 7), (7, 24, 7)]
    days = [
        (datetime(2024, month, day, hour, tzinfo=UTC) - event(0).occurred_at).total_seconds()
        / 86_400
        for month, day, hour in mornings
    ]
    events = tuple(event(day) for day in days)
    assert feature(events, 300, "mode", column="hour:Europe/Amsterdam") == 9
    assert feature(events, 300, "mode_share", column="hour:Europe/Amsterdam") == 1
    assert feature(events, 300, "mode_share", column="hour:UTC") == 3 / 5
    assert feature(events, 300, "mean", column="weekday:Europe/Amsterdam") == 2
    assert feature(events, 300, "sum", column="weekend:Europe/Amsterdam") == 0


# -- where numbers are awkward ----------------------------------------------------------------


def test_a_latest_value_among_no_categories_is_missing_whatever_came_before() -> None:
    events = (
        event(1, "profile", properties={"plan": "basic"}),
        event(3, "profile", properties={"plan": "unheard of"}),
        event(5, "profile", properties={"age": 40}),
    )
    own = {"kinds": ("profile",), "column": "property:plan", "categories": ("basic", "plus")}
    assert feature(events, 2, "category", **own) == 0
    assert math.isnan(feature(events, 4, "category", **own))
    assert math.isnan(feature(events, 6, "category", **own))  # no plan stated is no other plan


def test_equal_values_have_no_spread_no_slope_and_no_change() -> None:
    events = tuple(event(day, value=0.1) for day in (1, 2, 3, 12, 13, 14, 15))
    assert feature(events, 20, "mean") == 0.1
    assert feature(events, 20, "std") == 0
    assert feature(events, 20, "slope") == 0
    assert feature(events, 20, "delta", window_days=10) == 0


def test_many_values_at_one_instant_have_no_slope() -> None:
    events = tuple(event(1, value=float(value)) for value in range(10))
    assert math.isnan(feature(events, 11.3, "slope"))


def test_small_differences_of_large_values_are_not_lost() -> None:
    events = (event(1, value=1e9), event(2, value=1e9 + 0.000001), event(12, value=1e9 + 0.000003))
    assert feature(events, 3, "std") == pytest.approx(0.000001 / math.sqrt(2), rel=1e-12)
    assert feature(events, 3, "slope") == pytest.approx(0.00003, rel=1e-12)
    assert feature(events, 20, "delta", window_days=10) == pytest.approx(0.0000025, rel=1e-12)


def test_a_slope_over_microseconds_is_exact() -> None:
    events = tuple(event(100 + k / 86_400e6, value=float(k)) for k in range(3))
    assert feature(events, 465, "slope") == pytest.approx(30 * 86_400e6, rel=1e-12)


def test_windows_and_waits_longer_than_time_are_as_good_as_endless() -> None:
    events = (event(1), event(2))
    assert feature(events, 5, "count", window_days=10**12) == 2
    assert feature(events, 5, "trend", window_days=10**12) == 1
    assert feature(events, 5, "repeats", parameter=1e300) == 1
    assert feature(events, 5, "streak", parameter=1e300) == 1
    own = {"kinds": ("order", "return"), "column": "", "parameter": 1e300}
    assert feature(events, 5, "unanswered", **own) == 0


@pytest.mark.parametrize("scale", [["a", "b"], [1, "b"], [1, None], [5, 1], [1], "1-5", 5, [1, 1]])
def test_an_impossible_scale_gives_no_level(scale: object) -> None:
    answers = (
        event(1, "review", value=3.0, properties={"scale": scale}),
        event(2, "review", value=2.0, properties={"scale": [1, 5]}),
    )
    own = {"kinds": ("review",), "column": "level"}
    assert feature(answers, 5, "mean", **own) == 0.25
