"""Feature definitions are data, and say themselves in plain words."""

import json
import math

import pytest

from features.catalogue import catalogue
from features.definition_checks import check_definitions
from features.definitions import FeatureDefinition, meaning, pretty, sentence
from governance.errors import ConfigurationError, InvalidInput
from tests.features.sample import event, histories

EVERYTHING = histories(
    event(1, value=10.0),
    event(2, "return", value=5.0),
    event(3, "ticket_opened", text="please help"),
    event(4, "survey", value=3.0, properties={"instrument": "csat", "scale": [1, 5]}),
    event(5, "profile", properties={"plan": "plus", "age": 40, "vip": True, "note": None}),
    event(6, "consent_changed", event_id="x"),
)


def named(name: str) -> FeatureDefinition:
    (found,) = (d for d in catalogue(EVERYTHING) if d.name == name)
    return found


def test_a_definition_survives_json() -> None:
    for definition in catalogue(EVERYTHING):
        written = json.dumps(definition.to_json(), allow_nan=False)
        read = FeatureDefinition.from_json(json.loads(written))
        assert read.to_json() == definition.to_json()


def test_something_else_is_not_a_definition() -> None:
    with pytest.raises(InvalidInput):
        FeatureDefinition.from_json({"name": "x"})


def test_names_are_unique_and_carry_their_window() -> None:
    names = [definition.name for definition in catalogue(EVERYTHING)]
    assert len(names) == len(set(names))
    assert {"order_count_30d", "order_value_sum_365d", "days_since_last_order"} <= set(names)
    assert {"profile_age", "profile_vip", "profile_plan", "returns_per_order_90d"} <= set(names)
    assert not any("consent" in name for name in names)


def test_only_sentiment_needs_wellbeing_permission() -> None:
    special = [d.name for d in catalogue(EVERYTHING) if "wellbeing_inference" in d.purposes]
    assert special
    assert all("sentiment" in name for name in special)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("days_since_last_order", 61.0, "last order was 61 days ago, usually every 20"),
        ("days_since_last_order", math.nan, "no order so far"),
        ("order_count_90d", 0.0, "no orders in the last 90 days"),
        ("order_count_90d", 1.0, "1 order in the last 90 days"),
        ("order_count_all", 12.0, "12 orders so far"),
        ("order_value_sum_365d", 1234.5, "orders worth 1,234 in the last 365 days"),
        ("profile_plan", 0.0, "plan is plus"),
        ("profile_plan", math.nan, "plan is not known"),
    ],
)
def test_sentences(name: str, value: float, said: str) -> None:
    assert sentence(named(name), value, {"order_gap_median_days": 20.0}) == said


def test_every_feature_has_its_own_words() -> None:
    for definition in catalogue(EVERYTHING):
        assert definition.text
        assert "{" not in sentence(definition, 1.0)


def test_numbers_are_written_as_people_do() -> None:
    assert [pretty(x) for x in (0.123, 1.5, 2.0, 12.7, 12345.6)] == [
        "0.12",
        "1.5",
        "2",
        "13",
        "12,346",
    ]
    assert [pretty(x) for x in (0.0, 0.0003, -0.0003, 0.005)] == ["0", "<0.01", ">-0.01", "0.005"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (181.2, "181 days past the usual gap"),
        (-1.0, "1 day short of the usual gap"),
        (0.0, "exactly at the usual gap"),
    ],
)
def test_what_is_due_is_said_by_which_side_of_the_rhythm_it_lies_on(
    value: float, said: str
) -> None:
    definition = FeatureDefinition("x", ("order",), "count", text="{past} the usual gap")
    assert sentence(definition, value) == said


def test_no_difference_is_neither_higher_nor_lower() -> None:
    definition = FeatureDefinition(
        "x", ("order",), "count", text="answers were {higher} than usual"
    )
    assert sentence(definition, 0.0) == "answers were neither higher nor lower than usual"


def test_everything_wrong_with_a_definition_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        FeatureDefinition(name="x", kinds=(), aggregate="sum", window_days=0, purposes=())
    assert len(raised.value.problems) == 4


def test_everything_wrong_with_a_set_is_said_at_once() -> None:
    count = FeatureDefinition("a", ("order",), "count")
    lost = FeatureDefinition("lost", (), "ratio", of=("a", "gone"))
    turning = FeatureDefinition("turning", (), "total", of=("turning", "a"))
    assert [
        (each.feature, each.key) for each in check_definitions((count, count, lost, turning))
    ] == [
        ("a", "name"),
        ("lost", "of"),
        ("turning", "of"),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "1 day"), (2.5, "2.5 days"), (-0.25, "-0.25 days")],
)
def test_days_are_counted_as_people_do(value: float, said: str) -> None:
    definition = FeatureDefinition("a", ("order",), "days_since_last", text="{days} ago")
    assert sentence(definition, value) == f"{said} ago"


def test_a_meaning_is_of_nobody_in_particular() -> None:
    assert meaning(named("days_since_last_order")) == "last order was … days ago"
    assert meaning(named("order_count_90d")) == "… orders in the last 90 days"
