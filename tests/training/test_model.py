"""The blend as plain numbers: contributions add up, one row scores as it does among many."""

import numpy as np
import pytest

from governance.errors import InvalidInput
from tests.training.examples import FIELDS, fitted, rows
from training.model import AdditiveMember


def test_contributions_and_base_add_up_to_the_log_odds() -> None:
    scores = fitted().predict(rows(500))
    assert np.abs(scores.contributions.sum(axis=1) + scores.base - scores.log_odds).max() < 1e-9


def test_one_row_scores_bit_for_bit_as_it_does_in_a_batch() -> None:
    model, table = fitted(), rows(300)
    batch = model.predict(table)
    for i in range(0, 300, 7):
        alone = model.predict(table[i : i + 1])
        for name in FIELDS:
            assert getattr(alone, name)[0].tobytes() == getattr(batch, name)[i].tobytes()


def test_the_interval_holds_the_probability() -> None:
    scores = fitted().predict(rows(300))
    assert np.all(scores.low <= scores.probability)
    assert np.all(scores.probability <= scores.high)
    assert np.all(scores.high > scores.low)


def test_no_rows_give_no_scores() -> None:
    scores = fitted().predict(rows(1)[:0])
    assert scores.probability.shape == (0,)
    assert scores.contributions.shape == (0, 6)


def test_a_table_of_another_width_is_refused() -> None:
    with pytest.raises(InvalidInput, match="6"):
        fitted().predict(np.zeros((1, 5)))


def test_infinite_values_are_refused() -> None:
    with pytest.raises(InvalidInput, match="infinite"):
        fitted().predict(np.full((1, 6), np.inf))


def test_a_curve_is_straight_between_knots_flat_outside_and_has_a_level_for_missing() -> None:
    member = AdditiveMember.from_curves(
        [np.array([0.0, 10.0, 20.0])], [np.array([0.0, 1.0, -1.0])], np.array([0.5]), 2.0
    )
    asked = np.array([[-5.0], [5.0], [15.0], [99.0], [np.nan]])
    assert member.contributions(asked)[:, 0].tolist() == [0.0, 0.5, 0.0, -1.0, 0.5]
    assert member.log_odds(asked)[0] == 2.0


def test_knots_that_do_not_rise_are_refused() -> None:
    with pytest.raises(InvalidInput, match="rise"):
        AdditiveMember.from_curves([np.array([1.0, 1.0])], [np.zeros(2)], np.zeros(1), 0.0)
