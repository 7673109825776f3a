"""Stops a training run when one feature alone tells the outcome too well to be known beforehand.

Looks at training rows only. The check is its own few lines and shares nothing with what builds or
splits the data, so that a mistake there does not hide here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput

SUSPECT_AUC = 0.98
FEWEST_ROWS = 50


class Suspect(NamedTuple):
    """A feature that alone separates the outcomes: its AUC, whichever way round, ≥ 0.5."""

    feature: str
    auc: float
    where: str


def suspects(
    values: NDArray[np.float64],
    y: NDArray[np.float64],
    names: Sequence[str],
    *,
    limit: float = SUSPECT_AUC,
) -> tuple[Suspect, ...]:
    """Find every feature of `values` (n, k) that alone has an AUC above `limit`.

    A feature is looked at by its value (where it has one), and by whether it is missing at all.
    """
    found = []
    for j, name in enumerate(names):
        missing = np.isnan(values[:, j])
        looks = [("value", values[~missing, j], y[~missing])]
        if 0 < missing.sum() < len(missing):
            looks.append(("presence", missing.astype(np.float64), y))
        for where, column, truth in looks:
            separation = _separation(column, truth)
            if separation is not None and separation > limit:
                found.append(Suspect(name, separation, where))
    return tuple(found)


def stop_on_leak(values: NDArray[np.float64], y: NDArray[np.float64], names: Sequence[str]) -> None:
    """Raise `InvalidInput` naming the features that know the outcome; return if there are none."""
    found = suspects(values, y, names)
    if found:
        listed = ", ".join(
            f"{each.feature} (AUC {each.auc:.3f} by its {each.where})" for each in found
        )
        raise InvalidInput(
            f"the outcome can be read off {listed} alone",
            hint="such a feature is usually written after the fact: exclude it, or give it the "
            "known_at at which it really became known",
        )


def _separation(column: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    positives = int((y == 1).sum())
    negatives = len(y) - positives
    if len(y) < FEWEST_ROWS or min(positives, negatives) < 5:
        return None
    _, place, count = np.unique(column, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(count) - (count - 1) / 2
    above = float(middle_rank[place][y == 1].sum()) - positives * (positives + 1) / 2
    area = above / (positives * negatives)
    return max(area, 1 - area)
