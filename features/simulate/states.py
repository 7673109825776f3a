"""How well the made-up customers truly fare: a state per person, week and dimension, 0 to 100."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.simulate.life import PILOT_WEEK, WEEKS, Flags, Floats, Texts
from features.simulate.world import AREAS, DIMENSIONS, WORSE_OFF_AREA, World

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class States:
    """`points` `(weeks, n, 5)` at the start of each week, and where each person lives `(n,)`."""

    points: Singles
    area: Texts

    @property
    def mean(self) -> Floats:
        """Mean over dimensions `(weeks, n)`."""
        found: Floats = self.points.mean(axis=2, dtype=np.float64)
        return found


def wander(n: int, rng: np.random.Generator, world: World) -> States:
    """Draw everyone's states as they would be without the pilot."""
    area = rng.choice(AREAS, n, p=[0.4, 0.35, 0.25])
    common = np.sqrt(world.shared) * rng.standard_normal((n, 1))
    own = common + np.sqrt(1 - world.shared) * rng.standard_normal((n, len(DIMENSIONS)))
    middle = np.array(world.level) + world.between_sd * own
    middle -= (area == WORSE_OFF_AREA)[:, None] * np.array(world.area_gap_points)
    points = np.empty((WEEKS, n, len(DIMENSIONS)), np.float32)
    drift = world.wander_sd * rng.standard_normal((n, len(DIMENSIONS)))
    push = world.wander_sd * np.sqrt(1 - world.weekly_keep**2)
    for week in range(WEEKS):
        points[week] = middle + drift
        drift = world.weekly_keep * drift + push * rng.standard_normal(drift.shape)
    return States(np.clip(points, 0, 100), area)


def help_some(states: States, treated: Flags, world: World) -> States:
    """Add what the pilot gives to those `treated` (n,), fading from its first week on."""
    points = states.points.copy()
    for week in range(PILOT_WEEK, WEEKS):
        given = np.array(world.pilot_points) * world.pilot_fade((week - PILOT_WEEK) * 7)
        points[week, treated] += given.astype(np.float32)
    return States(np.clip(points, 0, 100), states.area)
