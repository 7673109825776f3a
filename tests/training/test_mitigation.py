"""Narrowing gaps between groups: weights, thresholds, reductions, and what they cost."""

import json

import numpy as np
import pytest

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from governance.errors import InsufficientData
from governance.fairness.mitigation import Mitigation
from governance.fairness.record import Limits
from tests.training.made_rows import made
from training.fairness import Groups
from training.fit import RiskClassifier
from training.group_thresholds import group_thresholds, selected_by_group
from training.mitigation import CONSTRAINTS, Ask, mitigations, training_weights
from training.reduction import reduced
from training.reweigh import balancing_weights

LABELS: list[str | None] = ["a"] * 200 + ["b"] * 100 + [None] * 50


def outcome() -> np.ndarray:
    """Half of a, a fifth of b, a tenth of those not known."""
    return np.array(
        [k % 2 == 0 for k in range(200)] + [k % 5 == 0 for k in range(100)]
        + [k % 10 == 0 for k in range(50)], np.float64
    )  # fmt: skip


def test_weights_make_the_outcome_as_frequent_in_every_group() -> None:
    y = outcome()
    weight = balancing_weights(y, {"region": LABELS}, min_group=30)
    for group in ("a", "b"):
        inside = np.array([label == group for label in LABELS])
        came = weight[inside] @ y[inside] / weight[inside].sum()
        assert came == pytest.approx(y.mean(), abs=1e-9)
    assert weight.mean() == pytest.approx(1)


def test_weights_balance_several_attributes_at_once() -> None:
    rng = np.random.default_rng(3)
    sex, age = rng.choice(["f", "m"], 2000), rng.choice(["old", "young"], 2000)
    y = (rng.random(2000) < 0.2 + 0.2 * (sex == "f") + 0.3 * (age == "old")).astype(np.float64)
    labels = {"sex": sex.tolist(), "age": age.tolist()}
    weight = balancing_weights(y, labels, min_group=30)
    for stated in (sex, age):
        for group in np.unique(stated):
            inside = stated == group
            assert weight[inside] @ y[inside] / weight[inside].sum() == pytest.approx(
                y.mean(), abs=1e-3
            )


def test_those_not_known_keep_their_weight_among_each_other() -> None:
    weight = balancing_weights(outcome(), {"region": LABELS}, min_group=30)
    assert len(set(weight[300:])) == 1


def test_with_one_group_there_is_nothing_to_balance() -> None:
    with pytest.raises(InsufficientData, match="no two groups"):
        balancing_weights(outcome(), {"region": ["a"] * 350}, min_group=30)


def test_asking_without_any_permitted_attribute_says_why() -> None:
    nobody = Groups(frozenset(), {}, "nobody has permitted the fairness audit")
    rows = made(["p1", "p2"], [0, 0])
    with pytest.raises(InsufficientData, match="nobody has permitted"):
        training_weights(Ask(("reweigh",)), rows, nobody, min_group=30)
    assert training_weights(None, rows, nobody, min_group=30) is None


def test_asking_where_no_attribute_has_two_large_groups_says_so() -> None:
    names = [f"p{k}" for k in range(60)]
    groups = Groups(frozenset(names), {"region": dict.fromkeys(names, "north")}, "")
    with pytest.raises(InsufficientData, match="no attribute has two groups of 30"):
        training_weights(Ask(("threshold",)), made(names, [0] * 60), groups, min_group=30)


def test_a_reduction_without_two_usable_groups_is_none() -> None:
    values = np.zeros((80, 1))
    y = np.array([k % 2 for k in range(80)], np.float64)
    labels = ["a"] * 60 + ["b"] * 20
    assert (
        reduced(
            values, y, labels, values,
            constraint="demographic_parity", threshold=0.5, min_group=30, seed=0,
        )
        is None
    )  # fmt: skip


