"""Does an effect on well-being last? Treated against held out, as randomised, days later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from features.history import Histories
from features.wellbeing.heard import AGGREGATE, heard_within
from features.wellbeing.noise import Noise
from features.wellbeing.scheme import Scheme
from features.wellbeing.signals import read_signals
from governance.instants import DAY_US
from governance.intervals import Interval
from governance.proof import AggregatePermit, Permit

Floats = NDArray[np.float64]

DURABLE_DAYS = (30, 180)
_LEVEL = 0.95


class TrialRow(NamedTuple):
    """One person of a randomised trial, in one dimension at one time after the start.

    `points` are what was heard within the window (weight `weight`), `before` how far the person
    then lay from the mean, shrunk (0 where nothing was heard).
    """

    treated: bool
    points: float
    weight: float
    before: float


class Durability(NamedTuple):
    """Treated minus held out, in points, `days` after the start, with a 95 % interval.

    `effect` and the counts are None with fewer people heard in an arm than may be shown. `treated`
    and `held_out` count people heard around that day; who has left or no longer answers is not
    among them, so a large difference between the arms in who is heard weakens the comparison.
    """

    dimension: str
    days: int
    effect: Interval | None
    treated: int | None
    held_out: int | None
    waiting: int


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows of a trial per dimension and day; blocks of customers can be added up."""

    rows: Mapping[tuple[str, int], tuple[TrialRow, ...]]
    waiting: Mapping[int, int]

    def __add__(self, other: "Trial") -> "Trial":
        keys = {**self.rows, **other.rows}
        return Trial(
            {key: (*self.rows.get(key, ()), *other.rows.get(key, ())) for key in keys},
            {day: self.waiting.get(day, 0) + other.waiting.get(day, 0)
             for day in {**self.waiting, **other.waiting}},
        )  # fmt: skip


def trial_rows(
    histories: Histories,
    scheme: Scheme,
    noise: Noise,
    assigned: Mapping[str, tuple[int, bool]],
    *,
    permit: Permit,
    known_until: int,
    days: Sequence[int] = DURABLE_DAYS,
    half_window_days: int = 14,
) -> Trial:
    """Collect what is heard `days` ± `half_window_days` after each person's assignment.

    `assigned` maps a customer to when (µs) and whether treated, as randomised. People whose window
    ends after `known_until` are counted as waiting.
    """
    signals = read_signals(histories, scheme, permit)
    known = histories.visible(known_until)
    start = np.zeros(len(histories), np.int64)
    treated = np.zeros(len(histories), np.bool_)
    inside_trial = np.zeros(len(histories), np.bool_)
    for k, customer in enumerate(histories.customers):
        if signals.permitted[k] and str(customer) in assigned:
            start[k], treated[k] = assigned[str(customer)]
            inside_trial[k] = True
    since = histories.occurred_at - start[histories.customer_of_event]
    before = known & (since < 0) & (since >= -180 * DAY_US)
    rows: dict[tuple[str, int], tuple[TrialRow, ...]] = {}
    waiting: dict[int, int] = {}
    for day in days:
        last = (day + half_window_days) * DAY_US
        ripe = inside_trial & (start + last <= known_until)
        waiting[day] = int((inside_trial & ~ripe).sum())
        inside = known & (since >= (day - half_window_days) * DAY_US) & (since < last)
        for name in scheme.names:
            told = noise.of(name)
            after, earlier = (
                heard_within(signals, told, inside),
                heard_within(signals, told, before),
            )
            if after is None or earlier is None:
                continue
            chosen = np.flatnonzero(after.there & ripe)
            shrunk = earlier.shrunk(told)
            rows[(name, day)] = tuple(
                TrialRow(bool(treated[k]), float(after.points[k]), float(after.weight[k]),
                         float(shrunk[k]))
                for k in chosen
            )  # fmt: skip
    return Trial(rows, waiting)


def durability(trial: Trial, *, aggregate: AggregatePermit) -> tuple[Durability, ...]:
    """Estimate the effect that lasts, per dimension and day.

    Weighted least squares of points on treatment and on how the person fared before (which only
    narrows the interval); the interval holds whatever the spread of the arms (HC1).
    """
    aggregate.require(AGGREGATE)
    found = []
    for (name, day), rows in trial.rows.items():
        table = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 4)
        arm = table[:, 0] == 1
        sizes = int(arm.sum()), int((~arm).sum())
        waiting = trial.waiting.get(day, 0)
        if all(map(aggregate.allows, sizes)):
            found.append(Durability(name, day, _effect(table), *sizes, waiting))
        else:
            found.append(Durability(name, day, None, None, None, waiting))
    return tuple(found)


def _effect(table: Floats) -> Interval:
    treated, points, weight, before = table.T
    design = np.stack([np.ones(len(table)), treated, before], axis=1)
    if np.ptp(before) == 0:
        design = design[:, :2]
    bread = np.linalg.inv(design.T @ (weight[:, None] * design))
    slopes = bread @ (design.T @ (weight * points))
    scores = design * (weight * (points - design @ slopes))[:, None]
    n, k = design.shape
    covariance = bread @ (scores.T @ scores) @ bread * n / (n - k)
    half = float(special.stdtrit(n - k, (1 + _LEVEL) / 2) * np.sqrt(covariance[1, 1]))
    effect = float(slopes[1])
    return Interval(effect, effect - half, effect + half)
