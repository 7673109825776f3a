"""The laws of a made-up company: every planted effect, in one record that tests compare with."""

from dataclasses import dataclass

from governance.errors import ConfigurationError

DIMENSIONS = ("emotional", "financial", "social", "physical", "purposeful")
"""The dimensions of well-being, in the order of every array over them."""

AREAS = ("centre", "suburbs", "coast")
WORSE_OFF_AREA = "coast"
"""Where people truly fare worse, by `World.area_gap_points`."""

Five = tuple[float, float, float, float, float]
Seven = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True)
class World:
    """What is planted. Points are of a 0–100 well-being scale; order is that of `DIMENSIONS`.

    A person's state in a dimension is `level` + own constant (sd `between_sd`) + a wandering part
    (sd `wander_sd`, keeping `weekly_keep` of itself from week to week) − the gap of the worse-off
    area + what the pilot still gives: `pilot_points` · ½^(days since ÷ `pilot_half_life_days`).
    `shared` is the part of the own constants' variance that a person's dimensions have in common.

    The weekly log-hazard of leaving falls by `hazard_per_10_points` for 10 points more of the mean
    over dimensions, and by `pilot_log_hazard` · the same fading for those treated; a half-life of
    None keeps the pilot's help constant for its 13 weeks and ends it there.

    Orders come and go with the year: 1 + `yearly_amplitude` · cos(2π (day of year − `peak_day`) ÷
    365.25); `weekday_share` (Monday first, None: all alike) is where in the week things happen.
    `late_share` of rows become known `late_days` on average (exponential) after they occurred;
    `double_share` of orders are booked twice, `wrong_share` of orders and answers carry an
    impossible value, and `mended_share` of those two are retracted or corrected some days later.
    """

    under_recorded_share: float = 0.5
    level: Five = (62.0, 58.0, 60.0, 64.0, 57.0)
    between_sd: float = 9.0
    wander_sd: float = 7.0
    weekly_keep: float = 0.96
    shared: float = 0.3
    area_gap_points: Five = (4.0, 8.0, 2.0, 5.0, 3.0)
    pilot_points: Five = (6.0, 0.0, 5.0, 0.0, 3.0)
    pilot_half_life_days: float = 60.0
    pilot_log_hazard: float = -0.9
    pilot_hazard_half_life_days: float | None = 60.0
    hazard_per_10_points: float = 0.3
    yearly_amplitude: float = 0.25
    peak_day: int = 340
    weekday_share: Seven | None = (0.12, 0.12, 0.12, 0.13, 0.17, 0.20, 0.14)
    late_share: float = 0.1
    late_days: float = 6.0
    double_share: float = 0.01
    wrong_share: float = 0.01
    mended_share: float = 0.8

    def __post_init__(self) -> None:
        problems = [
            f"{name} == {getattr(self, name)}, must lie within 0-1"
            for name in (
                *("under_recorded_share", "weekly_keep", "shared", "yearly_amplitude"),
                *("late_share", "double_share", "wrong_share", "mended_share"),
            )
            if not 0 <= getattr(self, name) <= 1
        ]
        problems += [
            f"{name} == {getattr(self, name)}, must be above 0"
            for name in ("pilot_half_life_days", "late_days", "between_sd", "wander_sd")
            if getattr(self, name) <= 0
        ]
        if problems:
            raise ConfigurationError(problems, source="the made-up world")

    def pilot_fade(self, days: float) -> float:
        """Give what is left of the pilot's effect on well-being so many days after its start."""
        return float(0.5 ** (days / self.pilot_half_life_days)) if days >= 0 else 0.0


PLAIN = World(
    pilot_hazard_half_life_days=None,
    hazard_per_10_points=0.0,
    yearly_amplitude=0.0,
    weekday_share=None,
    late_share=0.0,
    double_share=0.0,
    wrong_share=0.0,
)
"""The world of the demo's own files: no seasons, nothing late or wrong."""
