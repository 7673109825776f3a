"""Can a model's own features tell who belongs to a group? Held out, with the features that can.

A model that never sees a protected attribute may still see it through others. Small boosted trees
try to tell each group from everyone else by the very features the model uses; their scores are of
people they did not learn from. Outcomes play no part.
"""

from collections.abc import Mapping, Sequence

import lightgbm
import numpy as np
from numpy.typing import NDArray

from governance.fairness.proxies import WEAK, Carrier, Proxy
from governance.intervals import Interval
from governance.model.card import FeatureImportance
from training.evaluation.evaluate import auc
from training.model import Matrix, Vector

FOLDS = 5
MOST_CARRIERS = 5
LARGEST_SAMPLE = 5_000
_COIN = 0.5
_ROUNDS = 50
_SHUFFLED = 15
_PARAMETERS = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.1,
    "feature_fraction": 0.5,
    "min_data_in_leaf": 10,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def proxies(
    values: Matrix,
    names: Sequence[str],
    groups: Mapping[str, Sequence[str | None]],
    *,
    importance: Sequence[FeatureImportance],
    min_group: int,
    min_cell: int,
    seed: int,
) -> tuple[Proxy, ...]:
    """Look for proxies of every group of every attribute.

    `values` (n, k) with columns `names`: one row per person; an attribute holds each one's group
    (n,), None where it is not known. `importance` says how much each feature moves scores. A group
    needs `min_group` people inside and outside; of smaller ones it cannot be said, and those under
    `min_cell` are not named. Of two groups that make up an attribute the smaller stands for both.
    """
    moved = {each.feature: each.mean_abs for each in importance}
    total = sum(moved.values()) or 1.0
    shares = {name: moved.get(name, 0.0) / total for name in names}
    found: list[Proxy] = []
    for attribute, labels in groups.items():
        known = np.flatnonzero([label is not None for label in labels])
        if len(known) > LARGEST_SAMPLE:
            random = np.random.default_rng(seed)
            known = np.sort(random.choice(known, LARGEST_SAMPLE, replace=False))
        stated = np.array(labels, np.object_)[known]
        for group in _to_tell(stated, min_cell):
            inside = (stated == group).astype(np.float64)
            if min(inside.sum(), (1 - inside).sum()) < max(min_group, FOLDS):
                found.append(Proxy(attribute, group, None, "cannot say"))
                continue
            found.append(_told(attribute, group, values[known], names, inside, shares, seed))
    return tuple(found)


def _to_tell(stated: NDArray[np.object_], min_cell: int) -> list[str]:
    groups, sizes = np.unique(stated.astype(np.str_), return_counts=True)
    if len(groups) == 2:
        return [str(groups[np.argmin(sizes)])] if sizes.min() >= min_cell else []
    return [str(group) for group, size in zip(groups, sizes, strict=True) if size >= min_cell]


def _told(
    attribute: str,
    group: str,
    values: Matrix,
    names: Sequence[str],
    inside: Vector,
    shares: Mapping[str, float],
    seed: int,
) -> Proxy:
    folds = _folds(inside, seed)
    boosters = [_fit(values[folds != k], inside[folds != k], seed) for k in range(FOLDS)]
    score = np.zeros(len(inside))
    for k, booster in enumerate(boosters):
        score[folds == k] = booster.predict(values[folds == k], raw_score=True)
    area = _widened(auc(inside, score))
    verdict = verdict_of(area)
    if verdict != "proxy":
        return Proxy(attribute, group, area, verdict)
    gain = np.sum([each.feature_importance("gain") for each in boosters], axis=0)
    drops = {}
    for j in np.argsort(-gain, kind="stable")[:_SHUFFLED]:
        drops[names[j]] = area.value - _shuffled(values, inside, folds, boosters, int(j), seed)
    strongest = sorted(drops.items(), key=lambda each: -each[1])[:MOST_CARRIERS]
    carriers = tuple(Carrier(name, drop, shares[name]) for name, drop in strongest if drop > 0)
    return Proxy(attribute, group, area, verdict, carriers)


def verdict_of(area: Interval) -> str:
    """`proxy` when the whole interval lies above a coin; `none found` when even a weak one would.

    That is: when the interval ends below the AUC at which a proxy is no longer weak.
    """
    if area.low > _COIN:
        return "proxy"
    return "none found" if area.high < WEAK else "cannot say"


def _widened(found: Interval) -> Interval:
    """An AUC pooled over folds with an interval that knows of the folds.

    The folds' models share most of their rows, so errors do not average out as they would between
    strangers: the variance is 1 + n_test ÷ n_train ÷ (1 ÷ folds) times as large (Nadeau & Bengio
    2003). Laid on log-odds, where the interval is symmetric.
    """
    if not 0 < found.low <= found.high < 1:
        return found
    stretch = np.sqrt(1 + FOLDS / (FOLDS - 1))
    centre = np.log(found.value / (1 - found.value))
    ends = [np.log(end / (1 - end)) - centre for end in (found.low, found.high)]
    low, high = (float(1 / (1 + np.exp(-(centre + stretch * each)))) for each in ends)
    return Interval(found.value, low, high, found.level)


def _folds(inside: Vector, seed: int) -> NDArray[np.int64]:
    """A fold for everyone (n,), the group spread evenly over all of them."""
    random = np.random.default_rng(seed)
    folds = np.zeros(len(inside), np.int64)
    for side in (0.0, 1.0):
        place = np.flatnonzero(inside == side)
        folds[random.permutation(place)] = np.arange(len(place)) % FOLDS
    return folds


def _fit(values: Matrix, inside: Vector, seed: int) -> lightgbm.Booster:
    return lightgbm.train(_PARAMETERS | {"seed": seed}, lightgbm.Dataset(values, inside), _ROUNDS)


def _shuffled(
    values: Matrix,
    inside: Vector,
    folds: NDArray[np.int64],
    boosters: Sequence[lightgbm.Booster],
    column: int,
    seed: int,
) -> float:
    """AUC when one column is shuffled among the held-out people of each fold."""
    random = np.random.default_rng([seed, column])
    score = np.zeros(len(inside))
    for k, booster in enumerate(boosters):
        held = values[folds == k].copy()
        held[:, column] = random.permutation(held[:, column])
        score[folds == k] = booster.predict(held, raw_score=True)
    return auc(inside, score).value
