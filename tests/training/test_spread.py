"""Intervals hold the true probability, and are wider where less is known."""

import numpy as np
import pytest

from tests.training.examples import outcome, rows
from training.calibrator import sigmoid
from training.fit import RiskClassifier
from training.spread import Spread


def true_probability(table: np.ndarray) -> np.ndarray:
    """What `examples.outcome` draws from."""
    return sigmoid(1.2 * table[:, 0] - 0.8 * table[:, 1] + 0.9 * (table[:, 2] == 3) - 0.5)


@pytest.mark.parametrize("customers", [700, 3000])
def test_nine_of_ten_intervals_hold_the_true_probability(customers: int) -> None:
    new, held, thinnest = rows(4000, seed=9), [], []
    for seed in (1, 2, 3):
        X = rows(customers, seed=seed)
        model = RiskClassifier(trials=1, random_state=0).fit(X, outcome(X, seed=seed))
        low, high = model.predict_interval(new).T
        inside = (low <= true_probability(new)) & (true_probability(new) <= high)
        width = np.log(high / (1 - high)) - np.log(low / (1 - low))
        held.append(inside.mean())
        thinnest.append(inside[width >= np.quantile(width, 0.9)].mean())
    assert 0.84 <= np.mean(held) <= 0.97
    assert 0.80 <= np.mean(thinnest) <= 0.99


def test_widths_are_never_negative_and_grow_with_what_is_shared() -> None:
    values, scores = np.zeros((3, 2)), np.zeros(3)
    assert Spread().half_widths(values, scores).tolist() == [0.0, 0.0, 0.0]
    assert Spread(shared=3.0, scale=4.0).half_widths(values, scores).tolist() == [5.0, 5.0, 5.0]


def test_a_restless_level_widens_every_interval() -> None:
    X = rows(2400)
    days = np.repeat(np.arange(6) * 90.0, 400)
    season = np.where(days % 180 > 0, 1.0, -1.0)
    drawn = np.random.default_rng(3).random(len(X))
    calm = (drawn < true_probability(X)).astype(np.float64)
    p = true_probability(X)
    restless = (drawn < sigmoid(np.log(p / (1 - p)) + season)).astype(np.float64)
    shared = [
        RiskClassifier(trials=1, refits=2, random_state=0)
        .fit(X, y, period_days=days)
        .model_.spread.shared
        for y in (calm, restless)
    ]
    assert shared[0] < 0.4
    assert shared[1] > 1.2
