"""Figures by hand, against scikit-learn, and intervals that cover as often as they say."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from governance.errors import InsufficientData
from training.evaluation.calibration_error import calibration_error
from training.evaluation.evaluate import (
    auc,
    auc_difference,
    average_precision,
    brier,
    expected_calibration_error,
    lift_at,
    log_loss,
    log_loss_difference,
    measure,
    rank_figures,
    reliability,
)
from training.evaluation.resample import mean_with_interval, resamples_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def people(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and true probabilities, rounded so that ties occur."""
    rng = np.random.default_rng(seed)
    p = np.round(expit(rng.normal(size=n)), 2).clip(0.01, 0.99)
    return (rng.random(n) < p).astype(np.float64), p


def test_the_four_pairs_of_two_and_two_are_counted() -> None:
    y, score = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.4, 0.4, 0.1])
    assert auc(y, score).value == (1 + 1 + 0.5 + 1) / 4


def test_figures_agree_with_scikit_learn() -> None:
    y, p = people(800)
    found = measure(NOW, y, p, np.random.default_rng(0), resamples=20)
    assert found.auc.value == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert found.average_precision.value == pytest.approx(average_precision_score(y, p), abs=1e-12)
    assert found.log_loss == pytest.approx(sklearn_log_loss(y, p), abs=1e-12)
    assert found.brier == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_the_auc_interval_covers_as_often_as_it_says() -> None:
    big_y, big_p = people(200_000, seed=99)
    truth = roc_auc_score(big_y, big_p)
    inside = 0
    for seed in range(200):
        found = auc(*people(300, seed))
        inside += found.low <= truth <= found.high
    assert 182 <= inside <= 198


def test_a_perfect_score_has_no_interval_outside_one() -> None:
    y = np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(y, y) == (1.0, 1.0, 1.0, 0.95)


def test_the_paired_difference_is_narrower_than_two_separate_intervals() -> None:
    y, p = people(1000)
    other = p + np.random.default_rng(1).normal(size=1000) * 0.05
    paired = auc_difference(y, p, other)
    assert paired.low <= paired.value <= paired.high
    single = auc(y, p)
    assert paired.high - paired.low < (single.high - single.low) / 2


def test_a_score_does_not_differ_from_itself() -> None:
    y, p = people(200)
    assert auc_difference(y, p, p)[:3] == (0.0, 0.0, 0.0)


def test_average_precision_holds_its_own_interval() -> None:
    y, p = people(500)
    found = average_precision(y, p, np.random.default_rng(0), resamples=100)
    assert found.low < found.value < found.high


def test_calibration_error_by_hand() -> None:
    y = np.array([0.0, 0.0, 1.0, 1.0])
    p = np.array([0.1, 0.1, 0.6, 0.6])
    assert expected_calibration_error(y, p, bins=2) == pytest.approx((0.1 + 0.4) / 2)
    assert brier(y, p) == pytest.approx((0.01 * 2 + 0.16 * 2) / 4)
    assert log_loss(np.array([1.0]), np.array([0.5])) == pytest.approx(np.log(2))


def test_true_probabilities_lie_in_their_reliability_intervals() -> None:
    y, p = people(20_000)
    bins = reliability(y, p)
    assert sum(found.n for found in bins) == 20_000
    held = [found.observed.low <= found.predicted <= found.observed.high for found in bins]
    assert sum(held) >= 8


def test_lift_by_hand_and_with_ties() -> None:
    y = np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0])
    assert lift_at(y, np.arange(10, 0, -1.0), 0.1) == pytest.approx(5.0)
    assert lift_at(y, np.zeros(10), 0.1) == pytest.approx(1.0)


def test_one_outcome_alone_cannot_be_judged() -> None:
    with pytest.raises(InsufficientData, match="0 positives"):
        auc(np.zeros(5), np.arange(5.0))


def test_every_figure_holds_its_own_interval() -> None:
    y, p = people(500)
    found = measure(NOW, y, p, np.random.default_rng(0))
    assert set(found.intervals) == {"log_loss", "brier", "ece", "lift_at_10"}
    for name, interval in found.intervals.items():
        assert interval.low <= interval.value == getattr(found, name) <= interval.high


def test_the_calibration_error_of_true_probabilities_cannot_be_told_from_zero() -> None:
    held = [
        calibration_error(*people(400, seed), np.arange(400), seed=seed).low == 0.0
        for seed in range(100)
    ]
    assert sum(held) >= 93


def test_the_calibration_error_interval_covers_a_planted_error() -> None:
    inside = 0
    for seed in range(100):
        y, p = people(1500, seed)
        wrong = np.clip(p - 0.1, 0.0, 1.0)  # off by .1 but for the lowest
        found = calibration_error(y, wrong, np.arange(1500), seed=seed)
        truth = float(np.mean(p - wrong))
        inside += found.low <= truth <= found.high
    assert inside >= 90


def test_a_customer_with_ten_equal_rows_is_one_customer() -> None:
    y, p = people(300)
    whose = np.repeat(np.arange(300), 10)
    once = measure(NOW, y, p, np.random.default_rng(0))
    ten = measure(NOW, np.repeat(y, 10), np.repeat(p, 10), np.random.default_rng(0), groups=whose)
    assert ten.auc == pytest.approx(once.auc, abs=2e-3)
    assert ten.intervals["log_loss"] == pytest.approx(once.intervals["log_loss"], abs=1e-12)
    for name in ("average_precision", "lift_at_10"):
        wide, narrow = ten.interval(name), once.interval(name)
        assert wide.high - wide.low > 0.7 * (narrow.high - narrow.low)


def test_the_log_loss_interval_covers_as_often_as_it_says() -> None:
    big_y, big_p = people(200_000, seed=99)
    truth = log_loss(big_y, big_p)
    found = [measure(NOW, *people(300, k), np.random.default_rng(k), resamples=2).intervals
             for k in range(200)]  # fmt: skip
    inside = sum(i["log_loss"].low <= truth <= i["log_loss"].high for i in found)
    assert 182 <= inside <= 198


def test_a_better_probability_has_a_smaller_paired_log_loss() -> None:
    y, p = people(800)
    difference = log_loss_difference(y, p, np.full(800, y.mean()))
    assert difference.high < 0
    assert log_loss_difference(y, p, p) == (0.0, 0.0, 0.0, 0.95)


def test_rows_and_steps_give_the_same_interval_of_lift() -> None:
    y, p = people(40_000)
    by_steps = rank_figures(y, p, resamples_of(40_000, seed=0))
    shown = slice(0, 30_000)
    by_rows = rank_figures(y[shown], p[shown], resamples_of(30_000, seed=0, count=200))
    for rows, steps in zip(by_rows, by_steps, strict=True):
        assert steps.value == pytest.approx(rows.value, abs=0.02)
        wider = np.sqrt(40 / 30)
        assert (rows.high - rows.low) / (steps.high - steps.low) == pytest.approx(wider, rel=0.25)


def test_the_same_draws_come_again() -> None:
    drawn = resamples_of(50, seed=3)
    first, again = (np.concatenate(list(drawn.weights())) for _ in range(2))
    assert (first == again).all()
    assert (first.sum(axis=1) == 50).all()


def test_a_mean_over_customers_by_hand() -> None:
    found = mean_with_interval(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    assert found.value == 2.0  # sums −2 and 2: variance 8 · 2 ÷ 1 ÷ 16 = 1
    assert found.high - found.value == pytest.approx(1.959963984540054)
