"""The rows a model learns from, with who they belong to and when they were looked at."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.model import Matrix, Vector

LEVEL_HALF_LIFE_DAYS = 60.0
FEWEST_PERIODS = 3


@dataclass(frozen=True)
class Table:
    """Training rows: `values` (n, k), `y` (n,) of 0 and 1, `weight` (n,), `groups` (n,) codes.

    `period` (n,): codes of the time each row was looked at, into `period_days` (p,), in days. Every
    period has a level of its own (a season is no one's trait), so the members learn what sets
    customers apart at one time. Predictions take the mean level, newer periods counting more.
    `categorical`: columns whose numbers are codes. `monotone` (k,) or empty: 1 where the risk can
    only rise with a column, -1 only fall, 0 unknown. `personal`: columns that hold a person against
    their own past.
    """

    values: Matrix
    y: Vector
    weight: Vector
    groups: NDArray[np.int64]
    period: NDArray[np.int64]
    period_days: Vector
    categorical: tuple[int, ...] = ()
    monotone: tuple[int, ...] = ()
    personal: tuple[int, ...] = ()

    def rows(self, which: NDArray[np.int64]) -> "Table":
        """Only these rows, repeated as often as they are named."""
        return replace(
            self,
            values=self.values[which],
            y=self.y[which],
            weight=self.weight[which],
            groups=self.groups[which],
            period=self.period[which],
        )

    def outcome(self, y: Vector) -> "Table":
        """The same rows with another outcome (n,)."""
        return replace(self, y=y)

    def early(self) -> NDArray[np.bool_]:
        """Rows (n,) looked at before the latest third of the periods; all where there are few."""
        present = np.unique(self.period)
        if len(present) < FEWEST_PERIODS:
            return np.ones(len(self.y), np.bool_)
        return np.asarray(self.period < present[-(len(present) // 3)])

    def latest(self) -> "Table":
        """The rows of the latest third of the periods; all where there are few periods."""
        early = self.early()
        return self if early.all() else self.rows(np.flatnonzero(~early))

    def levels(self) -> Vector:
        """Log-odds of the outcome in each period (p,), pulled in by half a person each way."""
        count = len(self.period_days)
        total = np.bincount(self.period, self.weight, count)
        hits = np.bincount(self.period, self.weight * self.y, count)
        return np.log((hits + 0.5) / (total - hits + 0.5))

    def level(self, levels: Vector) -> float:
        """Mean of `levels` (p,) with each period counting half as much every 60 days back."""
        present = np.bincount(self.period, minlength=len(levels)) > 0
        age = self.period_days.max() - self.period_days
        shares = np.where(present, 0.5 ** (age / LEVEL_HALF_LIFE_DAYS), 0.0)
        return float(np.sum(levels * shares) / np.sum(shares))
