"""Calibrators keep the order of customers and make predicted rates match observed ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from training.calibrate import choose_calibration, fit_isotonic, fit_platt, fit_venn_abers
from training.calibrator import Calibrator, sigmoid


def overconfident(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores twice as extreme as the truth and one unit too high."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=n)
    return 2 * truth + 1, (rng.random(n) < sigmoid(truth)).astype(np.float64)


def test_platt_undoes_overconfidence() -> None:
    scores, y = overconfident()
    fitted = fit_platt(scores, y)
    assert fitted.slope == pytest.approx(0.5, abs=0.05)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.08)


def test_platt_on_a_score_that_points_the_wrong_way_gives_everyone_nearly_the_same() -> None:
    scores, y = overconfident()
    calibrated = sigmoid(fit_platt(-scores, y).apply(-scores))
    assert np.ptp(calibrated) < 0.01
    assert calibrated.mean() == pytest.approx(y.mean(), abs=0.01)


def test_isotonic_matches_the_rates_of_its_blocks() -> None:
    scores, y = overconfident()
    calibrated = sigmoid(fit_isotonic(scores, y).apply(scores))
    lowest = scores < np.quantile(scores, 0.2)
    assert calibrated[lowest].mean() == pytest.approx(y[lowest].mean(), abs=0.02)


def test_isotonic_gives_no_one_certainty() -> None:
    scores, y = np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    calibrated = sigmoid(fit_isotonic(scores, y).apply(np.array([-9.0, 9.0])))
    assert 0 < calibrated[0] < calibrated[1] < 1


@given(
    scores=st.lists(st.floats(-20, 20), min_size=2, max_size=60),
    seed=st.integers(0, 999),
    kind=st.sampled_from([fit_platt, fit_isotonic, fit_venn_abers]),
)
def test_calibration_never_changes_who_is_riskier(scores: list[float], seed: int, kind) -> None:  # type: ignore[no-untyped-def]
    x = np.asarray(scores)
    y = (np.random.default_rng(seed).random(len(x)) < 0.5).astype(np.float64)
    grid = np.sort(np.concatenate([x, np.linspace(-30, 30, 50)]))
    assert np.all(np.diff(kind(x, y).apply(grid)) >= 0)


def test_calibrators_come_back_equal_from_json() -> None:
    scores, y = overconfident(300)
    for fit in (fit_platt, fit_isotonic, fit_venn_abers):
        fitted = fit(scores, y)
        assert Calibrator.from_json(fitted.to_json()) == fitted


@pytest.mark.parametrize(
    "found",
    [
        {"kind": "platt", "slope": -1.0, "intercept": 0.0},
        {"kind": "isotonic", "scores": [0.0, 1.0], "levels": [1.0, 0.0]},
        {"kind": "isotonic", "scores": [1.0, 0.0], "levels": [0.0, 1.0]},
    ],
)
def test_a_map_that_could_reverse_people_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Calibrator.from_json(found)


def test_venn_abers_undoes_overconfidence_and_tells_unequal_scores_apart() -> None:
    scores, y = overconfident()
    fitted = fit_venn_abers(scores, y)
    assert fitted.apply(np.array([-1.0, 3.0])) == pytest.approx([-1.0, 1.0], abs=0.25)
    assert len(set(fitted.levels)) > 15


def test_venn_abers_is_the_mean_of_two_isotonic_fits_by_hand() -> None:
    # at score 1 (2 of 3 came true there): without the outcome 2/4, with it 3/4; 0.75 / 1.25 = 0.6
    scores, y = np.array([0.0, 0.0, 1.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    assert sigmoid(fit_venn_abers(scores, y).apply(np.array([1.0])))[0] == pytest.approx(0.6)


def periods_of(season: tuple[float, ...], n: int = 800) -> dict[str, np.ndarray]:
    """Scores that are twice too sure in every period, and in the last one also too low."""
    rng = np.random.default_rng(2)
    truth = rng.normal(size=n * len(season))
    period = np.repeat(np.arange(len(season)), n)
    y = rng.random(len(truth)) < sigmoid(truth + np.asarray(season)[period])
    return {
        "log_odds": 2 * truth + 2 * np.asarray(season)[period],
        "y": y.astype(np.float64),
        "weight": np.ones(len(truth)),
        "groups": np.arange(len(truth)),
        "period": period,
    }


def test_the_way_to_calibrate_is_judged_on_periods_that_were_held_out() -> None:
    way, told = choose_calibration(**periods_of((0.0, 0.1, -0.1, 0.0)))
    assert way == "platt"
    assert told["platt"] < told["none"]


def test_what_needs_no_calibration_is_left_alone() -> None:
    found = periods_of((0.0, 0.0, 0.0, 0.0))
    way, _ = choose_calibration(**(found | {"log_odds": found["log_odds"] / 2}))
    assert way == "none"
