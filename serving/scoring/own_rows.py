"""The home's own file of everyone's scores: who gives it a name or takes rows out holds it.

So an erasure and a batch come one after the other, and no row comes back.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.holding import held_file
from serving.home import Home

_WHO = "customer_id"
_AT_ONCE = 65_536


@contextmanager
def held_scores(home: Home) -> Iterator[None]:
    """Hold the file; the database is asked after it, never the other way round."""
    with held_file(home.var / ".scores.held"):
        yield


def drop_rows(home: Home, customers: Collection[str]) -> None:
    """Write the file anew without the rows of these customers; doing it twice changes nothing.

    The caller holds it. A file that cannot be read goes: the next `keepwell score` makes it anew.
    """
    path = home.scores
    written = path.with_name(f".{path.name}.without")
    try:
        _copy(path, written, pa.array(sorted(customers), pa.string()))
    except FileNotFoundError:
        return
    except (pa.ArrowInvalid, KeyError):
        path.unlink()
    finally:
        written.unlink(missing_ok=True)


def _copy(path: Path, written: Path, gone: pa.Array) -> None:
    with pq.ParquetFile(path) as file:
        ids = file.read([_WHO])[_WHO]
        if not pc.any(pc.is_in(ids, gone)).as_py():
            return
        with pq.ParquetWriter(written, file.schema_arrow, compression="zstd") as writer:
            for rows in file.iter_batches(_AT_ONCE):
                writer.write_batch(rows.filter(pc.invert(pc.is_in(rows[_WHO], gone))))
    with written.open("rb") as made:
        os.fsync(made.fileno())
    written.replace(path)
