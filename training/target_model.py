"""Everything one trained target can say: its risk, earlier horizons, an amount, a category."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.calibrator import sigmoid
from training.forecasts.category import CategoryModel
from training.forecasts.value import ValueModel
from training.model import Matrix, RiskModel, Scores, Vector

NORMAL_95 = 1.6448536269514722
_LEAST = 1e-12


class HorizonScores(NamedTuple):
    """Probability (n,) that it happens within `horizon_days`, with its 90 % interval."""

    horizon_days: int
    probability: Vector
    low: Vector
    high: Vector


class Step(NamedTuple):
    """How likely it is to happen within `horizon_days` for those for whom it happens later, too.

    The model's probability is P(by this horizon | by the next longer one).
    """

    horizon_days: int
    model: RiskModel


@dataclass(frozen=True)
class TargetModel:
    """A risk within `horizon_days`; from it, if there are any, all else follows.

    `steps` ascend to shorter horizons than the main one: p_h = p_next · P(by h | by next), so
    p₃₀ ≤ p₆₀ ≤ p₉₀ for everyone. `value` is the amount and `category` the kind of what happens,
    given that it does.
    """

    horizon_days: int
    risk: RiskModel
    steps: tuple[Step, ...] = ()
    value: ValueModel | None = None
    category: CategoryModel | None = None

    def horizons(self, values: Matrix, scores: Scores) -> tuple[HorizonScores, ...]:
        """Every horizon of rows (n, k), ascending; `scores` are the risk's of the same rows.

        Intervals of a shorter horizon come from relative errors, √(se² log p_next + se² log q),
        and never reach beyond those of the next.
        """
        return tuple(reversed(list(self._from_longest(values, scores))))

    def _from_longest(self, values: Matrix, scores: Scores) -> Iterator[HorizonScores]:
        p, low, high = scores.probability, scores.low, scores.high
        yield HorizonScores(self.horizon_days, p, low, high)
        half = 0.5 * (_logit(high) - _logit(low))
        relative = (1 - p) * half / NORMAL_95
        for step in reversed(self.steps):
            q, q_low, q_high = step.model.chances(values)
            own = 0.5 * (_logit(q_high) - _logit(q_low)) / NORMAL_95
            p = p * q
            relative = np.hypot(relative, (1 - q) * own)
            width = NORMAL_95 * relative / np.maximum(1 - p, _LEAST)
            low = np.minimum(low, sigmoid(_logit(p) - width))
            high = np.minimum(high, sigmoid(_logit(p) + width))
            yield HorizonScores(step.horizon_days, p, np.minimum(low, p), np.maximum(high, p))


def _logit(p: Vector) -> Vector:
    held = np.minimum(np.maximum(p, _LEAST), 1 - _LEAST)
    return np.asarray(np.log(held) - np.log1p(-held))
