"""Whether two feature tables say the same, cell by cell, as written to Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.definitions import FeatureDefinition

ROUNDED = frozenset({"mean", "std", "decayed_count", "recency_over_gap"})
"""Aggregates compared to 1e-9 of their size: the order of floating operations is a peer's own.

All others, sums of cents included, must be equal bit for bit.
"""

_KEYS = ("customer_id", "as_of")
_KEYS_AS = pa.schema([("customer_id", pa.large_string()), ("as_of", pa.int64())])


class Agreement(NamedTuple):
    """Rows found in one table only, and the features that differ somewhere with how often."""

    rows: int
    only_ours: int
    only_theirs: int
    different: tuple[tuple[str, int], ...]
    exact: int
    rounded: int

    def __str__(self) -> str:
        if self.only_ours or self.only_theirs or not self.exact:
            return f"DIFFERENT ROWS: only ours {self.only_ours:,}, only theirs {self.only_theirs:,}"
        if self.different:
            return "DIFFERENT: " + ", ".join(f"{name} in {n:,} rows" for name, n in self.different)
        return (
            f"equal: {self.rows:,} rows, {self.exact} features bit for bit, "
            f"{self.rounded} to 1e-9 of their size"
        )


def agree(ours: Path, theirs: Path, definitions: Sequence[FeatureDefinition]) -> Agreement:
    """Compare two tables (a Parquet file or a folder of them); missing is null or NaN, alike."""
    keys = [pq.read_table(path, columns=list(_KEYS)).cast(_KEYS_AS) for path in (ours, theirs)]
    orders = [pc.sort_indices(key, [(name, "ascending") for name in _KEYS]) for key in keys]
    sorted_keys = [key.take(order) for key, order in zip(keys, orders, strict=True)]
    if not sorted_keys[0].equals(sorted_keys[1]):
        mine, other = (key.group_by(list(_KEYS)).aggregate([]) for key in keys)
        only_mine = mine.join(other, list(_KEYS), join_type="left anti")
        only_other = other.join(mine, list(_KEYS), join_type="left anti")
        return Agreement(len(keys[0]), len(only_mine), len(only_other), (), 0, 0)
    different = []
    for definition in definitions:
        a, b = (
            _numbers(path, definition.name)[order.to_numpy()]
            for path, order in zip((ours, theirs), orders, strict=True)
        )
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if definition.aggregate in ROUNDED:
            same |= np.abs(a - b) <= 1e-9 * np.maximum(np.abs(a), np.abs(b))
        if not same.all():
            different.append((definition.name, int((~same).sum())))
    rounded = sum(definition.aggregate in ROUNDED for definition in definitions)
    exact = len(definitions) - rounded
    return Agreement(len(keys[0]), 0, 0, tuple(different), exact, rounded)


def _numbers(path: Path, name: str) -> NDArray[np.float64]:
    column = pq.read_table(path, columns=[name])[name]
    found: NDArray[np.float64] = column.cast("float64").to_numpy()
    return found
