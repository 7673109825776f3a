"""Features of everyone in bounded memory: one range of customers after another."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.definitions import FeatureDefinition
from features.history import Histories
from features.kernel import FeatureTable, allowed_by, compute_allowed
from features.own_functions import OwnFunction
from features.plan import plan_of
from governance.proof import Permit


def feature_tables(
    histories: Iterable[Histories],
    definitions: Sequence[FeatureDefinition],
    as_ofs: Sequence[int],
    *,
    permits: Mapping[str, Permit],
    functions: Mapping[str, OwnFunction] | None = None,
    threads: int = 1,
) -> Iterator[FeatureTable]:
    """Compute the features of each range of customers, in the order they come.

    While one range is computed the next is read: the compiled kernel and the reader both let other
    threads run. No more than `threads + 1` ranges are held at a time. Each table equals what
    `features.kernel.compute` gives for its range, bit for bit.
    """
    plan = plan_of(tuple(definitions))
    with ThreadPoolExecutor(threads, thread_name_prefix="features") as pool:
        waiting: deque[Future[FeatureTable]] = deque()
        for some in histories:
            allowed = allowed_by(some, plan, permits)
            waiting.append(
                pool.submit(compute_allowed, some, plan, as_ofs, allowed, functions or {})
            )
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def schema_of(names: Sequence[str]) -> pa.Schema:
    """Give the Arrow schema of a feature table: customer, as_of in UTC, one double per feature."""
    return pa.schema(
        [
            ("customer_id", pa.string()),
            ("as_of", pa.timestamp("us", tz="UTC")),
            *((name, pa.float64()) for name in names),
        ]
    )


def table_writer(path: Path, names: Sequence[str]) -> pq.ParquetWriter:
    """Open a Parquet file for a feature table: doubles as they are, quick to write and to read."""
    return pq.ParquetWriter(
        path,
        schema_of(names),
        compression="lz4",
        use_dictionary=["customer_id"],
        write_statistics=["customer_id", "as_of"],
    )


def to_arrow(table: FeatureTable) -> pa.Table:
    """Give a feature table as Arrow columns (see `schema_of`); missing values stay NaN."""
    schema = schema_of(table.names)
    columns = [
        pa.array(table.customers, pa.string()),
        pa.array(table.as_of).cast(schema.field("as_of").type),
        *(pa.array(table.values[:, k]) for k in range(len(table.names))),
    ]
    return pa.table(columns, schema=schema)
