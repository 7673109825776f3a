"""Real wearables and mood reports (LifeSnaps, 71 people): does what was said foretell the mood?

A week's mood is hidden from the estimate that foretells it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features.events import Event
from features.history import Histories, from_events
from features.wellbeing.noise import Noise, estimate_noise
from features.wellbeing.scheme import Scheme
from features.wellbeing.settings import parse_scheme
from features.wellbeing.states import WellbeingTable, wellbeing_at
from governance.instants import to_micros
from tests.features.sample import permit

Floats = NDArray[np.float64]

MOODS = {"HAPPY": 100, "RESTED/RELAXED": 100, "ALERT": 100, "NEUTRAL": 50}
LOW_MOODS = ("SAD", "TENSE/ANXIOUS", "TIRED")
METRICS = ("stress_score", "resting_hr", "steps", "sleep_duration")
SETTINGS = {
    "weights": {"financial": 0, "social": 0, "purposeful": 0},
    "signals": {
        "emotional": {
            "asked": {"source": "survey", "instruments": ["sema_mood"]},
            "calm": {
                "source": "value", "kinds": ["wearable"], "where": {"metric": "stress_score"},
            },
        },
        "physical": {
            "resting_heart_rate": {"where": {"metric": "resting_hr"}},
            "sleep_score": {"where": {"metric": "sleep_duration"}, "low": 3, "high": 9},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def days(data_dir: Callable[[str], Path]) -> pd.DataFrame:
    file = data_dir("lifesnaps_daily") / "daily_fitbit_sema_df_unprocessed.csv"
    if not file.exists():
        pytest.skip("the LifeSnaps table is not there")
    columns = ["id", "date", *METRICS, *MOODS, *LOW_MOODS]
    table = pd.read_csv(file, usecols=columns, low_memory=False)
    table["sleep_duration"] = table["sleep_duration"] / 3.6e6  # ms to hours
    said = table[[*MOODS, *LOW_MOODS]].fillna(0)
    points = (said[list(MOODS)] * list(MOODS.values())).sum(axis=1)
    table["mood"] = (points / said.sum(axis=1)).where(said.sum(axis=1) > 0)
    table["at"] = pd.to_datetime(table["date"]).dt.tz_localize(UTC)
    return table[["id", "at", "mood", *METRICS]]


@pytest.fixture(scope="module")
def histories(days: pd.DataFrame) -> Histories:
    mood = {
        "instrument": "sema_mood", "dimension": "emotional", "scale": [0, 100],
        "polarity": "high_is_good",
    }  # fmt: skip
    found = []
    for name in ("mood", *METRICS):
        told = days[["id", "at", name]].dropna()
        for customer, instant, value in told.itertuples(index=False, name=None):
            moment = instant.to_pydatetime()
            found.append(
                Event(
                    customer_id=customer,
                    kind="survey" if name == "mood" else "wearable",
                    occurred_at=moment,
                    known_at=moment,
                    event_id=f"{name} {moment:%Y-%m-%d}",
                    value=float(value),
                    properties=mood if name == "mood" else {"metric": name},
                )
            )
    return from_events(found)


@pytest.fixture(scope="module")
def scheme() -> Scheme:
    return parse_scheme(SETTINGS)


@pytest.fixture(scope="module")
def noise(histories: Histories, scheme: Scheme) -> Noise:
    return estimate_noise(
        histories,
        scheme,
        to_micros(datetime(2022, 2, 1, tzinfo=UTC)),
        permit=permit("wellbeing_inference", list(histories.customers)),
    )


CUTS = [datetime(2021, 6, 7 + 7 * k, tzinfo=UTC) for k in range(4)]


@pytest.fixture(scope="module")
def told(histories: Histories, scheme: Scheme, noise: Noise) -> WellbeingTable:
    return wellbeing_at(
        histories, scheme, noise, [to_micros(cut) for cut in CUTS],
        permit=permit("wellbeing_inference", list(histories.customers)),
    )  # fmt: skip


def _next_week(days: pd.DataFrame, told: WellbeingTable) -> tuple[Floats, Floats]:
    """Mean mood (m, t) in the seven days from each cut, and how many reports it has."""
    means, counts = [], []
    for cut in CUTS:
        week = days[(days["at"] >= cut) & (days["at"] < cut + pd.Timedelta(days=7))]
        by = week.groupby("id")["mood"]
        means.append(by.mean().reindex(told.customers).to_numpy())
        counts.append(by.count().reindex(told.customers).fillna(0).to_numpy())
    return np.stack(means, 1), np.stack(counts, 1)


def test_people_differ_in_mood_and_it_can_be_measured(noise: Noise) -> None:
    assert noise.of("emotional").measurable
    assert noise.of("physical").measurable


def test_next_weeks_mood_lies_in_the_foretold_range(
    days: pd.DataFrame, told: WellbeingTable, noise: Noise
) -> None:
    """The state's variance plus the reports' own noise, at 90 %."""
    mood, reports = _next_week(days, told)
    here = np.isfinite(told.value[:, :, 0]) & (reports > 0)
    signal = noise.of("emotional").signal("sema_mood")
    assert signal is not None
    state_sd = (told.high - told.low)[:, :, 0][here] / (2 * 1.645)
    spread = np.sqrt(state_sd**2 + signal.noise_var / reports[here])

    hits = np.abs(mood[here] - told.value[:, :, 0][here]) <= 1.645 * spread

    assert here.sum() > 50
    assert 0.8 <= hits.mean() <= 0.98


def test_own_mood_so_far_foretells_better_than_everyones_mean(
    days: pd.DataFrame, told: WellbeingTable, noise: Noise
) -> None:
    mood, reports = _next_week(days, told)
    here = np.isfinite(told.value[:, :, 0]) & (reports > 0)

    own = np.mean((mood[here] - told.value[:, :, 0][here]) ** 2)
    company = np.mean((mood[here] - noise.of("emotional").mean) ** 2)

    assert own < company


def test_of_whom_nothing_was_heard_yet_nothing_is_said(told: WellbeingTable) -> None:
    unheard = told.coverage[:, :, 0] == 0

    assert np.isnan(told.value[:, :, 0][unheard]).all()
