"""What an event is worth if it happens, and with its probability what to expect of a person.

The amount is modelled on a scale that is linear near 0 and logarithmic far out, with its sign kept,
so that large orders do not rule the fit and returns may outweigh orders. Turning back from it is
done with the residuals of held-out rows: their mean gives the expected amount (smearing, Duan 1983,
by bins of the score), their quantiles the spread.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from training.model import Matrix, Vector

VALUE, VALUE_TREES = "value.json", "value.txt"
LEVELS = 100
INTERVAL = 0.9
_CHUNK_ROWS = 4096
_MANY_ROWS = 20_000


def squash(amount: Vector, scale: float) -> Vector:
    """sign(a) · log(1 + |a| ÷ scale), shape kept; `expand` takes it back."""
    return np.asarray(np.sign(amount) * np.log1p(np.abs(amount) / scale))


def expand(score: Vector, scale: float) -> Vector:
    """sign(s) · scale · (e^|s| − 1), shape kept."""
    return np.asarray(np.sign(score) * scale * np.expm1(np.abs(score)))


@dataclass(frozen=True)
class OwnRule:
    """A straight line in a person's own past amounts and counts, all squashed.

    score = intercept + Σ coefficient · squash(x, scale), over the columns at `places`; a missing x
    is read as `fill`. Without places everyone gets the intercept.
    """

    intercept: float
    places: tuple[int, ...] = ()
    fill: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    coefficients: tuple[float, ...] = ()

    def score(self, values: Matrix) -> Vector:
        """The rule's score (n,) for rows (n, k)."""
        total = np.full(len(values), self.intercept)
        for place, fill, scale, coefficient in zip(
            self.places, self.fill, self.scales, self.coefficients, strict=True
        ):
            x = np.nan_to_num(values[:, place], nan=fill)
            total += coefficient * squash(x, scale)
        return total


@dataclass(frozen=True)
class Residuals:
    """How held-out amounts lay around their score, by score.

    `scores` (b,) rise; `levels` (b, 100): residuals at the middle of each hundredth; `factors`
    (b,): actual total ÷ total that these hundredths give, for what the outermost lose. Between two
    scores everything is mixed in proportion.
    """

    scores: Vector
    levels: Matrix
    factors: Vector

    def around(self, score: Vector) -> tuple[Matrix, Vector]:
        """Residual hundredths (n, 100) and factors (n,) at each score (n,)."""
        last = len(self.scores) - 1
        if last == 0:
            return (
                np.repeat(self.levels, len(score), axis=0),
                np.repeat(self.factors, len(score)),
            )
        place = np.interp(score, self.scores, np.arange(last + 1.0))
        left = np.minimum(place.astype(np.int64), last - 1)
        share = place - left
        levels = (1 - share)[:, None] * self.levels[left] + share[:, None] * self.levels[left + 1]
        factors = (1 - share) * self.factors[left] + share * self.factors[left + 1]
        return levels, factors


class ValueEstimates(NamedTuple):
    """Expected amounts and 90 % intervals of the amounts that will be seen, all (n,).

    `expected` is a mean and the interval is of single outcomes: where the event is unlikely, both
    ends may be 0 and the mean above them.
    """

    expected: Vector
    low: Vector
    high: Vector


