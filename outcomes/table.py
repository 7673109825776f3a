"""A table of an experiment, read from a file as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from governance.errors import InvalidInput, NotFound

Floats = NDArray[np.float64]
MAX_LEVELS = 20
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
        return Table(found.select(*wanted).to_arrow_table())


def numeric_outcome(table: Table, name: str) -> Floats:
    """Give an outcome as numbers; yes/no, true/false and 1/0 become 1 and 0, missing NaN."""
    if table.is_number(name):
        return table.numbers(name)
    words = np.char.lower(np.char.strip(table.texts(name)))
    known = np.isin(words, (*_ONES, *_ZEROS, ""))
    if not known.all():
        raise InvalidInput(
            f"{int((~known).sum())} values of the outcome {name!r} are neither a number nor yes/no",
            hint="an outcome is a number, or one of yes/no, true/false, 1/0",
        )
    return np.where(words == "", np.nan, np.isin(words, _ONES).astype(np.float64))


def covariate_matrix(table: Table, names: Sequence[str]) -> Floats:
    """Give covariates as `(n, k)`: numbers with their mean where missing, one column per word."""
    parts: list[Floats] = []
    for name in names:
        if table.is_number(name):
            x = table.numbers(name)
            missing = ~np.isfinite(x)
            parts.append(np.where(missing, x[~missing].mean() if (~missing).any() else 0.0, x))
            if missing.any():
                parts.append(missing.astype(np.float64))
            continue
        words = table.texts(name)
        levels = np.unique(words)
        if len(levels) > MAX_LEVELS:
            raise InvalidInput(
                f"the covariate {name!r} has {len(levels)} different words, at most {MAX_LEVELS}",
                hint="group the words, or leave it out",
            )
        parts.extend((words == level).astype(np.float64) for level in levels[1:])
    return np.column_stack(parts) if parts else np.zeros((table.columns.num_rows, 0))
