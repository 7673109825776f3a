"""From a blended log-odds score to a probability: monotone calibrators and interval half-widths.

Both are plain numbers (a slope and an intercept, or knots), so that a bundle can carry them as JSON
and serving needs numpy alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput

Vector = NDArray[np.float64]

SMALLEST_SLOPE = 1e-3
NORMAL_95 = 1.6448536269514722
_FARTHEST = 9.0  # calibrated log-odds of an isotonic step stay within ±9 (p in .0001 … .9999)


def sigmoid(log_odds: Vector) -> Vector:
    """Turn log-odds into probabilities, shape kept; never overflows."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -500.0, 500.0))), dtype=np.float64)


@dataclass(frozen=True)
class Calibrator:
    """A non-decreasing map from raw to calibrated log-odds.

    `kind` "platt": slope · s + intercept, slope > 0. `kind` "isotonic": straight lines between the
    knots (`scores`, `levels`), constant outside them.
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
        return cls("isotonic", scores=scores, levels=levels)


IDENTITY = Calibrator("platt")


def fit_platt(log_odds: Vector, y: Vector, weight: Vector | None = None) -> Calibrator:
    """Two-number calibration (Platt 1999) fitted by Newton steps on held-out scores.

    `log_odds`, `y` (0 or 1) and `weight` have shape (n,). Targets are pulled in as Platt advises,
    (n₊+1)/(n₊+2) and 1/(n₋+2), so that a few separable rows do not give an endless slope. The slope
    is kept positive, so the order of customers never changes.
    """
    w = np.ones_like(log_odds) if weight is None else weight
    positives, negatives = float(w[y > 0].sum()), float(w[y <= 0].sum())
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(np.average(log_odds, weights=w)), float(np.std(log_odds)) or 1.0
    design = np.column_stack([(log_odds - centre) / spread, np.ones_like(log_odds)])
    beta = np.array([spread, centre])
    loss = _log_loss(design @ beta, target, w)
    for _ in range(50):
        p = sigmoid(design @ beta)
        curvature = design.T @ (design * (w * p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (w * (p - target)))
        scale = 1.0
        while scale > 1e-6:
            tried = _log_loss(design @ (beta - scale * step), target, w)
            if tried <= loss:
                break
            scale /= 2
        else:
            break
        beta, gained, loss = beta - scale * step, loss - tried, tried
        if gained < 1e-12 * max(1.0, abs(loss)):
            break
    slope = max(float(beta[0]) / spread, SMALLEST_SLOPE)
    if slope > SMALLEST_SLOPE:
        return Calibrator("platt", slope, float(beta[1] - beta[0] * centre / spread))
    share = float(np.average(target, weights=w))
    return Calibrator("platt", slope, float(np.log(share / (1 - share))) - slope * centre)


def fit_isotonic(log_odds: Vector, y: Vector, weight: Vector | None = None) -> Calibrator:
    """Free-form monotone calibration by pooling adjacent violators; wants some thousand rows.

    Each pooled block becomes one knot at its mean score; its level is the block's rate in
    log-odds, pulled in by half a person on either side so that no one is given 0 or 1.
    """
    w = np.ones_like(log_odds) if weight is None else weight
    order = np.argsort(log_odds, kind="stable")
    blocks: list[tuple[float, float, float]] = []  # weight, Σ weight·y, Σ weight·score
    for score, outcome, mass in zip(log_odds[order], y[order], w[order], strict=True):
        if mass <= 0:
            continue
        block = (float(mass), float(mass * outcome), float(mass * score))
        while blocks and blocks[-1][1] * block[0] >= block[1] * blocks[-1][0]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    table = np.asarray(blocks)
    rate = (table[:, 1] + 0.5) / (table[:, 0] + 1.0)
    levels = np.maximum.accumulate(np.clip(np.log(rate / (1 - rate)), -_FARTHEST, _FARTHEST))
    scores, first = np.unique(table[:, 2] / table[:, 0], return_index=True)
    return Calibrator("isotonic", scores=tuple(scores.tolist()), levels=tuple(levels[first]))


@dataclass(frozen=True)
class IntervalWidths:
    """Half-width of the 90 % interval, in calibrated log-odds, as lines between score knots."""

    scores: tuple[float, ...]
    half_widths: tuple[float, ...]

    def at(self, log_odds: Vector) -> Vector:
        """Half-widths (≥ 0), shape (n,), for raw log-odds of shape (n,)."""
        return np.interp(log_odds, self.scores, self.half_widths)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal record back."""
        return {"scores": list(self.scores), "half_widths": list(self.half_widths)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "IntervalWidths":
        """Read what `to_json` wrote; raises `InvalidInput` for negative widths."""
        scores = tuple(map(float, found["scores"]))
        widths = tuple(map(float, found["half_widths"]))
        if len(scores) != len(widths) or not scores or min(widths) < 0:
            raise InvalidInput("interval knots: as many half-widths (>= 0) as scores are needed")
        return cls(scores, widths)


def fit_widths(log_odds: Vector, refits: Vector, *, knots: int = 12) -> IntervalWidths:
    """How far refitted models disagree, by score.

    `log_odds` (n,): the shipped model's scores; `refits` (b, n): calibrated log-odds of b models
    refitted to resampled customers. Around each of up to `knots` equally filled score bins the
    half-width is 1.645 times the root mean square of the refits' standard deviations.
    """
    variance = np.var(refits, axis=0, ddof=1) if len(refits) > 1 else np.zeros(len(log_odds))
    order = np.argsort(log_odds, kind="stable")
    bins = np.array_split(order, min(knots, max(1, len(order) // 20)))
    centres = np.array([float(np.mean(log_odds[part])) for part in bins])
    widths = np.array([NORMAL_95 * float(np.sqrt(np.mean(variance[part]))) for part in bins])
    scores, first = np.unique(centres, return_index=True)
    return IntervalWidths(tuple(scores.tolist()), tuple(widths[first].tolist()))


def _log_loss(log_odds: Vector, target: Vector, weight: Vector) -> float:
    return float(np.sum(weight * (np.logaddexp(0.0, log_odds) - target * log_odds)))
