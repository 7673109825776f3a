"""Scores that know the outcome are noticed, each by its own sign; honest ones pass them all."""

import numpy as np
import pytest
from scipy.special import expit

from features.definitions import FeatureDefinition
from tests.training.tables import number
from training.evaluation.signs import (
    Sign,
    depends_on_history,
    equals_the_outcome,
    signs_of_a_leak,
    tells_twins_apart,
    too_good,
)
from training.model import Vector

ORDERS = FeatureDefinition(name="order_count", kinds=("order",), aggregate="count")
DEFINITIONS = (ORDERS, number("a"), number("b"))
ROWS = 900


class Made:
    """People with a number of orders and two features of which the first matters."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.random = rng
        self.values = np.column_stack(
            [rng.integers(1, 5, ROWS).astype(float), rng.normal(size=(ROWS, 2))]
        )
        self.truth = expit(1.3 * self.values[:, 1])
        self.y = (rng.random(ROWS) < self.truth).astype(np.float64)
        self.ours = expit(self.values[:, 1] + 0.3 * rng.normal(size=ROWS))

    def signs(self, theirs: Vector) -> dict[str, str]:
        found = signs_of_a_leak(self.y, theirs, self.ours, self.values, DEFINITIONS, "order")
        return {sign.name: sign.outcome for sign in found}


def test_honest_and_better_scores_show_no_sign() -> None:
    for seed in range(10):
        made = Made(seed)
        assert set(made.signs(made.truth).values()) == {"fine"}


def test_random_scores_show_no_sign() -> None:
    made = Made()
    assert set(made.signs(made.random.random(ROWS)).values()) == {"fine"}


@pytest.mark.parametrize("upside_down", [False, True])
def test_the_outcome_itself_is_noticed(upside_down: bool) -> None:
    made = Made()
    theirs = 1 - made.y if upside_down else made.y
    assert equals_the_outcome(made.y, theirs).outcome == "suspicious"


def test_the_outcome_with_a_few_changed_is_noticed() -> None:
    made = Made()
    theirs = made.y.copy()
    theirs[:20] = 1 - theirs[:20]
    assert equals_the_outcome(made.y, theirs).outcome == "suspicious"


def test_less_than_half_the_errors_is_too_good() -> None:
    made = Made()
    knowing = made.y + 0.45 * made.random.normal(size=ROWS)
    assert too_good(made.y, knowing, made.ours).outcome == "suspicious"


def test_who_knows_which_twin_left_is_noticed() -> None:
    made = Made()
    knowing = made.ours + 0.8 * made.y + 0.1 * made.random.normal(size=ROWS)
    found = tells_twins_apart(made.y, knowing, made.ours, made.values)
    assert found.outcome == "suspicious"


def test_a_few_rows_have_no_twins_to_ask_about() -> None:
    made = Made()
    few = slice(0, 30)
    found = tells_twins_apart(made.y[few], made.ours[few], made.ours[few], made.values[few])
    assert found.outcome == "cannot_say"


def history(made: Made, theirs: Vector) -> Sign:
    return depends_on_history(made.y, theirs, made.ours, made.values, DEFINITIONS, "order")


def test_scores_that_fall_to_chance_without_history_were_learned_by_heart() -> None:
    made = Made()
    thin = made.values[:, 0] <= 1
    theirs = np.where(thin, made.random.random(ROWS), made.ours + 0.5 * made.y)
    found = history(made, theirs)
    assert found.outcome == "suspicious"
    assert "by heart" in found.text


def test_scores_that_know_people_without_history_know_the_future() -> None:
    made = Made()
    thin = made.values[:, 0] <= 1
    found = history(made, np.where(thin, made.y, made.ours))
    assert "more than anyone" in found.text


def test_without_a_count_of_orders_history_cannot_be_asked_about() -> None:
    made = Made()
    found = depends_on_history(
        made.y, made.ours, made.ours, made.values[:, 1:], DEFINITIONS[1:], "order"
    )
    assert found.outcome == "cannot_say"
