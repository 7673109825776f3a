"""How likely a person is to fare clearly worse than lately, from what may be expected of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from training.calibrate import fit_platt
from training.choose import losses
from training.evaluation.resample import mean_with_interval
from training.personal.baseline import Ahead, Reports, Vector
from training.personal.residual import PersonalResidual, standard_error

FEWEST_TO_CALIBRATE = 10
_LEAST = 1e-9


@dataclass(frozen=True, kw_only=True)
class DeclineRule:
    """When a person fares worse: mean ahead ≤ own recent mean − `amount` · own recent spread.

    Recent is (day − `recent_days`, day], with at least `fewest_recent` reports and a spread above
    zero; ahead is (day, day + `ahead_days`], with at least `fewest_ahead`. Anything less is
    "cannot say", never "no".
    """

    amount: float = 0.5
    recent_days: float = 28.0
    ahead_days: float = 7.0
    fewest_recent: int = 5
    fewest_ahead: int = 4

    def threshold(self, reports: Reports) -> Vector:
        """The value at or below which the mean ahead is a decline, (n,); NaN for "cannot say"."""
        recent = reports.trailing(self.recent_days)
        told = (recent.reports >= self.fewest_recent) & (recent.spread > 0)
        return np.where(told, recent.mean - self.amount * recent.spread, np.nan)

    def happened(self, threshold: Vector, ahead: Ahead) -> Vector:
        """1.0 for a decline, 0.0 for none, NaN where either side has too few reports, (n,)."""
        known = np.isfinite(threshold) & np.isfinite(ahead.value)
        return np.where(known, (ahead.value <= threshold).astype(np.float64), np.nan)


@dataclass(frozen=True, eq=False)
class DeclineModel:
    """Probability of a decline: logistic in the Gaussian answer, slope · logit Φ(z) + intercept.

    z = (threshold − expected) ÷ s, with s² = σ² ÷ (n + k) + σ² ÷ m: how uncertain the own mean of n
    reports is, and how much the mean of the usual number of m reports ahead varies by chance.
    `slope` and `intercept` are Platt's (1999), learnt where the expectation could not have known,
    and 1 and 0 unless that lowers the log loss by more than one standard error over people, or
    with fewer than 10 declines or 10 others.
    """

    rule: DeclineRule
    expectation: PersonalResidual
    reports_ahead: float
    slope: float
    intercept: float

    @classmethod
    def fit(
        cls, rule: DeclineRule, expectation: PersonalResidual, reports: Reports, ahead: Ahead
    ) -> Self:
        """Calibrate on the held-out rows of `expectation`, which was fitted to these reports."""
        answered = np.isfinite(ahead.value)
        usual = float(ahead.reports[answered].mean()) if answered.any() else 1.0
        plain = cls(rule, expectation, usual, 1.0, 0.0)
        rows, threshold = expectation.held_out.rows, rule.threshold(reports)
        truth = rule.happened(threshold, ahead)[rows]
        asked = np.isfinite(truth)
        rows, truth = rows[asked], truth[asked]
        if min(truth.sum(), len(truth) - truth.sum()) < FEWEST_TO_CALIBRATE:
            return plain
        expected = expectation.held_out.expected[asked]
        score = plain._score(expected, threshold[rows], reports.count()[rows])
        found = fit_platt(score, truth)
        gain = mean_with_interval(
            losses(score, truth) - losses(found.apply(score), truth), reports.person[rows]
        )
        if gain.value <= standard_error(gain):
            return plain
        return cls(rule, expectation, usual, found.slope, found.intercept)

    def decline_probability(
        self, reports: Reports, features: NDArray[np.float64] | None = None
    ) -> Vector:
        """Probability of a decline after each report, (n,); NaN where the rule cannot say."""
        expected = self.expectation.expect(reports, features)
        score = self._score(expected, self.rule.threshold(reports), reports.count())
        return np.asarray(expit(self.slope * score + self.intercept))

    def _score(self, expected: Vector, threshold: Vector, count: Vector) -> Vector:
        mean = self.expectation.mean
        variance = mean.noise**2 * (1 / (count + mean.strength) + 1 / self.reports_ahead)
        p = np.clip(ndtr((threshold - expected) / np.sqrt(variance)), _LEAST, 1 - _LEAST)
        return np.asarray(np.log(p) - np.log1p(-p))
