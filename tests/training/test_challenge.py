"""A new model takes a signed one's place only if it is better, or as good and simpler."""

from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from features.dataset import Dataset
from features.labels import Target
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.evaluation import ChampionResult, Paired
from tests.governance.sample import facts, result
from tests.training.examples import fitted, outcome, rows
from tests.training.tables import JANUARY, choice, dataset, number
from training.bundle import Description, save, support_of
from training.evaluation.challenge import Rival, challenge, complexity, propose, rival_of
from training.target_model import TargetModel

NAMES = ("a", "b", "level", "gappy", "noise", "rest")
COLUMNS = tuple(number(name) for name in NAMES)
NOTHING = Interval(0.0, -0.001, 0.001)
BETTER = Paired(Interval(0.02, 0.01, 0.03), Interval(-0.02, -0.03, -0.01), NOTHING)
EQUAL = Paired(NOTHING, NOTHING, NOTHING)
WORSE = Paired(Interval(-0.02, -0.03, -0.01), Interval(0.02, 0.01, 0.03), NOTHING)


def signed(bundles: Path, **own: object) -> Rival:
    """A model that was trained on cut-offs up to 90 days before January, and signed."""
    values = rows(1200)
    description = Description(
        "churn", 90, "risk_scoring", tuple(each.name for each in COLUMNS),
        tuple(each.to_json() for each in COLUMNS), support_of(values), "2026-01-01T00:00:00Z",
    )  # fmt: skip
    stated: dict[str, object] = {
        "model_digest": save(TargetModel(90, fitted()), description, bundles),
        "cutoffs": ("2025-09-03T00:00:00Z", "2025-10-03T00:00:00Z"),
        "test": result(as_of=JANUARY),
    }
    found = rival_of(facts(**stated | own), bundles)
    assert found is not None
    return found


def people(n: int = 600, *, target: Target | None = None) -> Dataset:
    values = rows(n, seed=5)
    columns = {COLUMNS[k]: values[:, k] for k in range(6)}
    return dataset(columns, outcome(values, seed=5), target=target or Target("churn"))


def against(rival: Rival, test: Dataset, probability: np.ndarray | None = None) -> ChampionResult:
    p = fitted().probability(test.values) if probability is None else probability
    found = challenge(rival, test, p, horizon_days=90, split="by time")
    assert found is not None
    return found


def test_a_model_does_not_differ_from_itself(tmp_path: Path) -> None:
    found = against(signed(tmp_path), people())
    assert found.difference == Paired(*[Interval(0.0, 0.0, 0.0)] * 3)


def test_scores_of_nothing_are_worse_than_the_signed_model(tmp_path: Path) -> None:
    test = people()
    found = against(signed(tmp_path), test, np.full(len(test), 0.5)).difference
    assert found is not None
    assert found.auc.high < 0 < found.log_loss.low


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"cutoffs": ("2025-11-01T00:00:00Z",)}, "reach 29 days past 2026-01-01"),
        ({"horizon_days": 30}, "looks 30 days ahead"),
    ],
)
def test_a_model_that_saw_the_test_or_asks_otherwise_is_not_comparable(
    tmp_path: Path, own: dict[str, object], why: str
) -> None:
    found = against(signed(tmp_path, **own), people())
    assert found.difference is None
    assert why in found.reason


def test_a_feature_that_is_gone_is_named(tmp_path: Path) -> None:
    test = people()
    less = replace(test, names=test.names[1:], definitions=test.definitions[1:],
                   values=test.values[:, 1:])  # fmt: skip
    assert "profile_a" in against(signed(tmp_path), less, np.full(len(test), 0.5)).reason


def test_a_feature_that_means_something_else_is_named(tmp_path: Path) -> None:
    test = people()
    other = replace(test, definitions=(replace(COLUMNS[0], window_days=30), *COLUMNS[1:]))
    assert "profile_a is defined otherwise" in against(signed(tmp_path), other).reason


