"""Reasons: the largest first, missing said as missing; on the whole, what matters comes first."""

import numpy as np
import pytest

from features.definitions import FeatureDefinition
from tests.training.examples import fitted, rows
from training.explain import dependence_points, explain, grouped, top_reasons

DEFINITIONS = tuple(
    FeatureDefinition(name, (kind,), "count", window_days=days, text=f"{{value}} {kind}s")
    for name, kind, days in (
        ("a", "order", 30), ("b", "order", 90), ("c", "session", 30),
        ("d", "session", 90), ("e", "call", 30), ("f", "ticket_opened", 30),
    )
)  # fmt: skip

NAMES = ("orders_30d", "days_since_last_order", "plan")


def test_the_largest_movements_come_first_whichever_way_they_point() -> None:
    found = top_reasons(NAMES, np.array([1.0, 61.0, 2.0]), np.array([0.1, -0.9, 0.4]), 2)
    assert [(reason.feature, reason.contribution) for reason in found] == [
        ("days_since_last_order", -0.9),
        ("plan", 0.4),
    ]


def test_a_missing_value_is_said_to_be_unknown() -> None:
    (reason,) = top_reasons(NAMES, np.array([np.nan, 0, 0]), np.array([0.3, 0.0, 0.0]), 3)
    assert reason.value is None
    assert reason.text == "orders 30d is not known"


def test_a_feature_that_moved_nothing_is_no_reason() -> None:
    assert top_reasons(NAMES, np.zeros(3), np.zeros(3), 3) == ()


def test_on_the_whole_what_matters_comes_first() -> None:
    found = explain(fitted(), DEFINITIONS, rows(800)).features
    first = [each.feature for each in found]
    assert first[0] == "a"
    assert set(first[:3]) == {"a", "c", "e"}  # b matters only together with a
    assert (found[0].text, found[0].mean_abs > found[-1].mean_abs >= 0) == ("… orders", True)


def test_members_that_pull_against_each_other_do_not_count_twice() -> None:
    found = explain(fitted(), DEFINITIONS, rows(800))
    alone = {each.feature: each.mean_abs for each in found.features}
    first = found.groups[0]
    assert (first.group, first.features) == ("how many orders, and how often", ("a", "b"))
    assert max(alone["a"], alone["b"]) <= first.mean_abs < alone["a"] + alone["b"]


def test_groups_add_up_to_the_contributions_of_their_members() -> None:
    contributions = np.array([[1.0, 2.0, 0.0, -3.0, 0.5, 0.25]])
    assert grouped(contributions, DEFINITIONS).tolist() == [[3.0, -3.0, 0.5, 0.25]]


def test_curves_are_drawn_of_what_moves_scores_most() -> None:
    found = explain(fitted(), DEFINITIONS, rows(800))
    assert [each.feature for each in found.dependence] == [
        each.feature for each in found.features[:4]
    ]
    known = [p.contribution.value for p in found.dependence[0].points if p.value is not None]
    assert known == sorted(known)  # planted: the more of the first, the more risk


def test_a_curve_holds_the_mean_of_ten_people_per_point() -> None:
    values = np.repeat([1.0, 5.0], 10)
    contributions = np.concatenate([np.tile([0.1, 0.3], 5), np.full(10, -1.0)])
    first, second = dependence_points(values, contributions)
    assert (first.n, first.value) == (10, 1.0)
    assert first.contribution.value == pytest.approx(0.2)
    half = 1.96 * 0.1 * (10 / 9) ** 0.5 / 10**0.5
    assert first.contribution.high == pytest.approx(0.2 + half, abs=1e-4)
    assert (second.value, second.contribution.low, second.contribution.high) == (5.0, -1.0, -1.0)


def test_those_without_a_value_are_a_point_of_their_own() -> None:
    values = np.concatenate([np.arange(10.0), np.full(12, np.nan)])
    found = dependence_points(values, np.arange(22.0))
    assert [(each.n, each.value) for each in found] == [(10, 4.5), (12, None)]


@pytest.mark.parametrize("n", [1, 9, 10, 19, 20, 137, 1000])
def test_no_point_stands_for_fewer_than_ten_people(n: int) -> None:
    values = np.random.default_rng(n).integers(0, 40, n).astype(np.float64)
    found = dependence_points(values, values)
    assert all(each.n >= 10 for each in found)
    assert sum(each.n for each in found) == (n if n >= 10 else 0)


def test_of_nobody_there_is_nothing_to_draw() -> None:
    found = explain(fitted(), DEFINITIONS, rows(1)[:0])
    assert [each.points for each in found.dependence] == []


def test_a_point_bears_the_name_of_a_category_only_where_it_stands_for_one() -> None:
    values = np.repeat([0.0, 1.0, 3.0], [30, 6, 6])
    found = dependence_points(values, values, ("month", "year", "never seen", "two years"))
    assert [(each.n, each.label) for each in found] == [(30, "month"), (12, "several")]
