"""Calibration of the scores within groups, and what other thresholds would do to each."""

from collections.abc import Iterator, Sequence
from math import pi, sqrt

import numpy as np

from governance.fairness.cells import Labels, People
from governance.fairness.record import GroupBin, GroupCalibration, GroupCell, SweepPoint
from governance.intervals import wilson

MOST_BINS = 5
SWEEP = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The shares of people below each threshold that is tried."""


def calibration(
    people: People, labels: Labels, groups: Sequence[GroupCell], min_group: int
) -> Iterator[tuple[GroupCalibration, tuple[GroupBin, ...]]]:
    """Predicted beside observed of each group, and in up to 5 bins of at least `min_group`.

    Per bin of n people at probability p a share deviates by √(2p(1 − p) ÷ πn) on average even when
    every probability is right: that is the error by chance.
    """
    for cell in groups:
        inside = np.flatnonzero(labels == cell.group)
        probability, truth = people.probability[inside], people.truth[inside]
        observed = wilson(int(truth.sum()), len(inside))
        if observed is None:
            continue
        count = min(MOST_BINS, len(inside) // min_group)
        bins, error, chance = [], 0.0, 0.0
        if count >= 2:
            for part in np.array_split(np.argsort(probability, kind="stable"), count):
                share, came = (
                    float(probability[part].mean()),
                    wilson(int(truth[part].sum()), len(part)),
                )
                if came is None:
                    continue
                bins.append(GroupBin(cell.attribute, cell.group, len(part), share, came))
                weight = len(part) / len(inside)
                error += weight * abs(share - came.value)
                chance += weight * sqrt(max(0.0, 2 * share * (1 - share) / (pi * len(part))))
        yield (
            GroupCalibration(
                cell.attribute, cell.group, len(inside), float(probability.mean()), observed,
                error if bins else None, chance if bins else None,
            ),
            tuple(bins),
        )  # fmt: skip


def sweep(people: People, labels: Labels, groups: Sequence[GroupCell]) -> Iterator[SweepPoint]:
    """Rates of every group at thresholds from the median to the top tenth of all scores."""
    if not len(people.probability):
        return
    for threshold in np.quantile(people.probability, SWEEP):
        chosen = people.probability >= threshold
        for cell in groups:
            inside = labels == cell.group
            right, wrong = inside & people.truth, inside & ~people.truth
            rate = wilson(int(chosen[inside].sum()), int(inside.sum()))
            if rate is not None:
                yield SweepPoint(
                    cell.attribute, cell.group, float(threshold), rate,
                    wilson(int(chosen[right].sum()), int(right.sum())),
                    wilson(int(chosen[wrong].sum()), int(wrong.sum())),
                )  # fmt: skip
