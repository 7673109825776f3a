"""The three lines of a return, by hand and against a known truth."""

import numpy as np
import pytest

from governance.errors import InsufficientData, InvalidInput
from outcomes.roi import Roi, roi


def of(treated: list[float], control: list[float], **changes: object) -> Roi:
    arguments: dict[str, object] = {
        "treated_service_cost": [1.0] * len(treated),
        "control_service_cost": [2.0] * len(control),
        "cost": 100.0,
        "period_days": 30,
        "currency": "EUR",
        "rng": np.random.default_rng(1),
        "draws": 500,
    }
    return roi(treated, control, **{**arguments, **changes})  # type: ignore[arg-type]


def test_three_lines_and_their_sum() -> None:
    # 100 treated keep 10 instead of 8 each: 200; each costs 1 less to serve: 100; pilot 100
    found = of([10.0] * 100, [8.0] * 50)

    assert found.margin_preserved.value == pytest.approx(200)
    assert found.cost_saved.value == pytest.approx(100)
    assert found.net.value == pytest.approx(200)
    assert found.net_roi.value == pytest.approx(2.0)
    assert found.verdict == "pays"
    assert found.period_days == 30


def test_nothing_gained_does_not_pay() -> None:
    found = of([8.0] * 100, [8.0] * 50, treated_service_cost=[2.0] * 100)

    assert found.verdict == "does not pay"
    assert found.net_roi.value == pytest.approx(-1.0)


def test_noise_cannot_say() -> None:
    rng = np.random.default_rng(2)
    found = of(rng.normal(10, 30, 60).tolist(), rng.normal(9, 30, 60).tolist())

    assert found.verdict == "cannot say"
    assert found.net.low < 0 < found.net.high


def test_interval_covers_the_true_gain_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        found = of(
            rng.normal(11, 5, 80).tolist(), rng.normal(10, 5, 80).tolist(), rng=rng, draws=300
        )
        covered += found.margin_preserved.low <= 80 <= found.margin_preserved.high

    assert 0.89 <= covered / 200 <= 0.99


def test_too_few_people_are_said() -> None:
    with pytest.raises(InsufficientData, match="an arm holds 5 people"):
        of([1.0] * 5, [1.0] * 50)


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": 0.0},
        {"cost": float("nan")},
        {"period_days": 0},
        {"treated_service_cost": [1.0]},
        {"control_service_cost": [float("nan")] * 50},
    ],
)
def test_what_cannot_be_a_pilot_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        of([1.0] * 50, [1.0] * 50, **changes)
