"""What can be seen of the states: answers, words, payments, company kept, goals and wearables.

The constants say how each depends on the state; tests recover them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.simulate.life import WEEKS, Flags, Floats, Ints, People, Weeks, spread
from features.simulate.states import States
from features.simulate.words import graded_texts
from features.simulate.world import DIMENSIONS

ANSWER_SD = 12.0
"""Noise of an answer, in points of its scale stretched to 0–100 (rounding comes on top)."""
WHO5_EVERY, WHO5_LEVEL, WHO5_SLOPE = 26, 4.0, 0.85
SLEEP_LEVEL, SLEEP_SLOPE, SLEEP_OWN_SD, SLEEP_SD = 25.0, 0.6, 6.0, 9.0
WEARS_SHARE = 0.3
TEXT_SPREAD = 0.25
COUNTS: Mapping[str, tuple[str, float, float]] = {
    # kind: dimension, times a week at 60 points, points that double it (negative: halve it)
    "payment_failed": ("financial", 0.05, -12.0),
    "savings": ("financial", 0.10, 15.0),
    "community_post": ("social", 0.12, 12.0),
    "goal_reached": ("purposeful", 0.08, 12.0),
}


class Rows(NamedTuple):
    """Events of one kind, `(k,)` each: whose, when (s since the start), and what they say.

    `value` is NaN and `text` -1 where there is none; `text` is a place among `graded_texts()`.
    `detail` is the instrument, metric or topic that goes with the kind.
    """

    kind: str
    customer: Ints
    seconds: Floats
    value: Floats
    text: Ints
    detail: str = ""


def signals(
    people: People, weeks: Weeks, states: States, rng: np.random.Generator, days: Floats | None
) -> list[Rows]:
    """Everything the states bring about while people are customers."""
    week = np.arange(WEEKS)[:, None]
    here = (people.joined_week <= week) & (weeks.left_week > week)
    found = _pulses(here, states, rng, days)
    found.append(_who5(here, states, rng, days))
    found.append(_sleep(here, states, rng, days))
    for kind, (dimension, rate, doubling) in COUNTS.items():
        points = states.points[:, :, DIMENSIONS.index(dimension)]
        lively = np.exp(0.4 * rng.standard_normal(points.shape[1]) - 0.08)
        counts = rng.poisson(rate * lively * 2.0 ** ((points - 60) / doubling) * here)
        found.append(_counted(kind, counts, states, rng, days))
    return found


def tickets_text(
    customer: Ints, week: Ints, states: States, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Choose what people write: places among the graded texts, and what they mean `(k,)`."""
    feeling = (states.points[week, customer, 0] - 55) / 30
    wanted = np.clip(feeling + TEXT_SPREAD * rng.standard_normal(len(customer)), -1, 1)
    place = graded_texts().pick(wanted, rng)
    return place, graded_texts().meant[place]


def _pulses(
    here: Flags, states: States, rng: np.random.Generator, days: Floats | None
) -> list[Rows]:
    """One question per dimension, 0 to 10, every six weeks; some hardly ever answer."""
    found = []
    willing = rng.beta(1.0, 1.6, here.shape[1])
    for k, dimension in enumerate(DIMENSIONS):
        asked = here & (np.arange(WEEKS)[:, None] % 6 == k)
        answered = asked & (rng.random(here.shape) < willing)
        customer, week, seconds = spread(answered.astype(np.int64), rng, days=days)
        felt = states.points[week, customer, k] + ANSWER_SD * rng.standard_normal(len(week))
        value = np.clip(np.rint(felt / 10), 0, 10)
        found.append(
            Rows("survey", customer, seconds, value, _none(customer), f"pulse_{dimension}")
        )
    return found


def _who5(here: Flags, states: States, rng: np.random.Generator, days: Floats | None) -> Rows:
    """The WHO-5 raw score, 0 to 25, twice a year."""
    asked = here & (np.arange(WEEKS)[:, None] % WHO5_EVERY == 5)
    answered = asked & (rng.random(here.shape) < 0.3)
    customer, week, seconds = spread(answered.astype(np.int64), rng, days=days)
    felt = WHO5_LEVEL + WHO5_SLOPE * states.points[week, customer, 0]
    felt = felt + ANSWER_SD * rng.standard_normal(len(week))
    value = np.clip(np.rint(felt / 4), 0, 25)
    return Rows("survey", customer, seconds, value, _none(customer), "who5")


def _sleep(here: Flags, states: States, rng: np.random.Generator, days: Floats | None) -> Rows:
    """A weekly sleep score, 0 to 100, of those who share a wearable's readings."""
    n = here.shape[1]
    wears = rng.random(n) < WEARS_SHARE
    own = SLEEP_OWN_SD * np.asarray(rng.standard_normal(n), np.float64)
    shown = here & wears & (rng.random(here.shape) < 0.8)
    customer, week, seconds = spread(shown.astype(np.int64), rng, days=days)
    score = SLEEP_LEVEL + SLEEP_SLOPE * states.points[week, customer, 3] + own[customer]
    value = np.clip(np.rint(score + SLEEP_SD * rng.standard_normal(len(week))), 0, 100)
    return Rows("wearable", customer, seconds, value, _none(customer), "sleep_score")


def _counted(
    kind: str, counts: Ints, states: States, rng: np.random.Generator, days: Floats | None
) -> Rows:
    customer, week, seconds = spread(counts, rng, days=days)
    value: Floats = np.full(len(customer), np.nan)
    text = _none(customer)
    if kind == "savings":
        value = np.round(40 * np.exp(0.7 * rng.standard_normal(len(customer))), 2)
    elif kind == "community_post":
        text, _ = tickets_text(customer, week, states, rng)
    return Rows(kind, customer, seconds, value, text)


def _none(customer: Ints) -> NDArray[np.int64]:
    return np.full(len(customer), -1, np.int64)
