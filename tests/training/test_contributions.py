"""Contributions and base are the log-odds, whatever the model is made of."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.examples import fitted, rows
from tests.training.test_bundle import saved
from training.bundle import load
from training.model import AdditiveMember, Matrix, RiskModel

CLOSE = 1e-9


class Parts(NamedTuple):
    """What a random model is made of; a weight of None leaves the member out."""

    tree_weight: float | None
    curve_weight: float | None
    intercept: float
    seed: int


WEIGHTS = st.floats(0.01, 3.0)
MODELS = st.one_of(
    st.builds(Parts, WEIGHTS, st.none(), st.floats(-3, 3), st.integers(0, 5)),
    st.builds(Parts, st.none(), WEIGHTS, st.floats(-3, 3), st.integers(0, 5)),
    st.builds(Parts, WEIGHTS, WEIGHTS, st.floats(-3, 3), st.integers(0, 5)),
)


@cache
def trees(seed: int) -> lightgbm.Booster:
    """Trees grown on noise with a random target, some of it missing."""
    rng = np.random.default_rng(seed)
    table = rows(300, seed)
    parameters = {
        "objective": "binary",
        "num_leaves": int(rng.integers(2, 16)),
        "seed": seed,
        "verbose": -1,
        "num_threads": 1,
    }
    told = lightgbm.Dataset(table, rng.integers(0, 2, len(table)))
    return lightgbm.train(parameters, told, num_boost_round=int(rng.integers(1, 40)))


def curves(seed: int) -> AdditiveMember:
    rng = np.random.default_rng(seed)
    knots = [np.sort(rng.normal(size=rng.integers(1, 6))) for _ in range(6)]
    levels = [rng.normal(size=len(at)) for at in knots]
    return AdditiveMember.from_curves(knots, levels, rng.normal(size=6), float(rng.normal()))


def built(parts: Parts) -> RiskModel:
    return replace(
        fitted(),
        intercept=parts.intercept,
        trees=None if parts.tree_weight is None else trees(parts.seed),
        tree_weight=parts.tree_weight or 0.0,
        additive=None if parts.curve_weight is None else curves(parts.seed),
        additive_weight=parts.curve_weight or 0.0,
    )


def gap(model: RiskModel, table: Matrix) -> float:
    """By how much base and contributions miss the log-odds, at most."""
    scores = model.predict(table)
    return float(np.abs(scores.base + scores.contributions.sum(axis=1) - scores.log_odds).max())


@settings(deadline=None, max_examples=60)
@given(MODELS, st.integers(0, 1000), st.sampled_from([1, 2, 57]), st.floats(0, 1))
def test_contributions_and_base_add_up_whatever_the_model_is_made_of(
    parts: Parts, seed: int, n: int, missing: float
) -> None:
    table = rows(n, seed)
    table[np.random.default_rng(seed).random(table.shape) < missing] = np.nan
    assert gap(built(parts), table) < CLOSE


@pytest.mark.parametrize("value", [np.nan, 1e12, -1e12, 0.0])
def test_they_do_so_for_rows_unlike_any_seen(value: float) -> None:
    assert gap(fitted(), np.full((1, 6), value)) < CLOSE


def test_they_do_so_in_a_bundle_read_back(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    loaded = load(directory, expected_digest=model_digest)
    for n in (1, 200):
        assert gap(loaded.model, rows(n, seed=9)) < CLOSE
