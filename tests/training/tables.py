"""Datasets written by hand: one row per customer, columns as they are listed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from features.labels import Target
from governance.instants import to_micros

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
CHURN = Target("churn")


def number(name: str) -> FeatureDefinition:
    """An attribute of the profile that is a number."""
    return FeatureDefinition(
        name=f"profile_{name}", kinds=("profile",), aggregate="last", column=f"property:{name}"
    )


def choice(name: str, *categories: str) -> FeatureDefinition:
    """An attribute of the profile that is one of some words."""
    return replace(number(name), aggregate="category", categories=categories)


def dataset(
    columns: Mapping[FeatureDefinition, ArrayLike],
    y: ArrayLike,
    *,
    target: Target = CHURN,
    as_of: datetime | Sequence[datetime] = JANUARY,
    customers: ArrayLike | None = None,
) -> Dataset:
    """Make rows of `columns` (each (n,)) with outcomes `y` (n,), a customer each unless stated."""
    outcome = np.asarray(y, dtype=np.float64)
    n = len(outcome)
    instants = [as_of] * n if isinstance(as_of, datetime) else list(as_of)
    whose = np.arange(n) if customers is None else np.asarray(customers, dtype=np.int64)
    values = [np.asarray(column, dtype=np.float64) for column in columns.values()]
    return Dataset(
        target=target,
        names=tuple(definition.name for definition in columns),
        values=np.column_stack(values) if values else np.zeros((n, 0)),
        y=outcome,
        customers=np.array([f"c{k}" for k in whose], dtype=np.object_),
        customer_index=whose,
        as_of=np.array([to_micros(at) for at in instants], dtype=np.int64),
        dropped=(),
        definitions=tuple(columns),
        manifest_digest="",
    )
