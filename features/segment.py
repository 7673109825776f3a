"""Rows of a segment packed into one chunk per customer, as the database keeps them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.buckets import customer_starts
from features.chunks import STRING_COLUMNS, EventColumns, pack
from features.events import MISSING


class CustomerChunk(NamedTuple):
    """One customer's events of a segment; `first_known_at` in µs."""

    subject: str
    customer_id: str
    first_known_at: int
    payload: bytes


def table_chunks(table: pa.Table) -> Iterator[CustomerChunk]:
    """Pack the customers of a sorted table of whole customers, in its order."""
    if len(table):
        yield from _cut(table, customer_starts(table).tolist())


def _cut(table: pa.Table, starts: list[int]) -> Iterator[CustomerChunk]:
    kinds = table["kind"].combine_chunks().dictionary_encode()
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
