"""Net value of contacting, by hand; the share is chosen on training rows, assumptions are told."""

import numpy as np
import pytest

from governance.errors import InvalidInput
from governance.model.evaluation import CostCurve
from tests.training.tables import dataset, number
from training.evaluation.costs import Costs, Margins, contacted, cost_curve

TEN = Costs(
    contact_cost=2.0, incentive_cost=4.0, incentive_uptake=0.5, success_rate=0.1, margin=100
)
Y = np.array([1.0, 1.0, 0.0, 0.0])
P = np.array([0.9, 0.6, 0.3, 0.1])
"""A contact costs 4 and brings 10 where the person would have left: worth it from p > .4."""


def curve(
    costs: Costs = TEN, *, latest: np.ndarray = P, rule: np.ndarray | None = None
) -> CostCurve:
    fixed = np.full(4, 100.0)
    return cost_curve(
        costs, Margins(fixed, np.full(len(latest), 100.0)), y=Y, probability=P, rule=rule,
        latest=latest, groups=np.arange(4),
    )  # fmt: skip


def test_the_share_is_where_the_expected_net_is_above_zero() -> None:
    assert curve().share.value == 0.5


def test_the_net_is_what_the_kept_bring_less_what_all_contacts_cost() -> None:
    assert curve().net.value == pytest.approx(2 * 10 - 2 * 4)


def test_contacting_everyone_and_nobody_are_the_ends_of_the_curve() -> None:
    found = curve()
    assert found.everyone.value == pytest.approx(2 * 10 - 4 * 4)
    assert found.curve[0].model.value == 0.0
    assert found.curve[-1].model.value == pytest.approx(found.everyone.value)
    assert found.over_everyone.value == pytest.approx(8.0)


def test_the_rule_is_followed_at_the_same_share() -> None:
    backwards = curve(rule=1 - P)
    assert backwards.over_rule is not None
    assert backwards.over_rule.value == pytest.approx(20.0)


def test_the_share_is_chosen_on_training_rows_not_on_the_test() -> None:
    assert curve(latest=np.array([0.1, 0.2, 0.3, 0.9])).share.value == 0.25
    assert curve(latest=np.full(4, 0.1)).net.value == 0.0


def test_equal_scores_are_contacted_in_equal_part() -> None:
    assert contacted(np.array([0.9, 0.5, 0.5, 0.1]), 0.5).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert contacted(np.array([0.9, 0.5]), 0.0).tolist() == [0.0, 0.0]


def test_a_margin_can_be_a_feature() -> None:
    rows = dataset({number("spend"): [50.0, -5.0, np.nan]}, [1, 0, 0])
    costs = Costs(
        contact_cost=1, success_rate=0.1, margin_feature="profile_spend", margin_share=0.3
    )
    assert costs.margins(rows).tolist() == [15.0, 0.0, 0.0]


def test_a_margin_feature_that_is_not_there_is_named() -> None:
    rows = dataset({number("spend"): [50.0]}, [1])
    with pytest.raises(InvalidInput, match="no_such"):
        Costs(contact_cost=1, success_rate=0.1, margin_feature="no_such").margins(rows)


def test_every_assumption_is_told_with_its_source() -> None:
    costs = Costs(contact_cost=1, success_rate=0.1, margin=9, sources={"margin": "finance, 2025"})
    told = {each.name: each for each in costs.assumptions()}
    assert told["margin"].source == "finance, 2025"
    assert told["success_rate"] == ("success_rate", "10 % of those who would leave",
                                    "stated in keepwell.toml, no source given")  # fmt: skip


def test_the_interval_of_the_net_covers_as_often_as_it_says() -> None:
    costs = Costs(contact_cost=4, success_rate=0.1, margin=100)
    inside = share_inside = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        p = rng.uniform(size=400)
        y = (rng.random(400) < p).astype(np.float64)
        found = cost_curve(
            costs, Margins(np.full(400, 100.0), np.full(400, 100.0)), y=y, probability=p,
            rule=None, latest=p, groups=np.arange(400),
        )  # fmt: skip
        # 60 % of 400 people, of whom .7 leave on average: 240 · (.7 · 10 − 4)
        inside += found.net.low <= 720 <= found.net.high
        share_inside += found.best_share.low <= 0.6 <= found.best_share.high
    assert inside >= 88
    assert share_inside >= 90
