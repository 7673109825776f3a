"""Reads somebody else's scores from a file, and says clearly what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from governance.errors import InvalidInput

ID = "customer_id"
SCORE_COLUMNS = ("probability", "score")
_NEEDED = f"needed are {ID}, and {' or '.join(SCORE_COLUMNS)}"


class ForeignScores(NamedTuple):
    """Scores by customer, under the ids this home knows; `empty` rows held no score."""

    values: dict[str, float]
    are_probabilities: bool
    empty: int


def read_scores(path: Path, *, inside_id: Callable[[str], str] = str) -> ForeignScores:
    """Read `customer_id` and `probability` or `score` from Parquet or CSV (.csv, .csv.gz).

    `inside_id` turns its ids into those of the data. A column `probability` must lie in 0 to 1; of
    a column `score` it is seen. Raises `InvalidInput` naming what was found: other columns,
    customers twice, text instead of numbers, infinite or no numbers at all.
    """
    table = _table(path)
    score = next((name for name in SCORE_COLUMNS if name in table.column_names), None)
    if score is None or ID not in table.column_names:
        raise InvalidInput(
            f"{path.name} has the columns {', '.join(table.column_names)}", hint=_NEEDED
        )
    ids = _ids(table[ID], path.name)
    values = _numbers(table[score], score, path.name)
    twice = len(ids) - len(set(ids))
    if twice:
        raise InvalidInput(
            f"{path.name} scores some customers more than once ({twice} rows too many)",
            hint="give each customer once",
        )
    known = [v for v in values if v is not None]
    if not known:
        raise InvalidInput(f"{path.name} holds no number in {score} ({len(ids)} rows)")
    inside = min(known) >= 0.0 and max(known) <= 1.0
    if score == "probability" and not inside:
        outside = sum(not 0.0 <= v <= 1.0 for v in known)
        raise InvalidInput(
            f"probability in {path.name} lies outside 0 to 1 in {outside} rows",
            hint="call the column score if it is only an order",
        )
    found = {inside_id(c): v for c, v in zip(ids, values, strict=True) if v is not None}
    return ForeignScores(found, inside, len(ids) - len(known))


def _table(path: Path) -> pa.Table:
    try:
        if path.name.endswith((".csv", ".csv.gz")):
            as_text = pc_csv.ConvertOptions(
                column_types={ID: pa.string()}, strings_can_be_null=True
            )
            return pc_csv.read_csv(path, convert_options=as_text)
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        kind = "CSV" if ".csv" in path.name else "Parquet"
        raise InvalidInput(f"{path.name} cannot be read as {kind}", hint=_NEEDED) from None


def _ids(column: pa.ChunkedArray, file: str) -> list[str]:
    if pa.types.is_floating(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            raise InvalidInput(f"{ID} in {file} is a number with decimals, not an id") from None
    ids = column.to_pylist()
    missing = sum(each is None for each in ids)
    if missing:
        raise InvalidInput(f"{ID} is empty in {missing} rows of {file}")
    return [str(each) for each in ids]


def _numbers(column: pa.ChunkedArray, name: str, file: str) -> list[float | None]:
    try:
        numbers = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InvalidInput(
            f"{name} in {file} is not a number: the column is of type {column.type}"
        ) from None
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    infinite = pc.sum(pc.is_inf(numbers)).as_py() or 0
    if infinite:
        raise InvalidInput(f"{name} in {file} is infinite in {infinite} rows")
    found: list[float | None] = numbers.to_pylist()
    return found
