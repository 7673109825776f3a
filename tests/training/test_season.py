"""A level that moved between training and test is noticed; one that did not is not."""

from datetime import timedelta

import numpy as np

from governance.model.evaluation import Season
from tests.training.tables import JANUARY, dataset
from training.evaluation.season import season_of


def season(rate: float, *, seed: int = 0) -> Season:
    """A model that says 30 % to everyone, where `rate` of the test customers leave."""
    autumn = JANUARY - timedelta(days=90)
    train = dataset({}, [1.0] * 30 + [0.0] * 70, as_of=autumn)
    y = np.random.default_rng(seed).random(1000) < rate
    return season_of(train, dataset({}, y), np.full(1000, 0.3))


def test_a_season_in_which_more_leave_is_a_shift() -> None:
    found = season(0.4)
    assert found.shifted
    assert found.gap.low > 0.02


def test_the_same_season_is_no_shift() -> None:
    assert sum(season(0.3, seed=seed).shifted for seed in range(40)) <= 4


def test_base_rates_are_told_by_cut_off() -> None:
    found = season(0.3)
    assert [(rate.as_of[:10], rate.n, rate.rate.value) for rate in found.training] == [
        ("2025-10-03", 100, 0.3)
    ]


def test_a_cut_off_of_three_people_is_not_told() -> None:
    train = dataset({}, [1, 0, 0])
    assert season_of(train, dataset({}, [0, 1]), np.full(2, 0.5)).training == ()
