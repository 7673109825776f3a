"""Features made of features: filled in after their parts, the same bits alone and in a batch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import FeatureDefinition
from features.derived import (
    derive,
    fill,
    made_of,
    needed,
    plan_derived,
    with_parts_purposes,
)
from features.kernel import compute
from governance.errors import ConfigurationError
from tests.features.sample import event, histories, micros, permit, permits

SPEND = FeatureDefinition("spend", ("order",), "sum", column="value")
VISITS = FeatureDefinition("visits", ("session",), "count")
TONE = FeatureDefinition(
    "tone",
    ("chat_message",),
    "mean",
    column="sentiment",
    purposes=("risk_scoring", "wellbeing_inference"),
)


def made(name: str, aggregate: str, *of: str, **own: object) -> FeatureDefinition:
    return FeatureDefinition(name, (), aggregate, of=of, **own)  # type: ignore[arg-type]


def filled(definitions: tuple[FeatureDefinition, ...], *row: float) -> list[float]:
    """Give the derived values of one row whose first values are `row`."""
    values = np.full((1, len(definitions)), -1.0)
    values[0, : len(row)] = row
    derive(definitions, values)
    found: list[float] = values[0, len(row) :].tolist()
    return found


@pytest.mark.parametrize(
    ("aggregate", "spend", "visits", "expected"),
    [
        ("ratio", 6.0, 4.0, 1.5),
        ("difference", 6.0, 4.0, 2.0),
        ("total", 6.0, 4.0, 10.0),
        ("ratio", 6.0, 0.0, math.nan),
        ("ratio", math.nan, 4.0, math.nan),
        ("ratio", 6.0, math.nan, math.nan),
        ("difference", math.nan, 4.0, math.nan),
        ("total", 6.0, math.nan, math.nan),
    ],
)
def test_values(aggregate: str, spend: float, visits: float, expected: float) -> None:
    whole = made("whole", aggregate, "spend", "visits")
    assert filled((SPEND, VISITS, whole), spend, visits) == pytest.approx([expected], nan_ok=True)


def test_a_declared_value_stands_where_there_is_nothing_to_divide_by() -> None:
    whole = made("whole", "ratio", "spend", "visits", empty=0.0)
    assert filled((SPEND, VISITS, whole), 6.0, 0.0) == [0.0]


def test_a_declared_value_never_hides_that_a_part_is_missing() -> None:
    whole = made("whole", "ratio", "spend", "visits", empty=0.0)
    assert math.isnan(filled((SPEND, VISITS, whole), math.nan, 0.0)[0])


def test_parts_are_filled_in_before_wholes_whatever_the_order() -> None:
    above = made("above", "difference", "each", "spend")
    each = made("each", "ratio", "spend", "visits")
    assert filled((SPEND, VISITS, above, each), 6.0, 4.0) == [-4.5, 1.5]


numbers = st.floats(allow_infinity=False, min_value=-1e12, max_value=1e12) | st.sampled_from(
    [math.nan, -math.nan, 0.0, -0.0, 1e-6]
)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6))
def test_one_row_alone_is_the_same_bits_as_among_others(rows: list[tuple[float, float]]) -> None:
    definitions = (
        SPEND,
        VISITS,
        made("each", "ratio", "spend", "visits", empty=7.0),
        made("less", "difference", "spend", "each"),
        made("sum", "total", "spend", "visits", "less"),
    )
    plan = plan_derived(definitions)
    together = np.array([[*row, 0.0, 0.0, 0.0] for row in rows])
    alone = together.copy()
    fill(plan, together)
    for k in range(len(rows)):
        fill(plan, alone[k : k + 1])
    assert alone.tobytes() == together.tobytes()


def test_a_circle_is_named() -> None:
    definitions = (made("a", "ratio", "b", "spend"), made("b", "ratio", "a", "spend"), SPEND)
    with pytest.raises(ConfigurationError, match="a → b → a"):
        plan_derived(definitions)


def test_a_feature_made_of_itself_is_a_circle() -> None:
    with pytest.raises(ConfigurationError, match="a → a"):
        plan_derived((made("a", "ratio", "a", "spend"), SPEND))


def test_a_part_that_is_no_feature_is_named() -> None:
    with pytest.raises(ConfigurationError, match="a: is made of gone, which is no feature"):
        plan_derived((made("a", "ratio", "gone", "spend"), SPEND))


def test_a_derived_feature_must_need_what_its_parts_need() -> None:
    with pytest.raises(ConfigurationError, match="its parts need wellbeing_inference, too"):
        plan_derived((TONE, SPEND, made("a", "ratio", "tone", "spend")))


def test_purposes_of_parts_are_taken_over_through_every_layer() -> None:
    low, high = made("low", "ratio", "tone", "spend"), made("high", "ratio", "low", "spend")
    found = {each.name: each for each in with_parts_purposes((high, low, TONE, SPEND))}
    assert found["high"].purposes == ("risk_scoring", "wellbeing_inference")


def test_who_permits_no_reading_of_tone_has_nothing_made_of_it() -> None:
    found = histories(
        event(1, value=2.0), event(2, "chat_message", text="thank you, that was wonderful")
    )
    whole = made("whole", "ratio", "tone", "spend", empty=0.0)
    definitions = with_parts_purposes((TONE, SPEND, whole))
    given_all = compute(found, definitions, [micros(5)], permits=permits(["c0"]))
    given_one = {"risk_scoring": permit("risk_scoring", ["c0"])}
    without = compute(found, definitions, [micros(5)], permits=given_one)
    assert given_all.values[0, 2] > 0
    assert np.isnan(without.values[0, 2])


def test_what_is_needed_and_what_is_made_of_a_feature() -> None:
    low, high = made("low", "ratio", "visits", "spend"), made("high", "total", "low", "spend")
    definitions = (high, low, SPEND, VISITS, TONE)
    assert needed(definitions, ["high"]) == {"high", "low", "spend", "visits"}
    assert made_of(definitions, ["visits"]) == {"visits", "low", "high"}
