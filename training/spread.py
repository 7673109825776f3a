"""How far a score may lie from the truth: the half-width of its interval, person by person.

A few trees say how large the error is for customers like this one. Plain numbers, as everything in
a bundle; `training.spread_fit` makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from training.compiled_trees import compiled

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_MANY_ROWS = 20_000


@dataclass(frozen=True)
class Spread:
    """Half-widths of 90 % intervals in calibrated log-odds: √(`shared`² + (`scale` · own)²).

    `shared` (≥ 0) is what nobody's features explain (how the level moves from season to season);
    `trees` give the logarithm of the own error, for the features and the score before calibration
    as one more column; without them it is 1.
    """

    shared: float = 0.0
    scale: float = 0.0
    trees: lightgbm.Booster | None = None

    def half_widths(self, values: Matrix, log_odds: Vector) -> Vector:
        """Half-widths (n,), ≥ 0, for features (n, k) and log-odds (n,) before calibration."""
        own = np.full(len(values), self.scale)
        if self.trees is not None and len(values):
            own *= np.exp(0.5 * raw_score(self.trees, np.column_stack([values, log_odds])))
        return np.asarray(np.hypot(own, self.shared))

    def to_json(self) -> dict[str, Any]:
        """Plain values beside the trees' own text."""
        return {"shared": self.shared, "scale": self.scale}

    @classmethod
    def from_json(cls, found: Mapping[str, Any], trees: lightgbm.Booster | None) -> "Spread":
        """Read what `to_json` wrote; raises `InvalidInput` for a negative width."""
        shared, scale = float(found["shared"]), float(found["scale"])
        if not (shared >= 0 and scale >= 0):
            raise InvalidInput("interval widths must be >= 0")
        return cls(shared, scale, trees)


NO_SPREAD = Spread()
"""No width is known: the interval is the score alone."""


def raw_score(trees: lightgbm.Booster, values: Matrix) -> Vector:
    """The sum of some trees (n,) for rows (n, k), the same bits whoever works it out."""
    own = compiled(trees)
    if own is not None:
        return own.total(np.ascontiguousarray(values))
    threads = 0 if len(values) > _MANY_ROWS else 1
    return np.asarray(trees.predict(values, raw_score=True, num_threads=threads))
