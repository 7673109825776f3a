"""Histories and features at any size, beside a bare scan and other engines, in one run.

`python -m benchmarks.history --events 1M|10M|100M` prints a table for `benchmarks/README.md`. All
that is compared runs in turn, round after round, each build in a process of its own, on the same
Parquet files and as many cores; ratios are taken within a round. With `--folder` generated homes
are kept for the next run (delete them when the format of the store has changed).
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.history_build import Build, build, everyone, in_child
from benchmarks.history_daily import online, publish_and_compact
from benchmarks.history_data import SIZES, EventSet, one_day
from benchmarks.history_features import CUTS, definitions
from benchmarks.history_home import data_set, opened, publish_day, scratch_copy, segment_files
from benchmarks.history_import import source_file, timed_import
from benchmarks.history_spark import build_on_spark
from benchmarks.peers import MODULES
from benchmarks.peers.agreement import agree
from features.catalogue import catalogue
from features.history import read_sample

PARTS = ("scan", "kernel", "build", "late", "peers", "merge", "publish", "online", "import")
ON_DEMAND = ("growth", "spark")
"""Parts that are measured only when named: they need two sizes, or Java."""

SCAN = """
SELECT count(*), sum(value_micros), max(occurred_at), max(known_at), max(strlen(customer_id)),
    max(strlen(kind))
FROM read_parquet(?)
"""
"""The least that touches every column the kernel reads."""

Act = Callable[[], Mapping[str, float]]


def main() -> None:
    """Run the chosen parts and print their table."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Benchmark(folder, given).run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", choices=SIZES, default="1M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--late", type=float, default=0.1, help="share of late events in `late`")
    parser.add_argument("--peers", default="", help="of " + ",".join(MODULES) + "; pandas up to 1M")
    parser.add_argument(
        "--part",
        default="",
        help="of " + ",".join((*PARTS, *ON_DEMAND)) + "; else all but the last two",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, help="where homes are kept; else a temporary one")
    parser.add_argument(
        "--peer-files", type=int, default=40, help="bucket files a peer is handed at once"
    )
    parser.add_argument("--import-events", type=int, default=5_000_000)
    given = parser.parse_args()
    given.part = tuple(filter(None, given.part.split(","))) or PARTS
    given.peers = tuple(filter(None, given.peers.split(",")))
    if "pandas" in given.peers and given.events not in ("100k", "1M"):
        parser.error("pandas holds everything several times over: ask for it up to 1M")
    for name in given.peers:
        if name not in MODULES:
            parser.error(f"{name!r} is no peer; there are {', '.join(MODULES)}")
    for name in given.part:
        if name not in (*PARTS, *ON_DEMAND):
            parser.error(f"{name!r} is no part; there are {', '.join((*PARTS, *ON_DEMAND))}")
    if "growth" in given.part and given.events != "100M":
        parser.error("growth compares 100M with 10M: say --events 100M")
    return given


