"""Trees as tables: LightGBM's sums to the bit, its Shapley values within rounding."""

import json
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest

from tests.training.test_contributions import curves
from training.calibrator import Calibrator
from training.compiled_trees import MOST_SPLITS, compile_trees
from training.model import RISK, Matrix, RiskModel


def grown(leaves: int, seed: int, **more: Any) -> lightgbm.Booster:
    rng = np.random.default_rng(seed)
    table = values(400, seed)
    given = {"objective": "binary", "num_leaves": leaves, "verbose": -1, "num_threads": 1}
    told = lightgbm.Dataset(table, rng.integers(0, 2, len(table)))
    return lightgbm.train(given | {"seed": seed} | more, told, num_boost_round=30)


def values(n: int, seed: int) -> Matrix:
    """Rows of five features with zeros, missing values and numbers that occur many times."""
    rng = np.random.default_rng(seed)
    table = np.round(rng.normal(size=(n, 5)) * 3, rng.integers(0, 3))
    table[rng.random(table.shape) < 0.2] = 0.0
    table[rng.random(table.shape) < 0.2] = np.nan
    return table


GIVEN = [(2, {}), (4, {}), (7, {}), (MOST_SPLITS + 1, {"extra_trees": True}), (4, {"lambda_l2": 9})]


@pytest.mark.parametrize(("leaves", "more"), GIVEN)
def test_sums_are_lightgbms_bit_for_bit(leaves: int, more: dict[str, Any]) -> None:
    booster = grown(leaves, leaves, **more)
    own = compile_trees(booster)
    assert own is not None
    rows = np.concatenate([values(700, 9), np.full((1, 5), -own.thresholds[0])])
    for at, (feature, _) in zip(own.thresholds, own.nodes, strict=True):
        rows[feature + 7, feature] = at
    assert (own.total(rows) == booster.predict(rows, raw_score=True, num_threads=1)).all()


@pytest.mark.parametrize(("leaves", "more"), GIVEN)
def test_shares_are_lightgbms_within_rounding(leaves: int, more: dict[str, Any]) -> None:
    booster = grown(leaves, leaves, **more)
    own = compile_trees(booster)
    assert own is not None
    rows = values(700, 9)
    _, shares = own.explained(rows)
    theirs = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))
    assert np.abs(shares - theirs[:, :-1]).max() < 1e-12
    assert own.base == pytest.approx(theirs[0, -1], abs=1e-12)


def test_a_row_does_not_depend_on_who_else_is_computed() -> None:
    own = compile_trees(grown(7, 1))
    assert own is not None
    rows = values(600, 2)
    total, shares = own.explained(rows)
    for k in (0, 255, 256, 599):
        one, alone = own.explained(rows[k : k + 1])
        assert (one[0], alone[0].tolist()) == (total[k], shares[k].tolist())


def test_missing_is_read_as_zero_where_training_saw_none_missing() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(300, 2))
    told = lightgbm.Dataset(table, table[:, 0] > 0)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, told, 5)
    own = compile_trees(booster)
    assert own is not None
    rows = np.array([[np.nan, 1.0], [0.0, np.nan], [1e-36, -1e-36]])
    assert (own.total(rows) == booster.predict(rows, raw_score=True)).all()


def test_a_tree_with_many_splits_is_left_to_lightgbm() -> None:
    assert compile_trees(grown(MOST_SPLITS + 2, 3)) is None


def test_trees_without_a_split_are_a_number() -> None:
    told = lightgbm.Dataset(np.zeros((50, 2)), np.ones(50))
    booster = lightgbm.train({"objective": "regression", "verbose": -1}, told, 2)
    own = compile_trees(booster)
    assert own is not None
    total, shares = own.explained(np.zeros((1, 2)))
    assert (total == booster.predict(np.zeros((1, 2)), raw_score=True)).all()
    assert own.base == total[0]
    assert not shares.any()


def test_a_model_of_before_there_were_tables_says_what_it_said() -> None:
    model = RiskModel(5, 0.1, grown(4, 8), 0.5, None, 0.0, Calibrator("platt"))
    files = model.to_files()
    content = json.loads(files[RISK])
    del content["shares"]
    older = RiskModel.from_files({**files, RISK: json.dumps(content).encode()})
    rows = values(50, 3)
    assert older.trees is not None
    theirs = np.asarray(older.trees.predict(rows, pred_contrib=True, num_threads=1))
    assert (older.predict(rows).contributions == 0.5 * theirs[:, :-1]).all()
    assert (older.predict(rows).probability == model.predict(rows).probability).all()


def test_curves_are_the_same_within_rounding_however_they_are_added_up() -> None:
    own = curves(3)
    rows = np.random.default_rng(1).normal(size=(50, 6)) * 2
    rows[::7, 2] = np.nan
    before = replace(own, pairwise=True)
    assert np.abs(own.contributions(rows) - before.contributions(rows)).max() < 1e-14
    assert (own.contributions(rows[9:10]) == own.contributions(rows)[9]).all()


def test_a_model_of_before_adds_its_curves_up_as_it_did() -> None:
    model = RiskModel(6, 0.1, None, 0.0, curves(5), 0.5, Calibrator("platt"))
    files = model.to_files()
    content = json.loads(files[RISK])
    del content["shares"]
    older = RiskModel.from_files({**files, RISK: json.dumps(content).encode()}).additive
    assert older is not None
    assert older.pairwise
    x = np.linspace(-3, 3, 12).reshape(2, 6)
    share = np.clip((x[:, :, None] - older.left) / older.width, 0.0, 1.0)
    expected = older.start + np.sum(share * older.rise, axis=2)
    assert (older.contributions(x) == expected).all()
