"""Makes numbers of the columns that were known before the draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import InsufficientData, InvalidInput

Matrix = NDArray[np.float64]

MAX_LEVELS = 30
LEAST_SHARE = 0.01
MISSING = "(missing)"


@dataclass(frozen=True)
class Column:
    """One covariate; `levels` are the words that get a column of their own, None for a number.

    Of a number whose values are sometimes missing, `has_gaps` says so.
    """

    name: str
    levels: tuple[str, ...] | None
    has_gaps: bool = False


@dataclass(frozen=True)
class Covariates:
    """What was learnt of the covariates, to make the same numbers of other rows.

    `left_out` names columns that cannot help, each with why: constant, or an id.
    """

    columns: tuple[Column, ...]
    left_out: tuple[str, ...]

    @classmethod
    def learn(cls, frame: pd.DataFrame, names: Sequence[str]) -> "Covariates":
        """Look at columns `names` of a table, never at its outcomes.

        Words that fewer than 1 % of rows hold, or beyond the 30 commonest, share the absence of all
        others. Raises `InsufficientData` when no column is left.
        """
        columns, left_out = [], []
        for name in names:
            values = _plain(frame[name])
            distinct = int(values.nunique(dropna=True))
            gaps = bool(values.isna().any())
            if distinct + gaps < 2:
                left_out.append(f"{name} (the same for everybody)")
            elif _is_number(values):
                if distinct == len(values) >= 1_000 and bool((values % 1 == 0).all()):
                    left_out.append(f"{name} (different for everybody, like an id)")
                else:
                    columns.append(Column(name, None, gaps))
            else:
                levels = _levels(values)
                if levels:
                    columns.append(Column(name, levels))
                else:
                    left_out.append(f"{name} (no word is common enough)")
        if not columns:
            raise InsufficientData(
                f"none of {len(names)} covariates says anything: {', '.join(left_out) or 'none'}",
                hint="name columns that differ between people and were known before the draw",
            )
        return cls(tuple(columns), tuple(left_out))

    @property
    def names(self) -> tuple[str, ...]:
        """What each column of the matrix holds: `age`, `channel = Web`."""
        found: list[str] = []
        for column in self.columns:
            if column.levels is None:
                found.append(column.name)
            else:
                found.extend(f"{column.name} = {level}" for level in column.levels)
        return tuple(found)

    @property
    def origin(self) -> tuple[str, ...]:
        """The covariate that each column of the matrix comes from."""
        return tuple(c.name for c in self.columns for _ in (c.levels or ("",)))

    def matrix(self, frame: pd.DataFrame) -> Matrix:
        """Give (n, k) numbers: numbers as they are (NaN missing), 1 or 0 for each known word."""
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        if absent:
            raise InvalidInput(f"the table lacks the covariate(s) {', '.join(absent)}")
        parts: list[Matrix] = []
        for column in self.columns:
            values = _plain(frame[column.name])
            if column.levels is None:
                numbers = pd.to_numeric(values, errors="coerce")
                parts.append(numbers.to_numpy(np.float64, na_value=np.nan))
            else:
                words = _words(values)
                parts.extend((words == level).astype(np.float64) for level in column.levels)
        return np.column_stack(parts)


def _plain(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Moments become days, yes and no become 1 and 0."""
    if pd.api.types.is_bool_dtype(values):
        return values.astype(np.int64)
    if pd.api.types.is_datetime64_any_dtype(values):
        first = pd.Timestamp("2000-01-01", tz=getattr(values.dt, "tz", None))
        return (values - first) / pd.Timedelta(days=1)
    return values


def _is_number(values: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(values))


def _words(values: "pd.Series[Any]") -> NDArray[np.object_]:
    words = values.astype("string").str.strip().fillna("").to_numpy(dtype=object)
    words[words == ""] = MISSING
    return words


def _levels(values: "pd.Series[Any]") -> tuple[str, ...]:
    found, counts = np.unique(_words(values).astype(str), return_counts=True)
    common = counts >= max(2.0, LEAST_SHARE * len(values))
    order = np.lexsort((found, -counts))
    return tuple(sorted(str(found[i]) for i in order[:MAX_LEVELS] if common[i]))
