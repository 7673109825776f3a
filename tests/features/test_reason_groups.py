"""Which features say one thing, read off their definitions alone."""

import pytest

from features.catalogue import catalogue
from features.definitions import FeatureDefinition
from features.reason_groups import grouping, standing, title_of
from tests.features.sample import event, histories


def feature(name: str, aggregate: str = "count", *kinds: str, **own: object) -> FeatureDefinition:
    return FeatureDefinition(name, kinds or ("order",), aggregate, **own)  # type: ignore[arg-type]


COUNT_30D = feature("order_count_30d", window_days=30)
COUNT_365D = feature("order_count_365d", window_days=365)
SINCE_LAST = feature("days_since_last_order", "days_since_last")
GAP = feature("order_gap_median_days", "gap_median_days")
WORTH = feature("order_value_sum_365d", "sum", window_days=365, column="value")


def derived(name: str, aggregate: str, *parts: FeatureDefinition) -> FeatureDefinition:
    return FeatureDefinition(name, (), aggregate, of=tuple(part.name for part in parts))


def title(definition: FeatureDefinition, *others: FeatureDefinition) -> str:
    return title_of(definition, {each.name: each for each in (definition, *others)})


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (COUNT_30D, "how many orders, and how often"),
        (feature("x", "decayed_count", parameter=90.0), "how many orders, and how often"),
        (GAP, "how many orders, and how often"),
        (SINCE_LAST, "time since the last order"),
        (feature("x", "recency_over_gap", parameter=60.0), "time since the last order"),
        (feature("x", "days_since_first"), "time since the first order"),
        (feature("x", "trend", window_days=30), "more or fewer orders than before"),
        (WORTH, "what orders are worth"),
        (feature("x", "slope", column="value"), "change in what orders are worth"),
        (feature("x", "mean", column="property:items"), "items in orders"),
        (feature("x", "mode", column="hour:UTC"), "when orders come"),
        (feature("x", "last", "profile", column="property:Contract"), "Contract"),
        (feature("x", "share", "order", "session"), "orders per session"),
        (
            feature("x", "unanswered", "cart", "order", parameter=1.0),
            "filled carts with no order after",
        ),
        (feature("x", "repeats", "search", parameter=0.1), "searches soon after one another"),
        (
            feature("x", "mean", "survey", column="level", where=(("instrument", "csat"),)),
            "answers to csat",
        ),
        (
            feature(
                "x",
                "mean",
                "chat_message",
                column="sentiment",
                purposes=("risk_scoring", "wellbeing_inference"),
            ),
            "tone of chat messages",
        ),
        (
            feature("x", "share_where", where=(("channel", "web"),), window_days=90),
            "channel of orders",
        ),
        (feature("walk_in_count", "count", "walk_in"), "how many walk in events, and how often"),
        (FeatureDefinition("own_score", (), "function", function="own.py:score"), "own score"),
    ],
)
def test_a_feature_finds_its_group_by_what_it_counts(
    definition: FeatureDefinition, said: str
) -> None:
    assert title(definition) == said


def test_what_is_counted_under_a_condition_is_a_group_of_its_own() -> None:
    web = feature("web_count", window_days=30, where=(("channel", "web"),))
    assert title(web) == "how many orders (channel web), and how often"


def test_two_windows_of_one_count_set_against_each_other_tell_of_a_change() -> None:
    share = derived("order_share", "ratio", COUNT_30D, COUNT_365D)
    assert title(share, COUNT_30D, COUNT_365D) == "more or fewer orders than before"


def test_a_feature_made_of_others_goes_with_the_first_of_them() -> None:
    past_gap = derived("order_days_past_usual_gap", "difference", SINCE_LAST, GAP)
    per_order = derived("worth_per_order", "ratio", WORTH, COUNT_365D)
    assert title(past_gap, SINCE_LAST, GAP) == "time since the last order"
    assert title(per_order, WORTH, COUNT_365D) == "what orders are worth"


def test_a_total_of_different_things_is_a_group_of_its_own() -> None:
    tickets = feature("ticket_opened_count_90d", "count", "ticket_opened", window_days=90)
    calls = feature("call_count_90d", "count", "call", window_days=90)
    total = derived("support_contact_count_90d", "total", tickets, calls)
    assert title(total, tickets, calls) == "support contact in total"


def test_sums_of_groups_are_the_sums_of_their_members() -> None:
    groups = grouping((COUNT_30D, SINCE_LAST, COUNT_365D))
    assert groups.titles == ("how many orders, and how often", "time since the last order")
    assert groups.sums([0.25, -1.0, 0.5]).tolist() == [0.75, -1.0]


def test_every_suggested_feature_is_in_exactly_one_group() -> None:
    definitions = catalogue(
        histories(
            *(event(day, value=10.0 + day, properties={"sku": f"s{day}"}) for day in range(9)),
            *(event(day + 0.5, "session") for day in range(9)),
            event(3, "survey", value=4.0, properties={"instrument": "csat"}),
        )
    )
    groups = grouping(definitions)
    assert len(groups.place) == len(definitions)
    assert 0 < len(groups.titles) < len(definitions)


@pytest.mark.parametrize(
    ("definition", "is_"),
    [
        (COUNT_30D, "changeable"),
        (SINCE_LAST, "changeable"),
        (feature("x", "last", "survey", column="level"), "changeable"),
        (feature("x", "last", "profile", column="property:Contract"), "correctable"),
        (feature("x", "days_since_first"), "fixed"),
        (feature("x", "count", "plan_changed"), "fixed"),
        (feature("x", "mode", column="hour:UTC"), "fixed"),
        (FeatureDefinition("own", (), "function", function="own.py:score"), "fixed"),
    ],
)
def test_acts_can_change_facts_can_be_corrected_the_rest_is_fixed(
    definition: FeatureDefinition, is_: str
) -> None:
    assert standing(definition, {}) == is_


def test_a_feature_made_of_others_is_as_movable_as_the_most_movable_of_them() -> None:
    parts = {each.name: each for each in (SINCE_LAST, GAP)}
    assert standing(derived("past", "difference", SINCE_LAST, GAP), parts) == "changeable"