def _scores(n: int = 4000) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Calibrated scores, those of b pushed up by 0.2."""
    rng = np.random.default_rng(1)
    group = np.where(rng.random(n) < 0.4, "b", "a")
    fair = rng.beta(2, 5, n)
    y = (rng.random(n) < fair).astype(np.float64)
    return np.clip(fair + 0.2 * (group == "b"), 0, 1), y, group.tolist()


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_thresholds_of_their_own_bring_the_rates_together(constraint: str) -> None:
    score, y, labels = _scores()
    cuts = group_thresholds(score, y, labels, constraint=constraint, share=0.2, min_group=30)
    chosen = selected_by_group(score, labels, cuts, 0.5)
    assert chosen.mean() == pytest.approx(0.2, abs=0.005)
    rates = []
    for group in ("a", "b"):
        inside = np.array([label == group for label in labels])
        tpr, fpr = chosen[inside & (y == 1)].mean(), chosen[inside & (y == 0)].mean()
        rates.append(
            {
                "demographic_parity": chosen[inside].mean(),
                "true_positive_rate": tpr,
                "equalized_odds": (tpr + fpr) / 2,
            }[constraint]
        )
    assert rates[0] == pytest.approx(rates[1], abs=0.01)


def test_whoever_is_in_no_group_keeps_the_plain_threshold() -> None:
    chosen = selected_by_group(np.array([0.4, 0.4]), ["a", None], {"a": 0.3}, 0.5)
    assert chosen.tolist() == [True, False]


def _unfair(n: int, seed: int) -> tuple[Dataset, dict[str, str]]:
    """People of whom b's are called lost too often: half of the outcome of b is made up."""
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.4, "b", "a")
    values = rng.normal(size=(n, 3))
    values[:, 2] += 1.5 * (group == "b")
    risk = 1 / (1 + np.exp(1.5 - values[:, 0] - values[:, 2]))
    y = (rng.random(n) < risk).astype(np.float64)
    names = [f"p{seed}_{k:05d}" for k in range(n)]
    definitions = [
        FeatureDefinition(name=f"f{k}", kinds=("order",), aggregate="count", text="{value}")
        for k in range(3)
    ]
    rows = made(names, [0] * n, values=values, y=y, definitions=definitions)
    return rows, dict(zip(names, group.tolist(), strict=True))


@pytest.fixture(scope="module")
def company() -> tuple[Dataset, Dataset, Groups, RiskClassifier]:
    train, of_train = _unfair(3000, 1)
    test, of_test = _unfair(2500, 2)
    known = of_train | of_test
    groups = Groups(frozenset(known), {"region": known}, "")
    return train, test, groups, _fit(train, None)


def _fit(train: Dataset, weight: np.ndarray | None) -> RiskClassifier:
    model = RiskClassifier(trials=1, refits=0, calibration="platt", random_state=0)
    return model.fit(train.values, train.y, sample_weight=weight)


def _tried(
    company: tuple[Dataset, Dataset, Groups, RiskClassifier], ask: Ask
) -> tuple[Mitigation, ...]:
    train, test, groups, plain = company
    weight = training_weights(ask, train, groups, min_group=30)
    shipped = plain if weight is None else _fit(train, weight)
    return mitigations(
        ask, train, test,
        plain=plain, shipped=shipped, groups=groups, limits=Limits(), seed=0,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["reweigh", "threshold", "reduction"])
def test_every_way_narrows_the_gap_and_tells_its_cost(
    company: tuple[Dataset, Dataset, Groups, RiskClassifier], method: str
) -> None:
    (found,) = _tried(company, Ask((method,), "demographic_parity"))
    assert found.ships is (method == "reweigh")
    (gap,) = found.gaps
    assert (gap.group, gap.reference, gap.measure) == ("b", "a", "selection rate")
    assert gap.before is not None
    assert gap.before.low > 0.1
    assert gap.change is not None
    assert gap.change.high < 0
    assert found.lift is not None
    assert found.lift.value < 0.02
    assert (found.auc is None) is (method != "reweigh")
    assert Mitigation.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_what_group_thresholds_would_take_is_said(
    company: tuple[Dataset, Dataset, Groups, RiskClassifier],
) -> None:
    (found,) = _tried(company, Ask(("threshold",)))
    assert "everyone's group would have to be known at every score" in found.note
    assert [gap.measure for gap in found.gaps] == ["true positive rate", "false positive rate"]


def test_a_group_too_small_in_the_test_cannot_be_said(
    company: tuple[Dataset, Dataset, Groups, RiskClassifier],
) -> None:
    train, test, groups, plain = company
    few = test.take(np.arange(len(test)) < 12)
    (found,) = mitigations(
        Ask(("threshold",), "true_positive_rate"), train, few,
        plain=plain, shipped=plain, groups=groups, limits=Limits(), seed=0,
    )  # fmt: skip
    assert [(gap.before, gap.change) for gap in found.gaps] == [(None, None)]


def test_several_ways_are_told_of_beside_each_other(
    company: tuple[Dataset, Dataset, Groups, RiskClassifier],
) -> None:
    found = _tried(company, Ask(("reweigh", "threshold"), "true_positive_rate"))
    assert [(each.method, each.ships) for each in found] == [
        ("reweigh", True), ("threshold", False),
    ]  # fmt: skip
    assert found[0].gaps[0].before == found[1].gaps[0].before
