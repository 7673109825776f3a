"""The variances under which readings are most likely: moments first, then likelihood."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEEPS = np.array([0.5, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995])
_KEEP_PRIOR, _KEEP_PRIOR_SD = 0.95, 1.0
"""States change over weeks to months: logit(weekly_keep) ~ N(logit 0.95, 1)."""
_MOST_PEOPLE = 2_000


def lagged_products(deviation: Floats) -> tuple[Ints, Floats, Floats]:
    """Mean product of two deviations (m, weeks) of one person so many weeks apart.

    Gives weeks apart, mean products and of how many pairs; the last few weeks apart are left out.
    """
    together = np.nan_to_num(deviation).T @ np.nan_to_num(deviation)  # (weeks, weeks)
    known = np.isfinite(deviation).astype(np.float64)
    counted = known.T @ known
    lags, products, pairs = [], [], []
    for lag in range(1, deviation.shape[1] - 4):
        total, count = float(np.trace(together, lag)), float(np.trace(counted, lag))
        if count:
            lags.append(lag)
            products.append(total / count)
            pairs.append(count)
    return np.array(lags, np.int64), np.array(products), np.array(pairs)


def fit_moments(lags: Ints, products: Floats, pairs: Floats) -> tuple[float, float, float]:
    """Fit own_var + wander_var · keep^lag, both variances >= 0; gives keep and the two."""
    weight = np.sqrt(pairs)
    best: tuple[float, float, float, float] | None = None
    for keep in _KEEPS:
        design = np.stack([np.ones(len(lags)), keep**lags], axis=1) * weight[:, None]
        (own, wander), misfit = nnls(design, products * weight)
        if best is None or misfit < best[0]:
            best = (float(misfit), float(keep), float(own), float(wander))
    assert best is not None
    return best[1:]


def most_likely(
    deviation: Floats, count: Floats, start: tuple[float, float, float]
) -> tuple[float, float, float, float]:
    """Keep, own, wander and noise variance under which the readings (m, weeks) are most likely."""
    some = np.flatnonzero(np.isfinite(deviation).any(axis=1))
    some = some[:: -(-len(some) // _MOST_PEOPLE)]
    y, n = np.nan_to_num(deviation[some]), count[some]
    whole = float(np.mean(y[n > 0] ** 2))
    floor = 0.01 * whole
    keep, own, wander = start
    noise = max(whole - own - wander, 0.1 * whole)
    first = [logit(np.clip(keep, 0.6, 0.99)), *np.log(np.maximum([own, wander, noise], floor))]

    def unlikely(guess: Floats) -> float:
        share, (own, wander, noise) = float(expit(guess[0])), np.exp(np.clip(guess[1:], -20, 20))
        prior = (guess[0] - logit(_KEEP_PRIOR)) / _KEEP_PRIOR_SD
        return 0.5 * float(prior**2) - _log_likelihood(y, n, share, own, wander, noise)

    found = minimize(
        unlikely, np.array(first), method="Nelder-Mead",
        options={"xatol": 0.03, "fatol": 0.2, "maxfev": 250},
    ).x  # fmt: skip
    own, wander, noise = (float(x) for x in np.exp(np.clip(found[1:], -20, 20)))
    return float(expit(found[0])), own, wander, noise


def _log_likelihood(
    y: Floats, n: Floats, keep: float, own_var: float, wander_var: float, noise: float
) -> float:
    """Log-likelihood (but for a constant) of weekly means `y` of `n` readings each, 0 for none."""
    size = len(y)
    own, wander, cross = np.zeros(size), np.zeros(size), np.zeros(size)
    p_own, p_wander = np.full(size, own_var), np.full(size, wander_var)
    total = 0.0
    for week in range(y.shape[1] - 1, -1, -1):
        wander *= keep
        cross *= keep
        p_wander = keep * keep * p_wander + wander_var * (1 - keep * keep)
        here = n[:, week] > 0
        if not here.any():
            continue
        a, b = (p_own + cross)[here], (cross + p_wander)[here]
        spread = a + b + noise / n[here, week]
        miss = y[here, week] - (own + wander)[here]
        total -= 0.5 * float((np.log(spread) + miss * miss / spread).sum())
        own[here] += a * miss / spread
        wander[here] += b * miss / spread
        p_own[here] -= a * a / spread
        p_wander[here] -= b * b / spread
        cross[here] -= a * b / spread
    return total
