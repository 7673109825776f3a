"""What is to be expected of scores, and what became of them."""

from datetime import UTC, datetime

import numpy as np
import pytest

from governance.intervals import Interval
from governance.model.card import TestResult
from training.evaluation.evaluate import auc, brier, lift_at, log_loss
from training.watch.performance import Realised, expect, realise


def scored(n: int, seed: int) -> np.ndarray:
    """Draw calibrated probabilities of n people."""
    return np.random.default_rng(seed).beta(1.5, 3.0, n)


def outcomes(probability: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(len(probability)) < probability).astype(np.float64)


def promise(value: float, ece: float = 0.02) -> TestResult:
    return TestResult(
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        n=2000,
        positives=600,
        auc=Interval(value, value - 0.02, value + 0.02),
        average_precision=Interval(0.5, 0.45, 0.55),
        log_loss=0.5,
        brier=0.2,
        ece=ece,
        lift_at_10=2.0,
    )


def judged(y: np.ndarray, p: np.ndarray, promised: TestResult, treated: object = None) -> Realised:
    contacted = np.zeros(len(y), np.bool_) if treated is None else np.asarray(treated)
    random = np.random.default_rng(0)
    return realise(y, p, contacted, promised, random, max_auc_loss=0.02, max_gap=0.05)


def test_expected_figures_by_hand() -> None:
    """Half at 0.25, half at 0.75: Brier .1875; AUC .75 but for pairs of one with itself."""
    found = expect(np.repeat([0.25, 0.75], 5000), np.random.default_rng(0))
    assert found is not None
    assert found.brier.value == pytest.approx(0.1875)
    assert found.log_loss.value == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    assert found.auc.value == pytest.approx(0.75, abs=1e-4)
    assert found.lift_at_10.value == pytest.approx(1.5)


def test_realised_figures_fall_into_the_expected_range_nineteen_times_in_twenty() -> None:
    p = scored(800, 1)
    found = expect(p, np.random.default_rng(2))
    assert found is not None
    inside = np.zeros(4)
    for seed in range(300):
        y = outcomes(p, 100 + seed)
        came = (auc(y, p).value, log_loss(y, p), brier(y, p), _lift(y, p))
        ranges = (found.auc, found.log_loss, found.brier, found.lift_at_10)
        inside += [each.low <= x <= each.high for each, x in zip(ranges, came, strict=True)]
    assert (inside / 300 >= 0.92).all()
    assert (inside / 300 <= 0.99).all()


def _lift(y: np.ndarray, p: np.ndarray) -> float:
    found = lift_at(y, p, 0.1)
    return float(found.value) if isinstance(found, Interval) else float(found)


def test_tied_scores_count_half_in_the_expected_auc() -> None:
    found = expect(np.full(500, 0.3), np.random.default_rng(0))
    assert found is not None
    assert found.auc.value == pytest.approx(0.5)
    assert found.lift_at_10.value == pytest.approx(1.0)


def test_nothing_is_expected_of_fewer_than_a_hundred() -> None:
    assert expect(scored(99, 0), np.random.default_rng(0)) is None


def test_outcomes_as_the_scores_said_are_as_promised() -> None:
    p = scored(2000, 1)
    y = outcomes(p, 2)
    found = judged(y, p, promise(auc(y, p).value))
    assert (found.verdict, found.people) == ("as_promised", 2000)
    assert found.gap is not None
    assert found.gap.low <= 0 <= found.gap.high


def test_scores_that_no_longer_rank_are_worse() -> None:
    p = scored(2000, 1)
    y = outcomes(np.random.default_rng(5).permutation(p), 2)
    found = judged(y, p, promise(0.75))
    assert found.verdict == "worse"
    assert found.auc_change is not None
    assert found.auc_change.high < 0


def test_scores_that_rank_but_are_all_too_low_are_worse() -> None:
    p = scored(2000, 1)
    y = outcomes(np.sqrt(p), 2)
    found = judged(y, p, promise(0.7))
    assert found.verdict == "worse"
    assert found.gap is not None
    assert found.gap.low > 0.05


def test_a_loss_within_chance_is_no_loss() -> None:
    p = scored(150, 1)
    y = outcomes(p, 2)
    assert judged(y, p, promise(auc(y, p).value + 0.03)).verdict == "as_promised"


def test_too_few_outcomes_say_how_many_are_needed() -> None:
    p = np.full(500, 0.02)
    y = np.zeros(500)
    y[:12] = 1.0
    found = judged(y, p, promise(0.7))
    assert (found.verdict, found.reason) == ("cannot_say_yet", "12 outcomes of the 30 needed")
    assert found.auc is None


def test_under_five_people_no_number_is_told() -> None:
    found = judged(np.array([1.0, 0.0]), np.array([0.5, 0.5]), promise(0.7))
    assert (found.people, found.outcomes) == (None, None)
    assert "fewer than 5" in found.reason


def test_treated_people_are_apart_and_change_no_figure() -> None:
    """Of 200 contacted nobody left, although half were expected to."""
    p = np.concatenate([scored(2000, 1), np.full(200, 0.5)])
    y = np.concatenate([outcomes(scored(2000, 1), 2), np.zeros(200)])
    treated = np.arange(2200) >= 2000
    found = judged(y, p, promise(0.72), treated)
    alone = judged(y[:2000], p[:2000], promise(0.72))
    assert found._replace(treated=alone.treated) == alone
    assert found.treated.people == 200
    assert found.treated.gap is not None
    assert found.treated.gap.value == pytest.approx(-0.5)


def test_fewer_than_five_treated_are_not_counted_out() -> None:
    p = scored(2000, 1)
    found = judged(outcomes(p, 2), p, promise(0.72), np.arange(2000) < 3)
    assert found.treated == (None, None)
