"""A table of an experiment, read from a file as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from governance.errors import InvalidInput, NotFound

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]
MAX_LEVELS = 30
LARGEST = 1e15
"""The largest size of a number in a table: beyond it, sums and squares lose what is compared."""
_ONES = ("1", "1.0", "true", "yes", "y", "t")
_ZEROS = ("0", "0.0", "false", "no", "n", "f")


@dataclass(frozen=True)
class Table:
    """The named columns of a file, all of one length."""

    columns: pa.Table

    def texts(self, name: str) -> NDArray[np.str_]:
        """Give a column as text; a missing value is an empty text."""
        column = self.columns[name].cast(pa.string()).fill_null("")
        return np.asarray(column.to_pylist(), dtype=np.str_)

    def is_number(self, name: str) -> bool:
        """Whether the file holds numbers or booleans here."""
        kind = self.columns[name].type
        return bool(
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
        )

    def numbers(self, name: str) -> Floats:
        """Give a numeric column as `(n,)` floats, NaN where missing."""
        column = self.columns[name]
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        return np.asarray(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(), np.float64)

    def is_there(self, name: str) -> NDArray[np.bool_]:
        """Whether each row has a value, `(n,)`."""
        return np.asarray(self.columns[name].is_valid().to_numpy(), np.bool_)

    def is_aware(self, name: str) -> bool:
        """Whether a column of times knows its time zone."""
        kind = self.columns[name].type
        return bool(pa.types.is_timestamp(kind) and kind.tz is not None)

    def times(self, name: str) -> Times:
        """Give a column of dates or moments as `(n,)` in µs, NaT where missing.

        Raises `InvalidInput` for a column that holds neither.
        """
        column = self.columns[name]
        if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
            raise InvalidInput(
                f"{name!r} holds neither dates nor moments",
                hint="write them as 2026-03-29 or 2026-03-29 14:05:00",
            )
        return np.asarray(column.cast(pa.timestamp("us")).to_numpy(), "datetime64[us]")


def read_table(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read the named columns, or all, of a CSV, Parquet or JSON-lines file.

    Raises `NotFound` for a missing file and `InvalidInput` for an unknown format or column.
    """
    if not path.exists():
        raise NotFound(f"there is no file {path.name!r}", hint="check the path")
    name = path.name.lower().removesuffix(".gz")
    import duckdb  # slow to load, and the service reads no tables

    with duckdb.connect() as conn:
        try:
            if name.endswith((".csv", ".tsv", ".txt")):
                found = conn.read_csv(str(path))
            elif name.endswith(".parquet"):
                found = conn.read_parquet(str(path))
            elif name.endswith((".jsonl", ".ndjson", ".json")):
                found = conn.read_json(str(path))
            else:
                raise InvalidInput(
                    f"{path.name!r} is no format that can be read",
                    hint="give a .csv, .tsv, .parquet or .jsonl file",
                )
        except duckdb.Error as problem:
            raise InvalidInput(
                f"{path.name!r} could not be read as a table ({type(problem).__name__})",
                hint="the first line must name the columns",
            ) from None
        columns = found.columns if columns is None else columns
        unknown = [column for column in columns if column not in found.columns]
        if unknown:
            near = [n for name in unknown for n in get_close_matches(name, found.columns, n=1)]
            asked = f"did you mean {', '.join(near)}? " if near else ""
            raise InvalidInput(
                f"{path.name!r} has no column {', '.join(map(repr, unknown))}",
                hint=f"{asked}it has {', '.join(found.columns)}",
            )
        wanted = [duckdb.ColumnExpression(column) for column in dict.fromkeys(columns)]
        read = found.select(*wanted).to_arrow_table()
    if not read.num_rows:
        raise InvalidInput(
            f"{path.name!r} holds no rows", hint="one row per person, below the columns' names"
        )
    return Table(read)


def numeric_outcome(table: Table, name: str) -> Floats:
    """Give an outcome as numbers; yes/no, true/false and 1/0 become 1 and 0, missing NaN."""
    if table.is_number(name):
        return _finite(table.numbers(name), f"the outcome {name!r}")
    words = np.char.lower(np.char.strip(table.texts(name)))
    known = np.isin(words, (*_ONES, *_ZEROS, ""))
    if not known.all():
        raise InvalidInput(
            f"{int((~known).sum())} values of the outcome {name!r} are neither a number nor yes/no",
            hint="an outcome is a number, or one of yes/no, true/false, 1/0",
        )
    return np.where(words == "", np.nan, np.isin(words, _ONES).astype(np.float64))


class Covariates(NamedTuple):
    """Covariates as numbers: `values` `(n, k)` without gaps, `origin` each one's name in the file.

    A number keeps its column, with its mean where missing and a column that says where; each word
    but the first gets a column of 0 and 1.
    """

    values: Floats
    origin: tuple[str, ...]


def read_covariates(table: Table, names: Sequence[str]) -> Covariates:
    """Give the named columns as numbers; more than `MAX_LEVELS` words raise `InvalidInput`."""
    parts: list[Floats] = []
    origin: list[str] = []
    for name in dict.fromkeys(names):
        made = _number_columns(table, name) if table.is_number(name) else _word_columns(table, name)
        parts.extend(made)
        origin.extend([name] * len(made))
    values = np.column_stack(parts) if parts else np.zeros((table.columns.num_rows, 0))
    return Covariates(values, tuple(origin))


def _number_columns(table: Table, name: str) -> list[Floats]:
    x = _finite(table.numbers(name), f"the covariate {name!r}")
    missing = np.isnan(x)
    if not missing.any():
        return [x]
    mean = x[~missing].mean() if (~missing).any() else 0.0
    return [np.where(missing, mean, x), missing.astype(np.float64)]


def _word_columns(table: Table, name: str) -> list[Floats]:
    words = table.texts(name)
    levels = np.unique(words)
    if len(levels) > MAX_LEVELS:
        raise InvalidInput(
            f"{name!r} has {len(levels):,} different words, at most {MAX_LEVELS} can be looked at",
            hint="group the words, or leave it out",
        )
    return [(words == level).astype(np.float64) for level in levels[1:]]


def _finite(values: Floats, what: str) -> Floats:
    endless = int(np.isinf(values).sum())
    if endless:
        raise InvalidInput(
            f"{endless:,} values of {what} are infinite",
            hint="an infinite value is no measurement; leave it empty where it is not known",
        )
    large = int((np.abs(values) > LARGEST).sum())
    if large:
        raise InvalidInput(
            f"{large:,} values of {what} are larger than {LARGEST:g}",
            hint="measure in a larger unit, or leave empty what is no measurement",
        )
    return values
