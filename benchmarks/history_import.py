"""The ordinary import of a company's own file, in a process of its own.

Everything an import does is in it: reading and checking, pseudonyms, digests and identities, bucket
files on disk, and each customer's packed rows in the database.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.history_build import in_child, peak_gib
from benchmarks.history_data import EventSet, blocks
from benchmarks.history_features import END, KINDS, VALUED
from benchmarks.history_home import NOW
from governance.instants import to_micros
from serving.bootstrap import create_home
from serving.settings import Settings
from serving.sources import import_file


def source_file(folder: Path, events: int) -> Path:
    """Give a Parquet file as a company would export it, with its mapping beside; made once."""
    path = folder / f"export-{events}.parquet"
    if path.exists():
        return path
    aside = path.with_suffix(".writing")
    writer: pq.ParquetWriter | None = None
    for block in blocks(EventSet(events, events // 100, late=0.1)):
        loaded = pc.min_element_wise(block["known_at"], to_micros(END))
        table = pa.table(
            {
                "customer": block["customer_id"],
                "what": block["kind"],
                "happened": block["occurred_at"].cast(pa.timestamp("us", tz="UTC")),
                "loaded": loaded.cast(pa.timestamp("us", tz="UTC")),
                "amount": pc.divide(block["value_micros"].cast(pa.float64()), 1e6),
            }
        )
        writer = writer or pq.ParquetWriter(aside, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    _mapping(path).write_text("\n".join(_lines(path)))
    return aside.replace(path)


def _mapping(path: Path) -> Path:
    return path.with_suffix(".toml")


def _lines(path: Path) -> list[str]:
    lines = ["[source]", f'path = "{path.name}"', "[customer]", 'id = "customer"']
    for kind in KINDS:
        lines += ["[[event]]", f'kind = "{kind}"', f"where = \"what = '{kind}'\""]
        lines += ['occurred_at = "happened"', 'known_at = "loaded"']
        lines += ['value = "amount"'] if kind in VALUED else []
    return lines


def timed_import(source: Path, home: Path) -> tuple[float, float]:
    """Import into a new home in a process of its own; gives seconds and the peak in GiB."""
    found = in_child("benchmarks.history_import", source, home, threads=0)
    return found["seconds"], found["peak_gib"]


def main() -> None:
    """Be that process: FILE HOME."""
    source, home = map(Path, sys.argv[1:])
    keepwell = create_home(home, Settings(kind="evaluation"), now=NOW)
    begun = time.perf_counter()
    result = import_file(keepwell, _mapping(source), source, now=NOW)
    seconds = time.perf_counter() - begun
    keepwell.close()
    assert result.rejected == 0
    print(json.dumps({"seconds": seconds, "peak_gib": peak_gib(), "events": result.events_written}))


if __name__ == "__main__":
    main()
