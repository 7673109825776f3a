"""Calibrators keep the order of customers and make predicted rates match observed ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from training.calibrate import (
    Calibrator,
    IntervalWidths,
    fit_isotonic,
    fit_platt,
    fit_widths,
    sigmoid,
)


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
    kind=st.sampled_from([fit_platt, fit_isotonic]),
)
def test_calibration_never_changes_who_is_riskier(scores: list[float], seed: int, kind) -> None:  # type: ignore[no-untyped-def]
    x = np.asarray(scores)
    y = (np.random.default_rng(seed).random(len(x)) < 0.5).astype(np.float64)
    grid = np.sort(np.concatenate([x, np.linspace(-30, 30, 50)]))
    assert np.all(np.diff(kind(x, y).apply(grid)) >= 0)


def test_calibrators_come_back_equal_from_json() -> None:
    scores, y = overconfident(300)
    for fitted in (fit_platt(scores, y), fit_isotonic(scores, y)):
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


def test_widths_follow_how_far_refits_disagree() -> None:
    rng = np.random.default_rng(1)
    scores = np.linspace(-2, 2, 2000)
    refits = scores + rng.normal(size=(200, 2000)) * (0.1 + 0.1 * (scores > 0))
    widths = fit_widths(scores, refits)
    assert widths.at(np.array([-1.5, 1.5])) == pytest.approx([0.1645, 0.329], rel=0.05)
    assert IntervalWidths.from_json(widths.to_json()) == widths
