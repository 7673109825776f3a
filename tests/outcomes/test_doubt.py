"""Covariates that came after the treatment are doubted; those from before are not."""

import numpy as np
import pytest

from outcomes.experiment.doubt import Pair, doubts
from outcomes.randomised.cuped import adjusted_difference
from outcomes.randomised.lift import difference

RNG = np.random.default_rng(5)
TREATED = np.arange(4_000) % 2 == 0
BOUGHT = (RNG.random(4_000) < np.where(TREATED, 0.15, 0.10)).astype(float)
AFTER = BOUGHT * (RNG.random(4_000) < 0.7)


def told(before: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    plain = difference(BOUGHT[TREATED], BOUGHT[~TREATED])
    adjusted = adjusted_difference(
        BOUGHT[TREATED], BOUGHT[~TREATED], before[TREATED], before[~TREATED]
    )
    return " ".join(doubts([Pair("bought", "mail", plain, adjusted)], ["x"]))


@pytest.mark.parametrize("noise", [0.4, 1.0])
def test_a_covariate_from_before_is_believed(noise: float) -> None:
    rng = np.random.default_rng(6)

    assert told(0.2 * BOUGHT + rng.normal(0, 1 + noise, 4_000)) == ""


def test_a_covariate_that_is_almost_the_outcome_is_doubted() -> None:
    assert "explains 9" in told(BOUGHT + 0.05 * np.random.default_rng(6).normal(size=4_000))


def test_a_covariate_that_takes_the_effect_away_is_doubted() -> None:
    assert "moves the difference in bought (mail) further than the draw" in told(AFTER)
