"""Reasons told in groups: what they add up to, and which member words them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import FeatureDefinition
from features.reason_groups import grouping
from serving.scoring.estimate import Estimate, Reason, reasons


def orders(name: str, aggregate: str, text: str = "", **own: object) -> FeatureDefinition:
    return FeatureDefinition(name, ("order",), aggregate, text=text, **own)  # type: ignore[arg-type]


DEFINITIONS = (
    orders("order_count_30d", "count", "{value} orders in the last 30 days", window_days=30),
    orders("days_since_last_order", "days_since_last", "last order was {days} ago"),
    orders("order_count_90d", "count", "{value} orders in the last 90 days", window_days=90),
    orders("days_since_first_order", "days_since_first", "first order was {days} ago"),
)


def found(contributions: list[float], values: list[float], base: float = -0.5) -> Estimate:
    return Estimate(
        "ann", "scored", "model", "e", "f", 0.5, 0.4, 0.6,
        log_odds=base + sum(contributions),
        base=base,
        values=tuple(values),
        contributions=tuple(contributions),
    )  # fmt: skip


def told(contributions: list[float], limit: int = 9) -> tuple[Reason, ...]:
    return reasons(found(contributions, [0.0, 61.0, 3.0, 400.0]), DEFINITIONS, limit=limit)


def test_a_group_is_worded_by_its_strongest_member_that_points_the_same_way() -> None:
    first = told([0.9, 0.1, -0.4, 0.0])[0]
    assert (first.feature, first.text) == ("order_count_30d", "0 orders in the last 30 days")
    assert first.contribution == pytest.approx(0.5)


def test_the_strongest_member_does_not_word_a_group_it_points_against() -> None:
    streak = orders("order_streak", "streak", parameter=7.0)
    row = found([0.6, -0.9, 0.7], [0.0, 3.0, 4.0])
    [only] = reasons(row, (DEFINITIONS[0], DEFINITIONS[2], streak), limit=3)
    assert only.contribution == pytest.approx(0.4)
    assert only.feature == "order_streak"


def test_members_are_all_that_moved_the_score_and_add_up_to_the_group() -> None:
    first = told([0.9, 0.1, -0.4, 0.0])[0]
    assert [(each.feature, each.value) for each in first.members] == [
        ("order_count_30d", 0.0),
        ("order_count_90d", 3.0),
    ]
    assert sum(each.contribution for each in first.members) == first.contribution


def test_the_limit_counts_groups() -> None:
    assert [each.group for each in told([0.5, -0.6, 0.5, 0.2], limit=2)] == [
        "how many orders, and how often",
        "time since the last order",
    ]


def test_a_group_that_moved_nothing_is_no_reason() -> None:
    assert [each.group for each in told([0.5, 0.2, -0.5, 0.0])] == ["time since the last order"]


def test_a_missing_value_is_told_as_missing() -> None:
    row = found([0.0, 0.3, 0.0, 0.0], [0.0, np.nan, 0.0, 0.0])
    [only] = reasons(row, DEFINITIONS, limit=3)
    assert (only.value, only.members[0].value) == (None, None)
    assert only.text == "days since last order is not known"


def test_of_someone_without_a_score_there_is_nothing_to_say() -> None:
    nobody = Estimate("ann", "insufficient_data", "not_active", None, None)
    assert reasons(nobody, DEFINITIONS, limit=3) == ()


FLOATS = st.floats(-5, 5, allow_subnormal=False)


@given(st.lists(FLOATS, min_size=4, max_size=4), FLOATS)
def test_groups_and_base_add_up_to_the_log_odds(contributions: list[float], base: float) -> None:
    row = found(contributions, [1.0, 2.0, 3.0, 4.0], base)
    total = base + sum(each.contribution for each in reasons(row, DEFINITIONS, limit=20))
    assert total == pytest.approx(row.log_odds, abs=1e-9)


@given(st.lists(FLOATS, min_size=4, max_size=4))
def test_each_reason_is_worded_by_a_member_that_points_its_way(contributions: list[float]) -> None:
    for each in told(contributions):
        own = {member.feature: member.contribution for member in each.members}
        assert np.sign(own[each.feature]) == np.sign(each.contribution)
        assert each.group in grouping(DEFINITIONS).titles
