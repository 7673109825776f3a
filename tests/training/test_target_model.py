"""What a target says at several horizons never contradicts itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.training.examples import fitted, rows
from training.calibrator import Calibrator
from training.model import RiskModel
from training.spread import Spread
from training.target_model import Step, TargetModel


def share(p: float, half_width: float = 0.0) -> RiskModel:
    """A model that gives everyone the same chance."""
    return RiskModel(
        features=6, intercept=float(np.log(p / (1 - p))), trees=None, tree_weight=0.0,
        additive=None, additive_weight=0.0, calibrator=Calibrator("platt"),
        spread=Spread(shared=half_width),
    )  # fmt: skip


def test_a_shorter_horizon_is_a_part_of_the_next_by_hand() -> None:
    model = TargetModel(90, share(0.5), (Step(30, share(0.5)), Step(60, share(0.8))))
    found = model.horizons(rows(1), model.risk.predict(rows(1)))
    assert [each.horizon_days for each in found] == [30, 60, 90]
    assert [each.probability.item() for each in found] == pytest.approx([0.2, 0.4, 0.5])
    assert [each.low.item() for each in found] == pytest.approx([0.2, 0.4, 0.5])


def test_a_target_with_one_horizon_says_what_its_risk_says() -> None:
    model, asked = TargetModel(90, fitted()), rows(5, seed=3)
    [found] = model.horizons(asked, model.risk.predict(asked))
    assert np.array_equal(found.probability, fitted().predict(asked).probability)


@given(
    values=arrays(np.float64, (3, 6), elements=st.floats(-50, 50) | st.just(np.nan)),
    widths=st.tuples(st.floats(0, 3), st.floats(0, 3)),
)
def test_longer_horizons_are_never_less_likely(
    values: np.ndarray, widths: tuple[float, float]
) -> None:
    first = replace(fitted(), spread=Spread(shared=widths[0]))
    model = TargetModel(90, fitted(), (Step(30, first), Step(60, share(0.7, widths[1]))))
    found = model.horizons(values, model.risk.predict(values))
    for shorter, longer in pairwise(found):
        for name in ("probability", "low", "high"):
            assert np.all(getattr(shorter, name) <= getattr(longer, name))
    for each in found:
        assert np.all((each.low <= each.probability) & (each.probability <= each.high))
