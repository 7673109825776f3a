"""How good a score is: discrimination, calibration and lift, each with its 95 % interval.

`measure` gives everything the model card shows of one score on one test set. Formulas are stated at
each function; all work on `y` (n,) of 0 and 1 and scores (n,), higher meaning riskier. Where a
customer has several rows, `groups` (n,) says whose each is, and intervals count customers.
"""

from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.errors import InsufficientData
from governance.intervals import Interval, wilson
from governance.model.card import ECE_BINS, ReliabilityBin, TestResult
from training.evaluation.calibration_error import calibration_error, equal_bins
from training.evaluation.resample import (
    MANY_ROWS,
    Resamples,
    mean_with_interval,
    percentile,
    resamples_of,
)

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

NORMAL_975 = 1.959963984540054
SHOWN_BINS = 10
TOP_SHARE = 0.1
_MOST_STEPS = 2000
_LEAST = 1e-15


class Ranked(NamedTuple):
    """How dense the outcome is among the highest scores: average precision and lift."""

    average_precision: Interval
    lift: Interval


def measure(
    as_of: datetime,
    y: Vector,
    probability: Vector,
    rng: np.random.Generator,
    *,
    resamples: int = 0,
    groups: Ints | None = None,
) -> TestResult:
    """Every figure of one score; `as_of` is the test instant.

    Intervals: AUC by DeLong, log loss and Brier by the variance of a mean over customers, average
    precision and lift by `resamples` draws of customers (0: `resamples_of` decides), calibration
    error by `calibration_error`. Raises `InsufficientData` unless both outcomes occur.
    """
    seed = int(rng.integers(2**31))
    drawn = resamples_of(len(y) if groups is None else groups, seed=seed, count=resamples)
    return measure_on(as_of, y, probability, drawn)


def measure_on(as_of: datetime, y: Vector, probability: Vector, drawn: Resamples) -> TestResult:
    """Give what `measure` gives, on draws that other scores of the same rows share."""
    area = auc(y, probability, groups=None if drawn.alone else drawn.groups)
    ranked = rank_figures(y, probability, drawn)
    losses = mean_with_interval(log_losses(y, probability), drawn.groups)
    squares = mean_with_interval((probability - y) ** 2, drawn.groups)
    gap = calibration_error(y, probability, drawn.groups, seed=drawn.seed)
    return TestResult(
        as_of=as_of,
        n=len(y),
        positives=int(y.sum()),
        auc=area,
        average_precision=ranked.average_precision,
        log_loss=losses.value,
        brier=squares.value,
        ece=gap.value,
        lift_at_10=ranked.lift.value,
        intervals={"log_loss": losses, "brier": squares, "ece": gap, "lift_at_10": ranked.lift},
    )


def auc(y: Vector, score: Vector, *, groups: Ints | None = None) -> Interval:
    """Chance that a random positive scores above a random negative, ties counting half.

    95 % interval after DeLong, DeLong & Clarke-Pearson (1988), with `groups` (n,) after Obuchowski
    (1997); laid on the log-odds of the AUC so that it stays within 0 and 1.
    """
    (value,), covariance = _delong(y, [score], groups)
    variance = float(covariance[0, 0])
    if not 0 < value < 1 or variance <= 0:
        return Interval(value, value, value)
    centre = np.log(value / (1 - value))
    half = NORMAL_975 * np.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + sign * half))) for sign in (-1, 1))
    return Interval(value, float(low), float(high))


def auc_difference(
    y: Vector, score: Vector, other: Vector, *, groups: Ints | None = None
) -> Interval:
    """AUC of `score` minus AUC of `other` on the same people, with the paired 95 % interval."""
    (first, second), covariance = _delong(y, [score, other], groups)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    half = NORMAL_975 * float(np.sqrt(max(variance, 0.0)))
    return Interval(first - second, first - second - half, first - second + half)


def log_loss_difference(
    y: Vector, probability: Vector, other: Vector, *, groups: Ints | None = None
) -> Interval:
    """Log loss of `probability` minus that of `other`, paired; below 0 the first is better."""
    rows = log_losses(y, probability) - log_losses(y, other)
    return mean_with_interval(rows, np.arange(len(y)) if groups is None else groups)


def brier_difference(
    y: Vector, probability: Vector, other: Vector, *, groups: Ints | None = None
) -> Interval:
    """Brier score of `probability` minus that of `other`, paired; below 0 the first is better."""
    rows = (probability - y) ** 2 - (other - y) ** 2
    return mean_with_interval(rows, np.arange(len(y)) if groups is None else groups)


def average_precision(
    y: Vector, score: Vector, rng: np.random.Generator, *, resamples: int
) -> Interval:
    """Precision averaged over recall, tied scores taken together; percentile bootstrap, 95 %."""
    drawn = resamples_of(len(y), seed=int(rng.integers(2**31)), count=resamples)
    return rank_figures(y, score, drawn).average_precision


