"""Whether the outcome was as frequent in the test as in training, and what that does to scores.

A model learns one level from its cut-offs. Where the season moves that level (fewer leave before
Christmas), its ranking may stand while its probabilities are off in one direction.
"""

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from governance.instants import from_micros, to_text
from governance.intervals import Interval, wilson
from governance.model.evaluation import RateAt, Season
from training.evaluation.resample import Vector, mean_with_interval

SHIFT = 0.02
FEWEST_PEOPLE = 5


def season_of(train: Dataset, test: Dataset, probability: Vector) -> Season:
    """Base rate of every training cut-off and of the test, and observed − predicted in the test.

    It counts as shifted when the gap exceeds 2 points and its 95 % interval leaves zero out.
    Cut-offs with fewer than 5 people are not told.
    """
    gap = mean_with_interval(test.y - probability, test.customer_index)
    cutoffs = [(at, train.y[train.as_of == at]) for at in np.unique(train.as_of).tolist()]
    return Season(
        training=tuple(_rate(at, y) for at, y in cutoffs if len(y) >= FEWEST_PEOPLE),
        test=_rate(int(test.as_of[0]), test.y),
        gap=gap,
        shifted=abs(gap.value) > SHIFT and gap.excludes_zero,
    )


def _rate(at: int, y: NDArray[np.float64]) -> RateAt:
    found = wilson(int(y.sum()), len(y)) or Interval(0.0, 0.0, 1.0)
    return RateAt(to_text(from_micros(at)), len(y), found)
