"""Signs that somebody's scores know what happened afterwards.

An AUC alone proves nothing: data differ. Each sign here asks a question that honest scores pass
whatever their quality, and every one is told, found or not. They are grounds to look, not proof.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.neighbors import NearestNeighbors

from features.definitions import FeatureDefinition
from governance.intervals import Interval, wilson
from training.evaluation.evaluate import auc, auc_difference
from training.evaluation.segments import longest_window
from training.model import Matrix, Vector

Verdict = Literal["fine", "suspicious", "cannot_say"]

HALF_THE_ERRORS = 0.5
HARDLY_POSSIBLE = 0.97
TWINS_TOLD_APART = 0.8
FEWEST_TWINS = 20
FEWEST_OF_AN_OUTCOME = 10
_MOST_ROWS = 4000


class Sign(NamedTuple):
    """A question asked of the scores: its name, the answer, and what was found in words."""

    name: str
    outcome: Verdict
    text: str


def signs_of_a_leak(
    y: Vector,
    theirs: Vector,
    ours: Vector,
    values: Matrix,
    definitions: Sequence[FeatureDefinition],
    event_kind: str,
) -> tuple[Sign, ...]:
    """Ask every question of `theirs` (n,), beside `ours` (n,) on features `values` (n, k)."""
    return (
        equals_the_outcome(y, theirs),
        too_good(y, theirs, ours),
        tells_twins_apart(y, theirs, ours, values),
        depends_on_history(y, theirs, ours, values, definitions, event_kind),
    )


def equals_the_outcome(y: Vector, theirs: Vector) -> Sign:
    """Whether a score is the outcome itself, or separates it without one mistake."""
    name = "equal to the outcome"
    area = auc(y, theirs).value
    if area in (0.0, 1.0):
        return Sign(name, "suspicious", "they separate the outcomes without a single mistake")
    same = float(np.mean(np.abs(theirs - y) < 1e-6))
    if same > 0.95:
        return Sign(name, "suspicious", f"{100 * same:.1f} % of them are the outcome itself")
    return Sign(name, "fine", "they are not the outcome in another form")


def too_good(y: Vector, theirs: Vector, ours: Vector) -> Sign:
    """Whether they make less than half the errors of ours, intervals included, or hardly any.

    An error is a pair of customers put the wrong way round: 1 − AUC.
    """
    name = "too good for the future"
    first, second = auc(y, theirs), auc(y, ours)
    ratio = (1 - first.low) / max(1 - second.high, 1e-9)
    told = f"AUC {first}, ours {second}"
    hardly = first.value >= HARDLY_POSSIBLE and auc_difference(y, theirs, ours).low > 0
    if ratio < HALF_THE_ERRORS or hardly:
        return Sign(
            name,
            "suspicious",
            f"{told}: hardly possible for the future; look for something in these scores that was "
            "known only afterwards",
        )
    return Sign(name, "fine", f"{told}: within what other data or a better model may give")


def tells_twins_apart(y: Vector, theirs: Vector, ours: Vector, values: Matrix) -> Sign:
    """Whether they know which of two customers with near-equal features it came true for.

    Of each customer for whom it came true the nearest one is found for whom it did not, by the
    ranks of all features; pairs nearer than the usual distance to one's nearest neighbour are
    twins. What is known beforehand orders few more than half of them rightly; 80 % and more, lower
    bound of the Wilson interval, is suspicious.
    """
    name = "tells twins apart"
    pairs = _twins(y, values)
    if len(pairs) < FEWEST_TWINS:
        return Sign(name, "cannot_say", f"{len(pairs)} pairs of twins, {FEWEST_TWINS} are needed")
    share, beside = _right(theirs, pairs), _right(ours, pairs)
    told = (
        f"of {len(pairs)} pairs with near-equal features and different outcomes they put "
        f"{100 * share.value:.0f} % right [{100 * share.low:.0f}, {100 * share.high:.0f}], ours "
        f"{100 * beside.value:.0f} %"
    )
    suspicious = share.low > TWINS_TOLD_APART and share.low > beside.high
    return Sign(name, "suspicious" if suspicious else "fine", told)


def depends_on_history(
    y: Vector,
    theirs: Vector,
    ours: Vector,
    values: Matrix,
    definitions: Sequence[FeatureDefinition],
    event_kind: str,
) -> Sign:
    """Whether their lead is gone, or even grows, among customers with hardly any history.

    Scores that learned the very customers by heart lead where there is a history to remember and
    fall to chance where there is none; scores that know the future lead where nobody could.
    """
    name = "customers without history"
    place = longest_window(definitions, event_kind, "count")
    if place is None:
        return Sign(name, "cannot_say", f"no feature counts a customer's {event_kind} events")
    thin = ~(values[:, place] > 1)
    sides = [(int(y[side].sum()), int((1 - y[side]).sum())) for side in (thin, ~thin)]
    if min(min(side) for side in sides) < FEWEST_OF_AN_OUTCOME:
        return Sign(
            name, "cannot_say", f"fewer than {FEWEST_OF_AN_OUTCOME} of an outcome with or without"
        )
    here, beside = auc(y[thin], theirs[thin]), auc(y[thin], ours[thin])
    there = auc_difference(y[~thin], theirs[~thin], ours[~thin])
    told = f"AUC {here} where there is one {event_kind} at most, ours {beside}"
    if (1 - here.low) / max(1 - beside.high, 1e-9) < HALF_THE_ERRORS:
        return Sign(name, "suspicious", f"{told}: they know more than anyone could there")
    lost = auc_difference(y[thin], theirs[thin], ours[thin])
    if there.low > 0 and lost.high < there.low and here.low <= 0.5:
        return Sign(
            name,
            "suspicious",
            f"{told}: they lead by {there} where there is a history and fall to chance where there "
            "is none, as scores do that learned these customers by heart",
        )
    return Sign(name, "fine", told)


def _twins(y: Vector, values: Matrix) -> NDArray[np.int64]:
    """Pairs (m, 2) of row numbers: outcome 1 and outcome 0, each row once at most."""
    rows = np.arange(len(y))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_ROWS, replace=False))
    ranks = _ranks(values[rows])
    ones, zeros = np.flatnonzero(y[rows] == 1), np.flatnonzero(y[rows] == 0)
    if not len(ones) or not len(zeros):
        return np.zeros((0, 2), np.int64)
    usual = NearestNeighbors(n_neighbors=2).fit(ranks).kneighbors(ranks)[0][:, 1]
    distance, nearest = NearestNeighbors(n_neighbors=1).fit(ranks[zeros]).kneighbors(ranks[ones])
    order = np.argsort(distance[:, 0], kind="stable")
    order = order[distance[order, 0] <= np.median(usual)]
    _, first = np.unique(nearest[order, 0], return_index=True)
    chosen = order[np.sort(first)]
    return np.column_stack([rows[ones[chosen]], rows[zeros[nearest[chosen, 0]]]])


def _ranks(values: Matrix) -> Matrix:
    """Each column as ranks from 0 to 1, what is missing far below."""
    missing = np.isnan(values)
    ranked = rankdata(np.where(missing, -np.inf, values), axis=0) / len(values)
    return np.where(missing, -0.5, ranked)


def _right(score: Vector, pairs: NDArray[np.int64]) -> Interval:
    gap = score[pairs[:, 0]] - score[pairs[:, 1]]
    right = float(np.sum(gap > 0) + 0.5 * np.sum(gap == 0))
    return wilson(round(right), len(pairs)) or Interval(0.5, 0.0, 1.0)