class Benchmark:
    """One run over one size."""

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self.folder = folder
        self.given = given
        self.parts = set(given.part)
        self.threads: int = given.threads
        self.wanted = EventSet(*SIZES[given.events])
        self.root = data_set(folder, self.wanted, _say)
        self.rows = 0
        self.found: dict[str, list[float]] = {}

    def run(self) -> None:
        """Run the paired rounds, then what is measured once, and print both."""
        print(
            f"**{self.wanted.events:,} events of {self.wanted.customers:,} customers**, "
            f"{len(definitions())} features at {len(CUTS)} cut-offs; {self.threads} threads of "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
            f"Python {platform.python_version()}; {self.given.rounds} rounds in turn: median "
            "(least–most).\n"
        )
        print("| what | seconds | beside |\n|---|---|---|", flush=True)
        if "merge" in self.parts:
            with scratch_copy(self.root) as keepwell:
                with keepwell.database.write() as conn:
                    publish_day(
                        conn, keepwell.store, one_day(self.wanted, self.wanted.events // 100)
                    )
                self._rounds({**self._acts(), "day": self._batch(keepwell.home.root)})
        else:
            self._rounds(self._acts())
        self._print_rounds()
        if "publish" in self.parts:
            with scratch_copy(self.root) as keepwell:
                day = publish_and_compact(keepwell, self.wanted)
            _row(f"a day of {day.events:,} events published", [day.publish])
            _row("as many live events compacted", [day.compact])
        if "online" in self.parts:
            self._print_online()
        if "import" in self.parts:
            self._print_import()

    def _acts(self) -> dict[str, Act]:
        acts: dict[str, Act] = {}
        if self.parts & {"scan", "kernel", "build", "peers"} or self.given.peers:
            acts["scan"] = lambda: {"": scan(self.root, self.threads)}
        if self.parts & {"kernel", "late", "merge", "growth", "peers"}:
            acts["batch"] = self._batch(self.root)
        if "kernel" in self.parts:
            acts["steps"] = lambda: build(self.root, "steps", threads=1)._asdict()
        ours = self.folder / "ours.parquet"
        if self.parts & {"build", "peers", "spark"}:
            acts["build"] = self._batch(self.root, ours)
        if "late" in self.parts:
            late = data_set(self.folder, self.wanted._replace(late=self.given.late), _say)
            acts["late scan"] = lambda: {"": scan(late, self.threads)}
            acts["late"] = self._batch(late)
        if "growth" in self.parts:
            smaller = data_set(self.folder, EventSet(*SIZES["10M"]), _say)
            acts["smaller"] = self._batch(smaller)
        if "spark" in self.parts:
            acts["spark"] = lambda: {"": self._spark()}
        for name in self.given.peers if "peers" in self.parts else ():
            acts[name] = self._peer(name)
        return acts

    def _spark(self) -> float:
        seconds, rows = build_on_spark(self.root, self.folder / "spark", threads=self.threads)
        assert rows == self.found["build rows"][0]
        return seconds

    def _batch(self, root: Path, out: Path | None = None) -> Act:
        def act() -> Mapping[str, float]:
            found: Build = build(root, "batch", threads=self.threads, out=out)
            return found._asdict()

        return act

    def _peer(self, name: str) -> Act:
        given, threads = self.given.peer_files, self.threads
        of_all = (name, self.folder / name, threads, given, *segment_files(self.root))

        def act() -> Mapping[str, float]:
            return in_child("benchmarks.peers", *of_all, threads=threads)

        return act

    def _rounds(self, acts: Mapping[str, Act]) -> None:
        for k in range(self.given.rounds):
            for name, act in acts.items():
                _say(f"round {k + 1}: {name}")
                for step, number in act().items():
                    self.found.setdefault(f"{name} {step}".strip(), []).append(number)

    def _print_rounds(self) -> None:
        found, base = self.found, self.found.get("scan")
        if base:
            _row("DuckDB merely scans the columns", base)
        if "steps read" in found:
            _row("read, one thread", found["steps read"], base)
            _row("kernel, one thread", found["steps kernel"], base)
        if "batch compute" in found:
            batch = found["batch compute"]
            _row("**read and compute** as a batch does", batch, base, more=_memory(found, "batch"))
        if "build compute" in found:
            whole = [sum(each) for each in zip(*self._steps_of("build"), strict=True)]
            _row("asking for permission", found["build permit"])
            _row("writing the result, while the next is computed", found["build write"])
            _row("whole build", whole, base, more=_memory(found, "build"))
        if "late compute" in found:
            share = f"{self.given.late:.0%} late"
            _row(f"scan, {share}", found["late scan"])
            _row(f"read and compute, {share}", found["late compute"], batch, "on time")
        if "day compute" in found:
            _row("read and compute with a day of 1 % merged", found["day compute"], batch, "plain")
        if "spark" in found:
            _row(f"Spark local[{self.threads}], started up", found["spark"], whole, "whole build")
        if "smaller compute" in found:
            each = [x / self.wanted.events for x in batch]
            smaller = [x / SIZES["10M"][0] for x in found["smaller compute"]]
            _row("per event at 10M, in µs", [1e6 * x for x in smaller])
            _row(
                "per event at this size, in µs",
                [1e6 * x for x in each],
                [1e6 * x for x in smaller],
                "10M",
            )
        for name in self.given.peers if "peers" in self.parts else ():
            more = _memory(found, name)
            _row(f"{name}: the same table", found[f"{name} compute"], base, more=more)
            _row(f"{name} beside ours", found[f"{name} compute"], batch, "ours")
            _row(f"{name}: writing it", found[f"{name} write"])
            said = agree(self.folder / "ours.parquet", self.folder / name, definitions())
            print(f"| {name} checked cell by cell | | {said} |", flush=True)

    def _steps_of(self, name: str) -> list[list[float]]:
        return [self.found[f"{name} {step}"] for step in ("permit", "compute", "write")]

    def _print_online(self) -> None:
        with opened(self.root) as keepwell, keepwell.database.read() as conn:
            sample = read_sample(conn, keepwell.store, everyone(keepwell, conn))
        for what, features in (("these", definitions()), ("the catalogue's", catalogue(sample))):
            given, asked = online(self.root, features, calls=2_000, seed=7)
            what = f"one customer online, {what} {len(features)} features: p50 / p99"
            here = f"{given.p50:.2f} / {given.p99:.2f} ms"
            there = f"{asked.p50:.2f} / {asked.p99:.2f} ms with asking for permission"
            print(f"| {what} | {here} | {there} |", flush=True)

    def _print_import(self) -> None:
        source = source_file(self.folder, self.given.import_events)
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            seconds, peak = timed_import(source, Path(home) / "home")
        _row(f"import of {self.given.import_events:,} events", [seconds], more=f"{peak:.2f} GiB")


def scan(root: Path, threads: int) -> float:
    """Seconds DuckDB needs to read every column that the kernel reads, of a whole history."""
    files = segment_files(root)
    begun = time.perf_counter()
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute(SCAN, [files]).fetchall()
    return time.perf_counter() - begun


def _memory(found: Mapping[str, Sequence[float]], name: str) -> str:
    peak = f"peak {max(found[f'{name} peak_gib']):.2f} GiB"
    idle = found.get(f"{name} idle_gib")
    return peak if idle is None else f"{peak}, {max(idle):.2f} of it before any data"


def _row(
    what: str,
    seconds: Sequence[float],
    base: Sequence[float] | None = None,
    named: str = "scan",
    *,
    more: str = "",
) -> None:
    beside = ""
    if base is not None:
        ratios = [x / y for x, y in zip(seconds, base, strict=True)]
        beside = f"{_spread(ratios)} × {named}"
    print(
        f"| {what} | {_spread(seconds)} | {'; '.join(filter(None, (beside, more)))} |", flush=True
    )


def _spread(numbers: Sequence[float]) -> str:
    middle = f"{np.median(numbers):.3g}"
    return middle if len(numbers) == 1 else f"{middle} ({min(numbers):.3g}–{max(numbers):.3g})"


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
