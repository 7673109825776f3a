"""Chooses capacity by inner validation: the smallest that is within one paired standard error.

Folds keep all rows of one customer together, so nobody is validated by their own other rows, and
differences are measured customer by customer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.model import Matrix, Vector
from training.table import Table

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]

FOLDS = 5
_NEWTON_STEPS = 6


class Choice(NamedTuple):
    """The position of the candidate chosen, and its out-of-fold log-odds (n,)."""

    candidate: int
    log_odds: Vector


def folds_of(y: Vector, groups: NDArray[np.int64], *, seed: int) -> list[Fold]:
    """Up to 5 folds of whole groups; none when a class has fewer than two groups.

    Groups are dealt out in the order of their share of positives, equal ones at random, so every
    fold gets its part of each.
    """
    smallest = min(len(np.unique(groups[y == kind])) for kind in (0.0, 1.0))
    count = min(FOLDS, smallest)
    if count < 2:
        return []
    sizes = np.bincount(groups)
    share = np.bincount(groups, weights=y) / np.maximum(sizes, 1)
    order = np.lexsort((np.random.default_rng(seed).random(len(sizes)), share))
    order = order[sizes[order] > 0]
    dealt = np.zeros(len(sizes), dtype=np.int64)
    dealt[order] = np.arange(len(order)) % count
    fold = dealt[groups]
    folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]
    return folds if all(len(np.unique(y[train])) == 2 for train, _ in folds) else []


def forward_folds(table: Table, *, seed: int) -> list[Fold]:
    """Folds of whole customers whose training rows lie before the latest third of the periods.

    So what is chosen is what does well on other people and, for those latest periods, at a later
    time. With fewer than three periods, or one class early on, time is left aside.
    """
    folds = folds_of(table.y, table.groups, seed=seed)
    early = table.early()
    forward = [(train[early[train]], held_out) for train, held_out in folds]
    if all(len(np.unique(table.y[train])) == 2 for train, _ in forward):
        return forward
    return folds


def leveled(scores: Matrix, y: Vector, weight: Vector, period: NDArray[np.int64]) -> Matrix:
    """Add to each candidate's `scores` (c, n) the level at which it fits each period best.

    One number per candidate and period (maximum likelihood, half a person added to either side):
    a season is no one's trait, and no candidate is judged by it.
    """
    out = scores.copy()
    for each in np.unique(period):
        rows = np.flatnonzero(period == each)
        w, total = weight[rows], float(weight[rows].sum())
        wanted = (float(w @ y[rows]) + 0.5) / (total + 1.0) * total
        base = scores[:, rows]
        level = np.full(len(scores), np.log(wanted / max(total - wanted, 1e-9))) - base @ w / total
        for _ in range(_NEWTON_STEPS):
            p = 1.0 / (1.0 + np.exp(-np.clip(base + level[:, None], -500.0, 500.0)))
            slope = np.maximum((p * (1 - p)) @ w, 1e-9)
            level += np.clip((wanted - p @ w) / slope, -2.0, 2.0)
        out[:, rows] += level[:, None]
    return out


def out_of_fold(
    fit: Callable[[NDArray[np.int64]], Callable[[NDArray[np.int64]], Matrix]],
    folds: Sequence[Fold],
    shape: tuple[int, int],
) -> Matrix:
    """Log-odds of `shape` (candidates, n) for rows that the fit did not see.

    `fit` gets the training rows' numbers and gives back a function from the numbers of m other rows
    to (candidates, m) log-odds.
    """
    out = np.zeros(shape)
    for train, held_out in folds:
        out[:, held_out] = fit(train)(held_out)
    return out


def losses(log_odds: Matrix, y: Vector) -> Matrix:
    """Log loss of each row, same shape as `log_odds` (…, n)."""
    return np.logaddexp(0.0, log_odds) - y * log_odds


def best(log_odds: Matrix, y: Vector, weight: Vector) -> Choice:
    """Pick the candidate of `log_odds` (c, n) with the least out-of-fold log loss."""
    found = int(np.argmin(losses(log_odds, y) @ weight))
    return Choice(found, log_odds[found])


def smallest_within_one_se(
    log_odds: Matrix, y: Vector, weight: Vector, groups: NDArray[np.int64], sizes: Sequence[float]
) -> Choice:
    """Pick among candidates by out-of-fold log loss.

    `log_odds` (c, n) and `sizes` (c,): the candidate of least size whose mean loss exceeds the
    best one's by no more than one standard error of their difference, where the error is taken
    over groups (all rows of a customer count as one observation).
    """
    chosen = smallest(losses(log_odds, y), weight, groups, sizes)
    return Choice(chosen, log_odds[chosen])


def smallest(
    loss: Matrix, weight: Vector, groups: NDArray[np.int64], sizes: Sequence[float]
) -> int:
    """Position of the least candidate within one paired standard error of the best.

    `loss` (c, n) is any loss of each candidate on rows it did not see; the rest is as above.
    """
    least = int(np.argmin(loss @ weight))
    for index in np.lexsort((np.arange(len(sizes)), np.asarray(sizes))):
        if _excess_is_noise(loss[index] - loss[least], weight, groups):
            return int(index)
    return least


def _excess_is_noise(difference: Vector, weight: Vector, groups: NDArray[np.int64]) -> bool:
    total = float(weight.sum())
    excess = float(difference @ weight) / total
    spread = np.bincount(groups, weights=weight * (difference - excess))
    return excess <= float(np.sqrt(np.sum(spread**2))) / total
