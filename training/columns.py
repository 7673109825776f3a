"""How the columns of a table become the numbers a model works on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Columns:
    """What was learnt of each column: its name and, for text and categories, its codes.

    `names` (k,); `codes[j]` are the sorted categories of column j (its value becomes their
    position; a category not seen in training is missing), or None for a column of numbers;
    `categorical`: positions of columns whose numbers are codes.
    """

    names: tuple[str, ...]
    codes: tuple[tuple[str, ...] | None, ...]
    categorical: tuple[int, ...]
    is_frame: bool

    @classmethod
    def learn(cls, X: Any, categorical: Sequence[str] | Sequence[int] | None) -> Self:
        """Look at a training table, an array or a DataFrame."""
        if not isinstance(X, pd.DataFrame):
            width = X.shape[1]
            stated = tuple(int(found) for found in categorical or ())
            return cls(tuple(f"x{j}" for j in range(width)), (None,) * width, stated, False)
        names = tuple(str(name) for name in X.columns)
        codes = tuple(_categories(X.iloc[:, j]) for j in range(X.shape[1]))
        positions = {j for j, found in enumerate(codes) if found is not None}
        for found in categorical or ():
            positions.add(names.index(found) if isinstance(found, str) else int(found))
        return cls(names, codes, tuple(sorted(positions)), True)

    def encode(self, X: Any) -> Any:
        """Give back X with text and categories as codes; anything but a DataFrame unchanged."""
        if not isinstance(X, pd.DataFrame) or not any(found is not None for found in self.codes):
            return X
        coded = dict(zip(self.names, self.codes, strict=True))
        parts = {name: _coded(X[name], coded.get(str(name))) for name in X.columns}
        return pd.DataFrame(parts, index=X.index)


def _categories(column: "pd.Series[Any]") -> tuple[str, ...] | None:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return None
    return tuple(sorted({str(value) for value in column.dropna()}))


def _coded(column: "pd.Series[Any]", categories: tuple[str, ...] | None) -> "pd.Series[float]":
    if categories is None:
        return column
    position = {category: float(code) for code, category in enumerate(categories)}
    coded = [np.nan if pd.isna(v) else position.get(str(v), np.nan) for v in column]
    return pd.Series(coded, index=column.index, dtype=np.float64)
