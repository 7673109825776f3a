"""Fits the map from a blended log-odds score to a probability, and says which way does best."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from training.calibrator import Calibrator, sigmoid
from training.choose import losses, smallest

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_PERIODS = 3

SMALLEST_SLOPE = 1e-3
VENN_ABERS_KNOTS = 65
_FARTHEST = 9.0  # calibrated log-odds of an isotonic step stay within ±9 (p in .0001 … .9999)


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
    scores, hits, mass = _by_score(log_odds, y, weight)
    rates = isotonic_regression(hits / mass, sample_weight=mass)
    block = np.cumsum(np.diff(rates, prepend=rates[0]) > 0)
    whole = np.bincount(block, mass)
    rate = (np.bincount(block, hits) + 0.5) / (whole + 1.0)
    return _knots("isotonic", np.bincount(block, mass * scores) / whole, rate)


def fit_venn_abers(log_odds: Vector, y: Vector, weight: Vector | None = None) -> Calibrator:
    """Venn-Abers calibration (Vovk, Petej & Fedorova 2015), worked out at some scores beforehand.

    At each knot a person of that score is added to the others, once without and once with the
    outcome; isotonic regression then gives p₀ and p₁, and the probability is p₁ ÷ (1 − p₀ + p₁).
    Straight lines join the knots, so that unequal scores keep unequal probabilities.
    """
    scores, hits, mass = _by_score(log_odds, y, weight)
    places = np.unique(np.linspace(0, len(scores) - 1, VENN_ABERS_KNOTS).round().astype(int))
    rate = np.empty(len(places))
    for k, place in enumerate(places):
        one = np.zeros(len(scores))
        one[place] = 1.0
        low, high = (
            isotonic_regression((hits + added) / (mass + one), sample_weight=mass + one)[place]
            for added in (0.0, one)
        )
        rate[k] = high / (1 - low + high)
    return _knots("venn_abers", scores[places], rate)


def _by_score(log_odds: Vector, y: Vector, weight: Vector | None) -> tuple[Vector, Vector, Vector]:
    """Different scores, ascending, with the weight of those who left and of everyone at each."""
    w = np.ones_like(log_odds) if weight is None else weight
    there = w > 0
    scores, place = np.unique(log_odds[there], return_inverse=True)
    hits, mass = (np.bincount(place, each[there]) for each in (w * y, w))
    return scores, np.asarray(hits, np.float64), np.asarray(mass, np.float64)


def _knots(kind: str, scores: Vector, rate: Vector) -> Calibrator:
    held = np.clip(rate, 1e-9, 1 - 1e-9)
    levels = np.clip(np.log(held / (1 - held)), -_FARTHEST, _FARTHEST)
    at, first = np.unique(scores, return_index=True)
    return Calibrator(
        kind, scores=tuple(at.tolist()), levels=tuple(np.maximum.accumulate(levels)[first].tolist())
    )


CALIBRATIONS: Mapping[str, Callable[[Vector, Vector, Vector | None], Calibrator]] = {
    "platt": fit_platt,
    "venn_abers": fit_venn_abers,
    "isotonic": fit_isotonic,
}
"""Every way to calibrate, the plainest first."""


def _log_loss(log_odds: Vector, target: Vector, weight: Vector) -> float:
    return float(np.sum(weight * (np.logaddexp(0.0, log_odds) - target * log_odds)))


def choose_calibration(
    log_odds: Vector, y: Vector, weight: Vector, groups: Ints, period: Ints
) -> tuple[str, Mapping[str, float]]:
    """Name the way that calibrates unseen periods best, and each way's log loss there.

    Held-out scores (n,) of all periods but one fit the map, that one judges it, in turn: no single
    recent period decides. With fewer than three periods fifths of the customers take their place.
    The plainest within one paired standard error of the best is named; "none" leaves scores alone.
    """
    folds = period if len(np.unique(period)) >= FEWEST_PERIODS else groups % 5
    ways = {"none": None, **CALIBRATIONS}
    held = np.zeros((len(ways), len(y)))
    for each in np.unique(folds):
        inside = folds == each
        rest = ~inside
        for k, fit in enumerate(ways.values()):
            if fit is None or len(np.unique(y[rest])) < 2:
                held[k, inside] = log_odds[inside]
            else:
                held[k, inside] = fit(log_odds[rest], y[rest], weight[rest]).apply(log_odds[inside])
    loss = losses(held, y)
    place = smallest(loss, weight, groups, list(range(len(ways))))
    mean = loss @ weight / weight.sum()
    return list(ways)[place], dict(zip(ways, mean.tolist(), strict=True))
