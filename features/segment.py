"""Rows of a segment packed into one chunk per customer, as the database keeps them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.buckets import customer_starts
from features.chunks import STRING_COLUMNS, pack_parts
from features.events import MISSING


class CustomerChunk(NamedTuple):
    """One customer's events of a segment, packed."""

    subject: str
    customer_id: str
    payload: bytes


def table_chunks(table: pa.Table) -> Iterator[CustomerChunk]:
    """Pack the customers of a sorted table of whole customers, in its order.

    Gives the bytes that `features.chunks.pack` would, for a whole table at a time.
    """
    if not len(table):
        return
    starts = customer_starts(table)
    kinds = table["kind"].combine_chunks().dictionary_encode()
    names = tuple(kinds.dictionary.to_pylist())
    occurred_at, known_at = table["occurred_at"].to_numpy(), table["known_at"].to_numpy()
    values = pc.fill_null(table["value_micros"], MISSING).to_numpy()
    occurrence = table["occurrence"].to_numpy()
    halves = [table[name].to_numpy() for name in ("digest_high", "digest_low")]

    def some(rows: np.ndarray[Any, Any]) -> list[bool]:
        found: list[bool] = np.logical_or.reduceat(rows, starts).tolist()
        return found

    columns = (
        (8, memoryview(occurred_at.astype("<i8", copy=False).tobytes())),
        (16, memoryview(np.stack(halves, axis=1).astype(">u8").tobytes())),
        (2, memoryview(kinds.indices.to_numpy().astype("<i2").tobytes())),
        (8, memoryview(known_at.astype("<i8", copy=False).tobytes())),
        (4, memoryview(occurrence.astype("<i4", copy=False).tobytes())),
        (8, memoryview(values.astype("<i8", copy=False).tobytes())),
    )
    optional = zip(
        some(known_at != occurred_at), some(occurrence != 1), some(values != MISSING), strict=True
    )
    strings = {
        name: table[name].to_pylist()
        for name in STRING_COLUMNS
        if table[name].null_count < len(table)
    }
    subjects = table["subject"].take(pa.array(starts)).to_pylist()
    customers = table["customer_id"].take(pa.array(starts)).to_pylist()
    stops = [*starts[1:].tolist(), len(table)]
    rows = zip(subjects, customers, starts.tolist(), stops, optional, strict=True)
    for subject, customer_id, start, stop, present in rows:
        own = {}
        for name, column in strings.items():
            texts = column[start:stop]
            if any(text is not None for text in texts):
                own[name] = texts
        parts = [column[start * size : stop * size] for size, column in columns]
        yield CustomerChunk(
            subject, customer_id, pack_parts(names, stop - start, own, parts, present)
        )
