"""The same feature table from other engines, each in the best form we know of.

Every peer reads the history's Parquet files, honours both clocks (an event counts at a cut-off when
it occurred and was known before it) and may use what Keepwell's kernel does not: that all cut-offs
are midnights UTC, that all amounts are whole cents, and that no customer has two events of a kind
in one microsecond. None of the generated events corrects or retracts another.
"""

from typing import NamedTuple

MODULES = {
    "duckdb": "benchmarks.peers.duckdb_sql",
    "polars": "benchmarks.peers.polars_lazy",
    "pandas": "benchmarks.peers.pandas_frames",
}
"""Name of a peer to its module, whose `build` makes the table."""


class Timing(NamedTuple):
    """Seconds until the table stood, and seconds to write it."""

    compute: float
    write: float
