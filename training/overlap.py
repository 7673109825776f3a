"""Looks at the rows a split brought out, and says what it would let through.

Shares no code, constant or helper with what builds and splits the data, so that a mistake there
does not hide here. It knows nothing but rows: who, when, the answers' horizon, and how old the
features say the newest thing they saw is.
"""

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset

MICROSECONDS_PER_DAY = 24 * 60 * 60 * 1_000_000
_AGES = ("days_since_last", "days_since_first")


def overlap_problems(train: Dataset, test: Dataset) -> tuple[str, ...]:
    """List what is wrong with a split, in words; empty when nothing is.

    Rows that stand twice, on one side or on both; an empty side; of a snapshot (given labels)
    customers on both sides; of a history training labels that reach into the test period; and
    feature rows newer than their as_of: an age in days below 0.
    """
    if len(train) == 0 or len(test) == 0:
        return ("one side of the split is empty",)
    problems = []
    for side, rows in (("training", train), ("test", test)):
        keys = _keys(rows)
        repeated = len(keys) - len(set(keys))
        if repeated:
            problems.append(f"{repeated} {side} rows repeat a customer and as_of")
        for name, count in _too_new(rows):
            problems.append(f"{count} {side} rows are newer than their as_of: {name} is below 0")
    both = len(set(_keys(train)) & set(_keys(test)))
    if train.target.kind == "given":
        shared = len(set(train.customers.tolist()) & set(test.customers.tolist()))
        if shared:
            problems.append(f"{shared} customers are on both sides of the split")
        return tuple(problems)
    if both:
        problems.append(f"{both} rows are on both sides of the split")
    last_answer = int(train.as_of.max()) + train.target.horizon_days * MICROSECONDS_PER_DAY
    reach = last_answer - int(test.as_of.min())
    if reach > 0:
        days = reach / MICROSECONDS_PER_DAY
        problems.append(f"training labels reach {days:.1f} days into the test period")
    return tuple(problems)


def _keys(rows: Dataset) -> list[tuple[str, int]]:
    return list(zip(rows.customers.tolist(), rows.as_of.tolist(), strict=True))


def _too_new(rows: Dataset) -> list[tuple[str, int]]:
    """Features that measure an age and say it lies in the future, and in how many rows."""
    found = []
    for column, definition in enumerate(rows.definitions):
        if definition.aggregate in _AGES:
            ages: NDArray[np.float64] = rows.values[:, column]
            count = int(np.sum(ages < 0))
            if count:
                found.append((definition.name, count))
    return found
