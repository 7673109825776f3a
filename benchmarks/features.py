"""The feature kernel beside a bare scan: `python -m benchmarks.features [--customers 10000]`.

About a million simulated events (a hundred a customer) come in by the ordinary import of an
evaluation home. Then, in the same process and in turn, on the same Parquet files: every feature of
the catalogue for every customer at twelve cut-offs, and the least DuckDB could do with these rows,
one scan that counts, adds and finds the newest per customer and kind. The second has no windows and
no cut-offs; it is the floor that reading alone sets.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from features.catalogue import catalogue
from features.history import Histories, customer_ids, observed_until, read_all
from features.kernel import compute
from features.simulate import simulate, write_company
from governance.instants import to_micros
from governance.proof import Permit
from serving.bootstrap import Keepwell, create_home
from serving.settings import Settings
from serving.sources import import_file

END = datetime(2026, 11, 1, tzinfo=UTC)
CUTS = 12
SCAN = """
SELECT customer_id, kind, count(*), sum(value_micros), max(occurred_at), max(known_at)
FROM read_parquet(?) GROUP BY ALL
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keepwell = filled_home(Path(folder), given.customers)
        try:
            compare(keepwell, given.rounds)
        finally:
            keepwell.close()


def filled_home(folder: Path, customers: int) -> Keepwell:
    """Make an evaluation home and import a simulated company of so many customers."""
    keepwell = create_home(folder / "home", Settings(kind="evaluation"), now=END)
    for mapping in write_company(simulate(customers, 7, end=END), folder / "company").mappings:
        import_file(keepwell, mapping, None, now=END)
    return keepwell


def compare(keepwell: Keepwell, rounds: int) -> None:
    """Print the best of some rounds of each, in turn, and their ratio."""
    with keepwell.database.read() as conn:
        permit, _ = keepwell.registry.permit_many(
            conn, "risk_scoring", customer_ids(conn), now=datetime.now(UTC)
        )
        last = observed_until(conn)
    assert last is not None
    cuts = [to_micros(last - timedelta(days=30 * step)) for step in range(CUTS)]
    files = [str(path) for path in sorted(keepwell.store.root.glob("*.parquet"))]
    histories = read(keepwell, permit)
    definitions = catalogue(histories)

    def kernel() -> int:
        return len(compute(histories, definitions, cuts, permits={"risk_scoring": permit}))

    def scan() -> int:
        with duckdb.connect(config={"threads": 2}) as connection:
            return len(connection.execute(SCAN, [files]).fetchall())

    best: dict[str, float] = {}
    counted: dict[str, int] = {}
    for _ in range(rounds):
        for name, act in (
            ("read", lambda: len(read(keepwell, permit).occurred_at)),
            ("kernel", kernel),
            ("scan", scan),
        ):
            counted[name], seconds = timed(act)
            best[name] = min(seconds, best.get(name, seconds))
    print(f"{counted['read']:,} events of {len(histories):,} customers, best of {rounds}")
    print(f"{'scan':8} {best['scan']:8.3f} s   DuckDB, {counted['scan']:,} groups")
    print(f"{'read':8} {best['read']:8.3f} s   from Parquet into sorted columns")
    print(
        f"{'kernel':8} {best['kernel']:8.3f} s   {len(definitions)} features at {CUTS} cut-offs, "
        f"{counted['kernel']:,} rows"
    )
    print(f"{'ratio':8} {best['kernel'] / best['scan']:8.1f}     kernel to scan")
    print(
        f"{'':8} {(best['read'] + best['kernel']) / best['scan']:8.1f}     read and kernel to scan"
    )
    each = 1e9 * best["kernel"] / (counted["kernel"] * len(definitions))
    print(f"{'':8} {each:8.1f} ns  per feature value")


def read(keepwell: Keepwell, permit: Permit) -> Histories:
    """Read everyone's history, without the digests that only decisions need."""
    with keepwell.database.read() as conn:
        return read_all(conn, keepwell.store, permit, digests=False)


def timed(act: Callable[[], int]) -> tuple[int, float]:
    """Do it and give its result and how long it took, in seconds."""
    start = time.perf_counter()
    found = act()
    return found, time.perf_counter() - start


if __name__ == "__main__":
    main()
