"""From a blended log-odds score to a probability: a monotone map as plain numbers.

A slope and an intercept, or knots: a bundle carries them as JSON and serving needs numpy alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput

Vector = NDArray[np.float64]


def sigmoid(log_odds: Vector) -> Vector:
    """Turn log-odds into probabilities, shape kept; never overflows."""
    held = np.minimum(np.maximum(log_odds, -500.0), 500.0)
    return np.asarray(1.0 / (1.0 + np.exp(-held)), dtype=np.float64)


@dataclass(frozen=True)
class Calibrator:
    """A non-decreasing map from raw to calibrated log-odds.

    `kind` "platt": slope · s + intercept, slope > 0. `kind` "isotonic" and "venn_abers": straight
    lines between the knots (`scores`, `levels`), constant outside them.
    """

    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def apply(self, log_odds: Vector) -> Vector:
        """Calibrated log-odds, shape (n,), for raw log-odds of shape (n,)."""
        if self.kind == "platt":
            return self.slope * log_odds + self.intercept
        return np.interp(log_odds, self.scores, self.levels)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal calibrator back."""
        if self.kind == "platt":
            return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}
        return {"kind": self.kind, "scores": list(self.scores), "levels": list(self.levels)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Calibrator":
        """Read what `to_json` wrote; raises `InvalidInput` for a map that could decrease."""
        if found["kind"] == "platt":
            if not found["slope"] > 0:
                raise InvalidInput(f"calibrator slope is {found['slope']}, must be > 0")
            return cls("platt", float(found["slope"]), float(found["intercept"]))
        scores, levels = tuple(map(float, found["scores"])), tuple(map(float, found["levels"]))
        if len(scores) != len(levels) or not scores:
            raise InvalidInput("calibrator knots: as many scores as levels are needed")
        if np.any(np.diff(scores) <= 0) or np.any(np.diff(levels) < 0):
            raise InvalidInput("calibrator knots must rise")
        return cls(str(found["kind"]), scores=scores, levels=levels)


IDENTITY = Calibrator("platt")
