"""A segment file cut into one packed chunk per customer, without holding it in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.chunks import STRING_COLUMNS, EventColumns, pack
from features.events import MISSING


class CustomerChunk(NamedTuple):
    """One customer's events of a segment; `first_known_at` in µs."""

    subject: str
    customer_id: str
    first_known_at: int
    payload: bytes


def segment_chunks(path: Path, *, batch_rows: int = 250_000) -> Iterator[CustomerChunk]:
    """Cut a segment, whose rows are sorted by subject and customer, into chunks in that order."""
    file = pq.ParquetFile(path, read_dictionary=["kind"])
    held: pa.Table | None = None
    for batch in file.iter_batches(batch_size=batch_rows):
        table = pa.Table.from_batches([batch])
        held = table if held is None else pa.concat_tables([held, table], promote_options="default")
        *whole, unfinished = _starts(held)
        if whole:
            yield from _cut(held.slice(0, unfinished), whole)
            held = held.slice(unfinished)
    if held is not None and len(held):
        yield from _cut(held, _starts(held))


def _starts(table: pa.Table) -> list[int]:
    """Where each customer's rows begin."""
    changes = np.zeros(len(table), np.bool_)
    changes[0] = True
    for name in ("subject", "customer_id"):
        column = table[name].combine_chunks()
        changes[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(changes).tolist()


def _cut(table: pa.Table, starts: list[int]) -> Iterator[CustomerChunk]:
    kinds = table["kind"].unify_dictionaries().combine_chunks()
    names = tuple(kinds.dictionary.to_pylist())
    codes = kinds.indices.to_numpy().astype(np.int16)
    occurred_at, known_at = table["occurred_at"].to_numpy(), table["known_at"].to_numpy()
    values = pc.fill_null(table["value_micros"], MISSING).to_numpy()
    occurrence = table["occurrence"].to_numpy()
    halves = [table[name].to_numpy() for name in ("digest_high", "digest_low")]
    digests = np.stack(halves, axis=1)
    subjects = table["subject"].take(starts).to_pylist()
    customers = table["customer_id"].take(starts).to_pylist()
    strings: dict[str, list[Any]] = {
        name: table[name].to_pylist()
        for name in STRING_COLUMNS
        if table[name].null_count < len(table)
    }
    for k, (start, stop) in enumerate(zip(starts, [*starts[1:], len(table)], strict=True)):
        rows = slice(start, stop)
        own = {name: column[rows] for name, column in strings.items()}
        columns = EventColumns(
            kinds=names,
            kind=codes[rows],
            occurred_at=occurred_at[rows],
            known_at=known_at[rows],
            value_micros=values[rows],
            digests=digests[rows],
            occurrence=occurrence[rows],
            strings={
                name: column
                for name, column in own.items()
                if any(text is not None for text in column)
            },
        )
        first_known_at = int(known_at[rows].min())
        yield CustomerChunk(subjects[k], customers[k], first_known_at, pack(columns))
