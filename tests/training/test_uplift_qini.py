"""Qini by hand and by scikit-uplift's definition; random scores stay inside the null band."""

import numpy as np
import pytest

from tests.training.trials import LONG_FORM, same_for_all, simulated_trial
from training.uplift.qini import Trial, figures_of, measure, null_band, qini_coefficient

# six people, best score first: treated yes, control no, control yes, treated no
Y = np.array([1.0, 0.0, 1.0, 0.0])
TREATED = np.array([1.0, 0.0, 0.0, 1.0])
SCORE = np.array([4.0, 3.0, 2.0, 1.0])


def test_the_qini_of_four_people_is_worked_by_hand() -> None:
    # curve: 1, 1, 1 − 1·1/2 = 0.5, 1 − 1·2/2 = 0; area 0.5 + 1 + 0.75 + 0.25 = 2.5; line to 0: 0
    # perfect: treated yes | both no, tied | control yes: 1, (3 people) 1, 0; 0.5 + 2 + 0.5 = 3
    assert qini_coefficient(Y, TREATED, SCORE) == pytest.approx(2.5 / 3)


def test_a_perfect_ranking_has_a_qini_of_one() -> None:
    assert qini_coefficient(Y, TREATED, Y * TREATED - Y * (1 - TREATED)) == pytest.approx(1.0)


def test_equal_scores_for_everybody_are_no_ranking() -> None:
    assert qini_coefficient(Y, TREATED, np.zeros(4)) == 0.0


def test_figures_are_those_of_scikit_uplift() -> None:
    # printed by sklift.metrics 0.5.1: qini_auc_score, uplift_auc_score; a tie at the top
    y, treated = np.array([1.0, 0, 1, 0, 1, 0]), np.array([1.0, 1, 0, 0, 1, 0])
    found = figures_of(y, treated, np.array([0.9, 0.9, 0.5, 0.5, 0.2, 0.1]))
    assert found.qini == pytest.approx(0.0)
    assert found.auuc == pytest.approx(-0.26)


def test_adding_a_constant_to_a_number_changes_nothing() -> None:
    random = np.random.default_rng(3)
    y, treated = random.exponential(size=200), random.permutation(np.arange(200) % 2) * 1.0
    score = random.normal(size=200)
    assert qini_coefficient(y + 1_000, treated, score) == pytest.approx(
        qini_coefficient(y, treated, score)
    )


def test_the_top_thirty_percent_are_compared_between_arms() -> None:
    y = np.array([1.0, 0, 1, 0, 0, 0, 1, 0, 1, 0])
    treated = np.array([1.0, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    # the three with the largest score: two treated who bought, one untreated who did not
    assert figures_of(y, treated, np.arange(10, 0, -1.0)).uplift_at_30 == 1.0


def test_a_unit_is_drawn_with_all_its_rows() -> None:
    y, treated = np.array([1.0, 1, 0, 0]), np.array([1.0, 1, 0, 0])
    households = Trial(y, treated, np.array([0, 0, 1, 1]))
    found = measure(households, {"s": y}, draws=20, rng=np.random.default_rng(0))
    # one household per arm: every resample is the same four rows
    assert found.ranking("s").qini.low == found.ranking("s").qini.high == 1.0


def test_random_scores_fall_outside_the_null_band_as_often_as_it_says() -> None:
    experiments, outside, excluded = 200 if LONG_FORM else 60, 0, 0
    for seed in range(experiments):
        frame = simulated_trial(300, seed, same_for_all)
        trial = Trial(
            frame["bought"].to_numpy(np.float64),
            np.asarray(frame["arm"] == "mail", np.float64),
            np.arange(300),
        )
        random = np.random.default_rng([seed, 1])
        low, high = null_band(trial, draws=60, rng=random)
        measured = measure(trial, {"random": random.random(300)}, draws=60, rng=random)
        qini = measured.ranking("random").qini
        outside += not low <= qini.value <= high
        excluded += qini.excludes_zero
    nominal = 0.05 * experiments
    monte_carlo_error = (nominal * 0.95) ** 0.5
    assert outside <= nominal + 3 * monte_carlo_error
    assert excluded <= nominal + 3 * monte_carlo_error


def test_scores_of_a_pair_are_compared_on_the_same_people() -> None:
    frame = simulated_trial(300, 0, same_for_all)
    trial = Trial(
        frame["bought"].to_numpy(np.float64),
        np.asarray(frame["arm"] == "mail", np.float64),
        np.arange(300),
    )
    score = frame["age"].to_numpy(np.float64)
    measured = measure(trial, {"a": score, "b": 2 * score}, draws=50, rng=np.random.default_rng(0))
    assert measured.difference("a", "b") == (0.0, 0.0, 0.0, 0.95)
