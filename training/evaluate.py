"""How good a score is: discrimination, calibration and lift, each rate with its interval.

`measure` gives everything the model card shows of one score on one test set. Formulas are stated at
each function; all work on `y` (n,) of 0 and 1 and scores (n,), higher meaning riskier.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from governance.errors import InsufficientData
from governance.intervals import Interval, wilson
from governance.model_card import ECE_BINS, ReliabilityBin, TestResult

Vector = NDArray[np.float64]

NORMAL_975 = 1.959963984540054
SHOWN_BINS = 10
TOP_SHARE = 0.1
_LEAST = 1e-15


def measure(
    as_of: datetime,
    y: Vector,
    probability: Vector,
    rng: np.random.Generator,
    *,
    resamples: int = 300,
) -> TestResult:
    """Every figure of one score; `as_of` is the test instant.

    Raises `InsufficientData` unless both outcomes occur. `rng` draws the resamples of average
    precision.
    """
    return TestResult(
        as_of=as_of,
        n=len(y),
        positives=int(y.sum()),
        auc=auc(y, probability),
        average_precision=average_precision(y, probability, rng, resamples=resamples),
        log_loss=log_loss(y, probability),
        brier=brier(y, probability),
        ece=expected_calibration_error(y, probability),
        lift_at_10=lift_at(y, probability, TOP_SHARE),
    )


def auc(y: Vector, score: Vector) -> Interval:
    """Chance that a random positive scores above a random negative, ties counting half.

    95 % interval after DeLong, DeLong & Clarke-Pearson (1988), laid on the log-odds of the AUC so
    that it stays within 0 and 1.
    """
    (value,), covariance = _delong(y, [score])
    variance = float(covariance[0, 0])
    if not 0 < value < 1 or variance <= 0:
        return Interval(value, value, value)
    centre = np.log(value / (1 - value))
    half = NORMAL_975 * np.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + sign * half))) for sign in (-1, 1))
    return Interval(value, float(low), float(high))


def auc_difference(y: Vector, score: Vector, other: Vector) -> Interval:
    """AUC of `score` minus AUC of `other` on the same people, with the paired 95 % interval."""
    (first, second), covariance = _delong(y, [score, other])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    half = NORMAL_975 * float(np.sqrt(max(variance, 0.0)))
    return Interval(first - second, first - second - half, first - second + half)


def average_precision(
    y: Vector, score: Vector, rng: np.random.Generator, *, resamples: int
) -> Interval:
    """Precision averaged over recall, tied scores taken together; percentile bootstrap, 95 %."""
    order = np.argsort(-score, kind="stable")
    sorted_y, sorted_score = y[order], score[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_score)), len(y) - 1)
    value = _average_precision(sorted_y, np.ones(len(y)), ends)
    drawn = []
    for _ in range(resamples):
        counts = np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y))
        if counts @ sorted_y > 0:
            drawn.append(_average_precision(sorted_y, counts.astype(np.float64), ends))
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (value, value)
    return Interval(value, float(low), float(high))


def log_loss(y: Vector, probability: Vector) -> float:
    """Mean of −log of the probability given to what happened; 0 is perfect."""
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))


def brier(y: Vector, probability: Vector) -> float:
    """Mean squared distance between probability and outcome; 0 is perfect."""
    return float(np.mean((probability - y) ** 2))


def expected_calibration_error(y: Vector, probability: Vector, bins: int = ECE_BINS) -> float:
    """Mean gap between predicted and observed rate over equally filled bins, weighted by size."""
    gaps = [
        len(part) * abs(float(np.mean(probability[part])) - float(np.mean(y[part])))
        for part in _equal_bins(probability, bins)
    ]
    return float(np.sum(gaps)) / len(y)


def reliability(
    y: Vector, probability: Vector, bins: int = SHOWN_BINS
) -> tuple[ReliabilityBin, ...]:
    """Predicted against observed rate in equally filled bins, from low to high risk."""
    found = []
    for part in _equal_bins(probability, bins):
        observed = wilson(int(y[part].sum()), len(part))
        if observed is not None:
            found.append(ReliabilityBin(len(part), float(np.mean(probability[part])), observed))
    return tuple(found)


def lift_at(y: Vector, score: Vector, share: float) -> float:
    """Rate of positives in the top `share` of scores ÷ rate among all; 1 is no better than chance.

    Where the cut falls among equal scores, they count as in the average over all orders.
    """
    wanted = max(1, int(np.ceil(share * len(y))))
    cut = np.sort(score)[::-1][wanted - 1]
    above, tied = score > cut, score == cut
    hits = y[above].sum() + (wanted - above.sum()) * y[tied].mean()
    return float(hits / wanted / y.mean())


def _delong(y: Vector, scores: list[Vector]) -> tuple[list[float], NDArray[np.float64]]:
    """AUCs and their covariance from the placements of positives and negatives."""
    positive = y > 0
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        raise InsufficientData(
            f"{n_positive} positives and {n_negative} negatives in the test set; both are needed"
        )
    above_negatives, below_positives = [], []
    for score in scores:
        hit, miss = score[positive], score[~positive]
        above_negatives.append(_placements(hit, miss))
        below_positives.append(1.0 - _placements(miss, hit))
    by_positive, by_negative = np.stack(above_negatives), np.stack(below_positives)
    covariance = _covariance(by_positive) / n_positive + _covariance(by_negative) / n_negative
    return [float(found) for found in by_positive.mean(axis=1)], covariance


def _placements(ours: Vector, theirs: Vector) -> Vector:
    """Share of `theirs` below each of `ours`, equal ones counting half."""
    ordered = np.sort(theirs)
    below = np.searchsorted(ordered, ours, "left") + np.searchsorted(ordered, ours, "right")
    return below / (2.0 * len(theirs))


def _covariance(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if rows.shape[1] < 2:
        return np.zeros((len(rows), len(rows)))
    return np.atleast_2d(np.cov(rows))


def _average_precision(y: Vector, count: Vector, ends: NDArray[np.int64]) -> float:
    hits, seen = np.cumsum(count * y)[ends], np.cumsum(count)[ends]
    gained = np.diff(hits, prepend=0.0)
    return float(np.sum(gained * hits / np.maximum(seen, 1.0)) / hits[-1])


def _equal_bins(probability: Vector, bins: int) -> list[NDArray[np.int64]]:
    order = np.argsort(probability, kind="stable")
    return [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
