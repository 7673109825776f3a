"""Do the arms look as if they had been drawn by lot? What was known before must not tell them.

Each covariate is compared between the arms alone, in level and in spread, by ranks; then a small
tree tries to tell the arms from all of them together, on people it has not seen. What differs far
beyond chance was either known only after the assignment and changed by it, or the draw is broken.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from outcomes.experiment.table import Covariates
from outcomes.randomised.lift import SAMPLE_RATIO_ALARM

Floats = NDArray[np.float64]
_FEWEST_TO_TELL = 40


class Balance(NamedTuple):
    """How far what was known before tells the arms apart.

    `differing`: covariates whose p-value, times the number of comparisons, is below 0.001, with it.
    `auc`: how well all together tell an arm from the control, 0.5 not at all, 1 perfectly (the arm
    told best), None where there are too few people to try; `auc_p_value` its chance under a draw by
    lot, times the number of arms.
    """

    differing: dict[str, float]
    auc: float | None
    auc_p_value: float

    @property
    def outcome(self) -> Literal["as expected", "mismatch"]:
        """Whether a draw by lot would give arms like these; a false alarm once in 1,000, twice."""
        alarmed = bool(self.differing) or self.auc_p_value < SAMPLE_RATIO_ALARM
        return "mismatch" if alarmed else "as expected"


def check_balance(
    covariates: Covariates, arms: NDArray[np.int64], units: NDArray[np.int64], *, seed: int = 0
) -> Balance:
    """Compare covariates between arms (0 is the control), each unit counting once.

    `arms` and `units` are `(n,)`, one per row of the covariates.
    """
    first, of_row = np.unique(units, return_index=True, return_inverse=True)[1:]
    rows = np.bincount(of_row)
    x = np.column_stack(
        [np.bincount(of_row, weights=column) / rows for column in covariates.values.T]
    )
    arm = arms[first]
    return Balance(_alone(x, arm, covariates.origin), *_together(x, arm, seed))


def _alone(x: Floats, arm: NDArray[np.int64], origin: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for name, column in zip(origin, x.T, strict=True):
        ranks = _ranks(column)
        found.setdefault(name, []).append(_kruskal_p(ranks, arm))
        if len(np.unique(column)) > 2:
            away = _ranks(np.abs(ranks - ranks.mean()))
            found[name].append(_kruskal_p(away, arm))
    tests = sum(len(each) for each in found.values())
    least = {name: min(1.0, min(each) * tests) for name, each in found.items()}
    return {name: p for name, p in least.items() if p < SAMPLE_RATIO_ALARM}


def _ranks(x: Floats) -> Floats:
    """Mean ranks of equal values."""
    place, counts = np.unique(x, return_inverse=True, return_counts=True)[1:]
    ends = np.cumsum(counts)
    middle: Floats = ends - (counts - 1) / 2
    return middle[place]


def _kruskal_p(ranks: Floats, arm: NDArray[np.int64]) -> float:
    """Kruskal and Wallis (1952), with ties: for two arms and a yes or no the chi-squared test."""
    spread = float(ranks.var(ddof=1)) if len(ranks) > 1 else 0.0
    if spread == 0:
        return 1.0
    sizes = np.bincount(arm)
    means = np.bincount(arm, weights=ranks)[sizes > 0] / sizes[sizes > 0]
    apart = float((sizes[sizes > 0] * (means - ranks.mean()) ** 2).sum()) / spread
    return float(chdtrc(int((sizes > 0).sum()) - 1, apart))


def _together(x: Floats, arm: NDArray[np.int64], seed: int) -> tuple[float | None, float]:
    best, least = None, 1.0
    treated = range(1, int(arm.max()) + 1)
    for name in treated:
        two = (arm == 0) | (arm == name)
        found = _told(x[two], arm[two] == name, seed)
        if found is not None:
            best = max(best or 0.0, found[0])
            least = min(least, found[1] * len(treated))
    return best, least


def _told(x: Floats, treated: NDArray[np.bool_], seed: int) -> tuple[float, float] | None:
    """AUC of a tree grown on one half and tried on the other, and its one-sided p-value."""
    half = np.random.default_rng(seed).permutation(len(x)) % 2 == 0
    sizes = [int((treated[half] == side).sum()) for side in (True, False)]
    if x.shape[1] == 0 or min(sizes) < _FEWEST_TO_TELL / 2:
        return None
    from sklearn.tree import DecisionTreeClassifier  # slow to load

    tree = DecisionTreeClassifier(
        max_depth=4, min_samples_leaf=max(10, len(x) // 100), random_state=seed
    ).fit(x[half], treated[half])
    told, was = tree.predict_proba(x[~half])[:, 1], treated[~half]
    if np.ptp(told) == 0 or was.all() or not was.any():
        return 0.5, 1.0
    ranks, n, m = _ranks(told), int(was.sum()), int((~was).sum())
    auc = (float(ranks[was].sum()) - n * (n + 1) / 2) / (n * m)
    two_sided = _kruskal_p(ranks, was.astype(np.int64))
    return auc, two_sided / 2 if auc > 0.5 else 1 - two_sided / 2
