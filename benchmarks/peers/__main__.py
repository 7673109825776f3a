"""One peer in a process of its own: `python -m benchmarks.peers NAME OUT THREADS FILE…`."""

import json
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.history_build import peak_gib
from benchmarks.history_features import CUTS, definitions
from benchmarks.peers import MODULES


def main() -> None:
    """Build the table with one peer and print its seconds and the most memory it held."""
    name, out, threads, *files = sys.argv[1:]
    peer = import_module(MODULES[name])
    timing = peer.build(files, definitions(), CUTS, Path(out), threads=int(threads))
    print(json.dumps({**timing._asdict(), "peak_gib": peak_gib()}))


if __name__ == "__main__":
    main()
