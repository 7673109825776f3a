"""Figures by hand, against scikit-learn, and intervals that cover as often as they say."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from governance.errors import InsufficientData
from training.calibrate import sigmoid
from training.evaluate import (
    auc,
    auc_difference,
    average_precision,
    brier,
    expected_calibration_error,
    lift_at,
    log_loss,
    measure,
    reliability,
)


def people(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and true probabilities, rounded so that ties occur."""
    rng = np.random.default_rng(seed)
    p = np.round(sigmoid(rng.normal(size=n)), 2).clip(0.01, 0.99)
    return (rng.random(n) < p).astype(np.float64), p


def test_the_four_pairs_of_two_and_two_are_counted() -> None:
    y, score = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.4, 0.4, 0.1])
    assert auc(y, score).value == (1 + 1 + 0.5 + 1) / 4


def test_figures_agree_with_scikit_learn() -> None:
    y, p = people(800)
    found = measure(datetime(2026, 1, 1, tzinfo=UTC), y, p, np.random.default_rng(0), resamples=20)
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
