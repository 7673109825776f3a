"""Datasets made by hand, for what looks at rows and at nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from features.targets.target import Target
from governance.instants import DAY_US


def made(
    customers: Sequence[str],
    days: Sequence[float],
    *,
    target: Target | None = None,
    values: NDArray[np.float64] | None = None,
    y: NDArray[np.float64] | None = None,
    definitions: Sequence[FeatureDefinition] = (),
) -> Dataset:
    """Rows of these customers at these days; without `y` half of them have the outcome."""
    size = len(customers)
    table = np.zeros((size, len(definitions))) if values is None else values
    _, index = np.unique(np.array(customers, np.str_), return_inverse=True)
    return Dataset(
        target=target or Target("churn"),
        names=tuple(each.name for each in definitions),
        values=table,
        y=np.array(np.arange(size) % 2, np.float64) if y is None else y,
        customers=np.array(customers, np.object_),
        customer_index=index.astype(np.int64),
        as_of=np.array([int(day * DAY_US) for day in days], np.int64),
        dropped=(),
        definitions=tuple(definitions),
        manifest_digest="",
    )
