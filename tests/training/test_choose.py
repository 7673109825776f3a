"""Capacity is chosen by customers held out, the smallest that is as good as the best."""

import numpy as np

from training.choose import folds_of, smallest_within_one_se


def test_folds_never_share_a_customer() -> None:
    groups = np.repeat(np.arange(40), 3)
    y = (groups % 2).astype(np.float64)
    for train, held_out in folds_of(y, groups, seed=0):
        assert not set(groups[train]) & set(groups[held_out])


def test_a_class_with_one_customer_gives_no_folds() -> None:
    assert folds_of(np.array([1.0, 0.0, 0.0, 0.0]), np.arange(4), seed=0) == []


def test_a_smaller_candidate_that_is_as_good_is_chosen() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.5).astype(np.float64)
    good = np.where(y > 0, 1.0, -1.0)
    scores = np.stack([good + rng.normal(size=2000) * 0.01, good + 0.0, np.zeros(2000)])
    ones, each = np.ones(2000), np.arange(2000)
    assert smallest_within_one_se(scores, y, ones, each, [1.0, 5.0, 0.1]).candidate == 0


def test_rows_of_one_customer_count_as_one_observation() -> None:
    rng = np.random.default_rng(3)
    y = np.repeat((rng.random(30) < 0.5).astype(np.float64), 100)
    lean = np.repeat(rng.normal(0.05, 0.5, 30), 100)
    scores = np.stack([np.zeros(3000), np.where(y > 0, lean, -lean)])
    by_row = smallest_within_one_se(scores, y, np.ones(3000), np.arange(3000), [1.0, 2.0])
    by_customer = smallest_within_one_se(
        scores, y, np.ones(3000), np.repeat(np.arange(30), 100), [1.0, 2.0]
    )
    assert by_customer.candidate <= by_row.candidate