def rank_figures(y: Vector, score: Vector, drawn: Resamples, *, share: float = TOP_SHARE) -> Ranked:
    """Average precision, and lift in the top `share`, with percentile bootstrap intervals."""
    order = np.argsort(-score, kind="stable")
    outcome, sorted_score = y[order], score[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_score)), len(y) - 1)

    def both(weights: Matrix) -> Matrix:
        counts = weights[:, order]
        seen = np.cumsum(counts, axis=1)[:, ends]
        hits = np.cumsum(counts * outcome, axis=1)[:, ends]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([_precision(seen, hits), _lift(seen, hits, share)], axis=1)

    value = both(np.ones((1, len(y))))[0]
    if drawn.alone and len(y) > MANY_ROWS:
        table = _of_cells(outcome, drawn, share)
    else:
        table = drawn.of(both)
    return Ranked(*(percentile(float(value[k]), table[:, k]) for k in (0, 1)))


def log_losses(y: Vector, probability: Vector) -> Vector:
    """−log of the probability given to what happened, of each row (n,)."""
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))


def log_loss(y: Vector, probability: Vector) -> float:
    """Mean of −log of the probability given to what happened; 0 is perfect."""
    return float(np.mean(log_losses(y, probability)))


def brier(y: Vector, probability: Vector) -> float:
    """Mean squared distance between probability and outcome; 0 is perfect."""
    return float(np.mean((probability - y) ** 2))


def expected_calibration_error(y: Vector, probability: Vector, bins: int = ECE_BINS) -> float:
    """Mean gap between predicted and observed rate over equally filled bins, weighted by size."""
    return calibration_error(y, probability, np.arange(len(y)), seed=0, bins=bins).value


def reliability(
    y: Vector, probability: Vector, bins: int = SHOWN_BINS
) -> tuple[ReliabilityBin, ...]:
    """Predicted against observed rate in equally filled bins, from low to high risk."""
    found = []
    for part in equal_bins(probability, bins):
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


def _precision(seen: Matrix, hits: Matrix) -> Vector:
    """Average precision of each draw, from people and positives counted up to each score (b, m)."""
    gained = np.diff(hits, axis=1, prepend=0.0)
    return np.asarray(np.sum(gained * hits / np.maximum(seen, 1.0), axis=1) / hits[:, -1])


def _lift(seen: Matrix, hits: Matrix, share: float) -> Vector:
    """Lift of each draw: the top `share` of its rows, equal scores taken in part."""
    wanted = np.maximum(1.0, np.ceil(share * seen[:, -1]))
    place = np.argmax(seen >= wanted[:, None], axis=1)
    rows = np.arange(len(seen))
    before = np.maximum(place - 1, 0)
    first = place == 0
    seen_before = np.where(first, 0.0, seen[rows, before])
    hits_before = np.where(first, 0.0, hits[rows, before])
    part = (wanted - seen_before) / (seen[rows, place] - seen_before)
    top = hits_before + part * (hits[rows, place] - hits_before)
    return np.asarray(top / wanted / (hits[:, -1] / seen[:, -1]))


def _of_cells(outcome: Vector, drawn: Resamples, share: float) -> Matrix:
    """Average precision and lift of every draw, (b, 2), scores cut into 2,000 steps.

    `outcome` (n,) is in the order of falling scores. To draw rows is to draw how many of each
    outcome fall on each step, which takes no longer for a million rows than for a thousand.
    """
    steps = np.array_split(outcome, _MOST_STEPS)
    positives = np.array([part.sum() for part in steps])
    sizes = np.array([len(part) for part in steps], dtype=np.float64)
    cells = np.concatenate([positives, sizes - positives]) / len(outcome)
    random = np.random.default_rng(drawn.seed)
    counts = random.multinomial(len(outcome), cells, size=drawn.count).astype(np.float64)
    hits = np.cumsum(counts[:, :_MOST_STEPS], axis=1)
    seen = hits + np.cumsum(counts[:, _MOST_STEPS:], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([_precision(seen, hits), _lift(seen, hits, share)], axis=1)


def _delong(
    y: Vector, scores: list[Vector], groups: Ints | None
) -> tuple[list[float], NDArray[np.float64]]:
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
    areas = by_positive.mean(axis=1)
    if groups is None:
        covariance = _covariance(by_positive) / n_positive + _covariance(by_negative) / n_negative
    else:
        influence = np.zeros((len(scores), len(y)))
        influence[:, positive] = (by_positive - areas[:, None]) / n_positive
        influence[:, ~positive] = (by_negative - areas[:, None]) / n_negative
        covariance = _clustered(influence, groups)
    return [float(found) for found in areas], covariance


def _clustered(influence: Matrix, groups: Ints) -> NDArray[np.float64]:
    """Covariance of sums whose parts (s, n) belong to customers."""
    sums = np.stack([np.bincount(groups, weights=row) for row in influence])
    customers = int(np.sum(np.bincount(groups) > 0))
    return np.asarray(sums @ sums.T * customers / max(customers - 1, 1))


def _placements(ours: Vector, theirs: Vector) -> Vector:
    """Share of `theirs` below each of `ours`, equal ones counting half."""
    ordered = np.sort(theirs)
    below = np.searchsorted(ordered, ours, "left") + np.searchsorted(ordered, ours, "right")
    return below / (2.0 * len(theirs))


def _covariance(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if rows.shape[1] < 2:
        return np.zeros((len(rows), len(rows)))
    return np.atleast_2d(np.cov(rows))
