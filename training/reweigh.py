"""Weights of training rows under which an outcome is as frequent in every group."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from governance.errors import InsufficientData
from training.model import Vector

Labels = Mapping[str, Sequence[str | None]]

_PASSES = 30
_LIGHTEST, _HEAVIEST = 0.1, 10.0


def balancing_weights(y: Vector, groups: Labels, *, min_group: int) -> Vector:
    """Weights (n,) under which the outcome is as frequent in every group as over all.

    Kamiran & Calders (2012), w = P(group) P(y) ÷ P(group, y), for several attributes at once by
    raking: each pass puts one attribute right after another. Groups of fewer than `min_group` rows
    or of one outcome, and rows whose group is not known, weigh as they are. Weights stay within
    0.1 and 10, with mean 1. Raises `InsufficientData` when no attribute has two groups to balance.
    """
    places = list(_balanced_groups(y, groups, min_group))
    if not places:
        raise InsufficientData(
            "no two groups of training rows are large enough to be reweighed",
            hint=f"a group needs {min_group} rows of people who permit the fairness audit, "
            "some of either outcome",
        )
    weight, share = np.ones(len(y)), float(y.mean())
    for _ in range(_PASSES):
        for inside in places:
            came = float(weight[inside] @ y[inside] / weight[inside].sum())
            weight[inside] *= np.where(y[inside] == 1, share / came, (1 - share) / (1 - came))
        weight = np.clip(weight, _LIGHTEST, _HEAVIEST)
    return np.asarray(weight / weight.mean())


def _balanced_groups(y: Vector, groups: Labels, min_group: int) -> Iterator[NDArray[np.int64]]:
    for labels in groups.values():
        stated = np.array(["" if label is None else label for label in labels], np.object_)
        found = [np.flatnonzero(stated == each) for each in sorted({*labels} - {None}, key=str)]
        large = [p for p in found if len(p) >= min_group and 0 < y[p].sum() < len(p)]
        if len(large) >= 2:
            yield from large
