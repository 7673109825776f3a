"""One peer in a process of its own: `python -m benchmarks.peers NAME FOLDER THREADS AT_ONCE FILE…`.

The files are handed over `AT_ONCE` together: no customer's events are in two of them.
"""

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.history_build import peak_gib
from benchmarks.history_features import CUTS, definitions
from benchmarks.peers import MODULES


def main() -> None:
    """Build the table with one peer; print its seconds and the most memory it held."""
    name, folder, threads, at_once, *files = sys.argv[1:]
    build, out, step = import_module(MODULES[name]).build, Path(folder), int(at_once)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    timings = [
        build(
            files[start : start + step],
            definitions(),
            CUTS,
            out / f"part-{start}.parquet",
            threads=int(threads),
        )
        for start in range(0, len(files), step)
    ]
    compute, write = (sum(each) for each in zip(*timings, strict=True))
    print(json.dumps({"compute": compute, "write": write, "peak_gib": peak_gib()}))


if __name__ == "__main__":
    main()