@dataclass(frozen=True)
class ValueModel:
    """The amount of an event given that it happens, over k features.

    score = own rule + trees, kept within `limits`, the scores that training rows got; amounts come
    from the score and `residuals`. Equal rows give bit-equal amounts, one or a million.
    """

    features: int
    scale: float
    rule: OwnRule
    trees: lightgbm.Booster | None
    limits: tuple[float, float]
    residuals: Residuals

    @property
    def method(self) -> str:
        """Which of its parts speak: trees, own_rule or mean."""
        if self.trees is not None:
            return "trees"
        return "own_rule" if self.rule.places else "mean"

    def predict(self, values: Matrix) -> Vector:
        """Expected amount given that the event happens, shape (n,), for rows (n, k)."""
        return combine(np.ones(len(values)), self, values).expected

    def score(self, values: Matrix) -> Vector:
        """Where each row lies on the squashed scale, shape (n,).

        Raises `InvalidInput` when the number of columns is not k.
        """
        if values.ndim != 2 or values.shape[1] != self.features:
            raise InvalidInput(
                f"a table of shape {values.shape} was found, (n, {self.features}) is needed",
                hint="compute the features with the definitions that came with the model",
            )
        total = self.rule.score(values)
        if self.trees is not None and len(values):
            threads = 0 if len(values) > _MANY_ROWS else 1
            total += np.asarray(self.trees.predict(values, raw_score=True, num_threads=threads))
        return np.clip(total, *self.limits)

    def to_files(self) -> dict[str, bytes]:
        """Plain files by name; `from_files` gives an equal model back."""
        rule, residuals = self.rule, self.residuals
        content: dict[str, Any] = {
            "features": self.features,
            "scale": self.scale,
            "limits": list(self.limits),
            "rule": {
                "intercept": rule.intercept,
                "places": list(rule.places),
                "fill": list(rule.fill),
                "scales": list(rule.scales),
                "coefficients": list(rule.coefficients),
            },
            "residuals": {
                "scores": residuals.scores.tolist(),
                "levels": residuals.levels.tolist(),
                "factors": residuals.factors.tolist(),
            },
        }
        text = json.dumps(content, sort_keys=True, allow_nan=False, indent=1)
        files = {VALUE: (text + "\n").encode()}
        if self.trees is not None:
            files[VALUE_TREES] = self.trees.model_to_string(num_iteration=-1).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ValueModel":
        """Read what `to_files` wrote; check the digests of the bytes before."""
        found = json.loads(files[VALUE])
        rule, residuals = found["rule"], found["residuals"]
        low, high = found["limits"]
        trees = files.get(VALUE_TREES)
        return cls(
            features=int(found["features"]),
            scale=float(found["scale"]),
            rule=OwnRule(
                float(rule["intercept"]),
                tuple(rule["places"]),
                tuple(rule["fill"]),
                tuple(rule["scales"]),
                tuple(rule["coefficients"]),
            ),
            trees=None if trees is None else lightgbm.Booster(model_str=trees.decode()),
            limits=(float(low), float(high)),
            residuals=Residuals(
                *(_array(residuals[name]) for name in ("scores", "levels", "factors"))
            ),
        )


def combine(probability: Vector, model: ValueModel, values: Matrix) -> ValueEstimates:
    """What to expect of each person: nothing with chance 1 − p, else an amount of the model's.

    `probability` (n,) is that the event happens; expected = p · amount given the event. The 90 %
    interval is between the 5 % and the 95 % point of that mixture, `values` (n, k).
    """
    score = model.score(values)
    expected, low, high = (np.empty(len(score)) for _ in range(3))
    for begin in range(0, len(score), _CHUNK_ROWS):
        part = slice(begin, begin + _CHUNK_ROWS)
        levels, factors = model.residuals.around(score[part])
        amounts = expand(score[part, None] + levels, model.scale)
        p = probability[part]
        expected[part] = p * factors * np.mean(amounts, axis=1)
        low[part] = _mixture_quantile((1 - INTERVAL) / 2, p, amounts)
        high[part] = _mixture_quantile((1 + INTERVAL) / 2, p, amounts)
    return ValueEstimates(expected, low, high)


def _mixture_quantile(level: float, p: Vector, amounts: Matrix) -> Vector:
    """The `level` point of 0 with chance 1 − p and else one of `amounts` (n, 100), rising."""
    below = p * np.mean(amounts < 0, axis=1)
    past = level - (1 - p)
    chosen = np.where(level < below, level, past)
    safe = np.where(p > 0, p, 1.0)
    found = _at(amounts, np.clip(chosen / safe, 0.0, 1.0))
    within = (level >= below) & (past <= below)
    return np.where(within | (p <= 0), 0.0, found)


def _at(amounts: Matrix, level: Vector) -> Vector:
    """Each row's amount at its own level, straight between hundredths, shape (n,)."""
    count = amounts.shape[1]
    place = np.clip(level * count - 0.5, 0.0, count - 1.0)
    left = np.minimum(place.astype(np.int64), max(count - 2, 0))
    right = np.minimum(left + 1, count - 1)
    row: NDArray[np.int64] = np.arange(len(amounts))
    share = place - left
    return np.asarray((1 - share) * amounts[row, left] + share * amounts[row, right])


def _array(found: Any) -> Matrix:
    return np.asarray(found, dtype=np.float64)
