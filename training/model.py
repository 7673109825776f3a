"""The risk model as plain numbers: members added in log-odds, then a monotone calibrator.

Training fits it, a bundle carries it, serving computes with it: one class, so that a score served
is the score evaluated. Needs numpy and LightGBM only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from training.calibrator import Calibrator, sigmoid
from training.compiled_curves import fill_curves
from training.compiled_trees import compiled
from training.spread import NO_SPREAD, Spread, raw_score

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

TABLES, LIGHTGBM = "tables", "lightgbm"
RISK, TREES, LINEAR, SPREAD = "risk.json", "lightgbm.txt", "linear.json", "spread.txt"

_CHUNK_ROWS = 256
_MANY_ROWS = 20_000


class Scores(NamedTuple):
    """What a model says of n rows with k features.

    `probability`, `low`, `high` (n,): calibrated, with the 90 % interval, low ≤ probability ≤ high.
    `log_odds` (n,): the blend before calibration. `contributions` (n, k): what each feature added;
    row sums plus `base` are `log_odds` within 1e-9.
    """

    probability: Vector
    low: Vector
    high: Vector
    log_odds: Vector
    contributions: Matrix
    base: float


@dataclass(frozen=True)
class AdditiveMember:
    """A sum of one curve per feature, in log-odds; the linear member of the blend.

    Each curve is straight lines between knots, constant outside them, with a level of its own for a
    missing value. `left`, `width`, `rise` (k, m): the m ramps of each of the k curves, padded with
    rise 0. `start` (k,): the curve left of its first knot. `missing` (k,). `intercept`: the sum for
    a customer who is average in everything. `pairwise`: ramps are added up as models of before the
    compiled curves did, so that what was said with them stays what it was to the last bit.
    """

    left: Matrix
    width: Matrix
    rise: Matrix
    start: Vector
    missing: Vector
    intercept: float
    pairwise: bool = False

    @classmethod
    def from_curves(
        cls, knots: list[Vector], levels: list[Vector], missing: Vector, intercept: float
    ) -> "AdditiveMember":
        """Build from `knots[j]` (rising) and `levels[j]`, as many of each, for every feature j."""
        ramps = max([len(found) - 1 for found in knots] + [1])
        left, rise = np.zeros((len(knots), ramps)), np.zeros((len(knots), ramps))
        width, start = np.ones((len(knots), ramps)), np.zeros(len(knots))
        for j, (at, level) in enumerate(zip(knots, levels, strict=True)):
            if len(at) != len(level) or not len(at) or np.any(np.diff(at) <= 0):
                raise InvalidInput(f"curve {j}: knots must rise, with one level each")
            steps = len(at) - 1
            left[j, :steps], width[j, :steps] = at[:-1], np.diff(at)
            rise[j, :steps], start[j] = np.diff(level), level[0]
        return cls(left, width, rise, start, missing, intercept)

    def contributions(self, values: Matrix) -> Matrix:
        """Log-odds that each feature adds, shape (n, k), for `values` of shape (n, k)."""
        out = np.empty(values.shape)
        if not self.pairwise:
            curves = (self.left, self.width, self.rise, self.start, self.missing)
            fill_curves(np.ascontiguousarray(values), *curves, out)
            return out
        for begin in range(0, len(values), _CHUNK_ROWS):
            x = values[begin : begin + _CHUNK_ROWS, :, None]
            share = np.clip((x - self.left) / self.width, 0.0, 1.0)
            curve = self.start + np.sum(share * self.rise, axis=2)
            out[begin : begin + _CHUNK_ROWS] = np.where(np.isnan(x[:, :, 0]), self.missing, curve)
        return out

    def log_odds(self, values: Matrix) -> Vector:
        """The member's own log-odds, shape (n,)."""
        return self.total(self.contributions(values))

    def total(self, contributions: Matrix) -> Vector:
        """The log-odds (n,) that come of contributions (n, k)."""
        return np.asarray(self.intercept + np.sum(contributions, axis=1))

    def to_json(self) -> dict[str, Any]:
        """Plain lists; `from_json` gives the very same numbers back."""
        return {
            "intercept": self.intercept,
            "start": self.start.tolist(),
            "missing": self.missing.tolist(),
            "left": self.left.tolist(),
            "width": self.width.tolist(),
            "rise": self.rise.tolist(),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any], *, pairwise: bool = False) -> "AdditiveMember":
        """Read what `to_json` wrote."""

        def array(name: str) -> Matrix:
            return np.asarray(found[name], dtype=np.float64)

        return cls(
            array("left"),
            array("width"),
            array("rise"),
            array("start"),
            array("missing"),
            float(found["intercept"]),
            pairwise,
        )