def test_a_snapshot_is_compared_only_on_the_same_random_split(tmp_path: Path) -> None:
    test = people(target=Target("churn", kind="given"))
    p = fitted().probability(test.values)
    split = "by customer, a quarter at random (seed 0)"
    same = challenge(signed(tmp_path, split=split), test, p, horizon_days=90, split=split)
    other = challenge(signed(tmp_path, split="by file"), test, p, horizon_days=90, split=split)
    assert same is not None
    assert same.difference is not None
    assert other is not None
    assert "the split is not the same" in other.reason


def test_a_damaged_bundle_is_told_and_not_loaded(tmp_path: Path) -> None:
    rival = signed(tmp_path)
    (tmp_path / rival.facts.model_digest / "lightgbm.txt").write_text("damaged")
    found = rival_of(rival.facts, tmp_path)
    assert found is not None
    assert found.model is None
    assert "not those that were approved" in against(found, people()).reason


def test_categories_are_told_by_name_when_another_one_came(tmp_path: Path) -> None:
    then, now = choice("level", "a", "b", "c"), choice("level", "0", "a", "b", "c")
    columns = (*COLUMNS[:2], then, *COLUMNS[3:])
    values = rows(400, seed=5)
    values[:, 2] %= 3
    description = Description(
        "churn", 90, "risk_scoring", tuple(each.name for each in columns),
        tuple(each.to_json() for each in columns), support_of(values), "2026-01-01T00:00:00Z",
    )  # fmt: skip
    digest = save(TargetModel(90, fitted()), description, tmp_path)
    rival = rival_of(facts(model_digest=digest, cutoffs=(), test=result(as_of=JANUARY)), tmp_path)
    shifted = values.copy()
    shifted[:, 2] += 1
    test = dataset({(*COLUMNS[:2], now, *COLUMNS[3:])[k]: shifted[:, k] for k in range(6)},
                   outcome(values, seed=5))  # fmt: skip
    assert rival is not None
    found = against(rival, test, fitted().probability(values)).difference
    assert found is not None
    assert found.log_loss.value == 0.0


def test_without_a_signed_model_the_first_has_no_rival(tmp_path: Path) -> None:
    nobody: ModelFacts | None = None
    assert rival_of(nobody, tmp_path) is None
    assert propose(None, model_digest="ab", complexity_here=9).outcome == "first"


@pytest.mark.parametrize(
    ("difference", "here", "outcome"),
    [
        (BETTER, 900, "propose"),
        (WORSE, 10, "keep_champion"),
        (EQUAL, 900, "keep_champion"),
        (EQUAL, 95, "keep_champion"),
        (EQUAL, 80, "propose"),
        (None, 10, "keep_champion"),
    ],
)
def test_better_or_as_good_and_simpler_is_proposed(
    difference: Paired | None, here: int, outcome: str
) -> None:
    signed_model = ChampionResult(
        "cd" * 32, difference, 100, "" if difference else "not comparable"
    )
    found = propose(signed_model, model_digest="ab" * 32, complexity_here=here)
    assert found.outcome == outcome
    assert "cdcdcdcdcdcd" in found.reason


def test_the_same_bytes_are_not_proposed_again() -> None:
    same = ChampionResult("ab" * 32, EQUAL, 100, "")
    assert propose(same, model_digest="ab" * 32, complexity_here=10).outcome == "keep_champion"


def test_complexity_counts_splits_and_bends() -> None:
    model = fitted()
    assert model.additive is not None
    bends = int(np.count_nonzero(model.additive.rise))
    assert complexity(replace(model, trees=None)) == bends
    data = lightgbm.Dataset(rows(600), outcome(rows(600)))
    trees = lightgbm.train({"objective": "binary", "num_leaves": 4, "verbosity": -1}, data, 7)
    leaves = sum(tree["num_leaves"] for tree in trees.dump_model()["tree_info"])
    assert complexity(replace(model, additive=None, trees=trees)) == leaves - 7