@dataclass(frozen=True)
class RiskModel:
    """A fitted blend over k features; equal inputs give bit-equal scores, one row or a million.

    log-odds = intercept + tree_weight · trees(x) + additive_weight · curves(x). Either member may
    be absent; without both the model gives everyone the intercept. `shares` says who works out what
    each feature of the trees adds: our own `tables`, or `lightgbm` for models of before there were
    any, so that what was said with them stays what it was to the last bit.
    """

    features: int
    intercept: float
    trees: lightgbm.Booster | None
    tree_weight: float
    additive: AdditiveMember | None
    additive_weight: float
    calibrator: Calibrator
    spread: Spread = NO_SPREAD
    shares: str = TABLES

    def to_files(self) -> dict[str, bytes]:
        """Plain files by name; `from_files` gives a model back that scores the same."""
        content = {
            "features": self.features,
            "scale": "log-odds of the blend before calibration",
            "intercept": self.intercept,
            "tree_weight": self.tree_weight,
            "additive_weight": self.additive_weight,
            "calibrator": self.calibrator.to_json(),
            "interval_90": self.spread.to_json(),
            "shares": self.shares,
        }
        files = {RISK: _json_bytes(content)}
        if self.trees is not None:
            files[TREES] = self.trees.model_to_string(num_iteration=-1).encode()
        if self.additive is not None:
            files[LINEAR] = _json_bytes(self.additive.to_json())
        if self.spread.trees is not None:
            files[SPREAD] = self.spread.trees.model_to_string(num_iteration=-1).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "RiskModel":
        """Read what `to_files` wrote; check the digests of the bytes before."""
        found = json.loads(files[RISK])
        linear = json.loads(files[LINEAR]) if LINEAR in files else None
        shares = str(found.get("shares", LIGHTGBM))
        return cls(
            features=int(found["features"]),
            intercept=float(found["intercept"]),
            trees=_booster(files.get(TREES)),
            tree_weight=float(found["tree_weight"]),
            additive=None
            if linear is None
            else AdditiveMember.from_json(linear, pairwise=shares == LIGHTGBM),
            additive_weight=float(found["additive_weight"]),
            calibrator=Calibrator.from_json(found["calibrator"]),
            spread=Spread.from_json(found["interval_90"], _booster(files.get(SPREAD))),
            shares=shares,
        )

    def log_odds(self, values: Matrix) -> Vector:
        """Blended log-odds before calibration, shape (n,)."""
        return self._log_odds(self._checked(values))

    def probability(self, values: Matrix) -> Vector:
        """Calibrated probability, shape (n,)."""
        return sigmoid(self.calibrator.apply(self.log_odds(values)))

    def chances(self, values: Matrix) -> tuple[Vector, Vector, Vector]:
        """Probability with its 90 % interval, each (n,), where no reasons are asked for."""
        checked = self._checked(values)
        log_odds = self._log_odds(checked)
        calibrated = self.calibrator.apply(log_odds)
        half = self.spread.half_widths(checked, log_odds)
        return sigmoid(calibrated), sigmoid(calibrated - half), sigmoid(calibrated + half)

    def predict(self, values: Matrix) -> Scores:
        """Probability, interval, log-odds and contributions for `values` of shape (n, k).

        Raises `InvalidInput` when the number of columns is not k or a value is infinite.
        """
        checked = self._checked(values)
        log_odds = np.full(len(checked), self.intercept)
        contributions, base = np.zeros_like(checked), self.intercept
        if self.trees is not None and len(checked):
            total, shares, mean = self._explained(self.trees, checked)
            log_odds += self.tree_weight * total
            contributions += self.tree_weight * shares
            base += self.tree_weight * mean
        if self.additive is not None:
            curves = self.additive.contributions(checked)
            log_odds += self.additive_weight * self.additive.total(curves)
            contributions += self.additive_weight * curves
            base += self.additive_weight * self.additive.intercept
        calibrated = self.calibrator.apply(log_odds)
        half = self.spread.half_widths(checked, log_odds)
        return Scores(
            sigmoid(calibrated),
            sigmoid(calibrated - half),
            sigmoid(calibrated + half),
            log_odds,
            contributions,
            base,
        )

    def _log_odds(self, values: Matrix) -> Vector:
        total = np.full(len(values), self.intercept)
        if self.trees is not None and len(values):
            total += self.tree_weight * raw_score(self.trees, values)
        if self.additive is not None:
            total += self.additive_weight * self.additive.log_odds(values)
        return total

    def _explained(self, trees: lightgbm.Booster, values: Matrix) -> tuple[Vector, Matrix, float]:
        """The trees' sum (n,), what each feature adds to it (n, k), and its mean."""
        own = compiled(trees) if self.shares == TABLES else None
        if own is not None:
            return *own.explained(values), own.base
        threads = _threads(len(values))
        parts = np.asarray(trees.predict(values, pred_contrib=True, num_threads=threads))
        return raw_score(trees, values), parts[:, :-1], float(parts[0, -1])

    def _checked(self, values: Matrix) -> Matrix:
        if values.ndim != 2 or values.shape[1] != self.features:
            raise InvalidInput(
                f"a table of shape {values.shape} was found, (n, {self.features}) is needed",
                hint="compute the features with the definitions that came with the model",
            )
        if np.isinf(values).any():
            raise InvalidInput("an infinite feature value was found; missing is written as NaN")
        return np.ascontiguousarray(values, dtype=np.float64)


def _threads(rows: int) -> int:
    """One thread for few rows, all cores (0) for many."""
    return 0 if rows > _MANY_ROWS else 1


def _booster(text: bytes | None) -> lightgbm.Booster | None:
    return None if text is None else lightgbm.Booster(model_str=text.decode())


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, allow_nan=False, indent=1) + "\n").encode()
