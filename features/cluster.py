"""The feature table on Spark, for those who outgrow one machine: the same kernel in every worker.

Each task is a range of customers with the bucket files it lies in, and who of them permits what;
a worker reads the files, runs the kernel and writes one part of the table beside the others. Rows
never pass through the Java machine. History and output must lie where driver and workers both see
them, and the workers' Python must have Keepwell installed.
"""

import os
import pickle
import shutil
import sys
import uuid
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.accounts import SUBJECT as ACCOUNT
from features.batch import table_writer, to_arrow
from features.definitions import FeatureDefinition
from features.history import read_range
from features.kernel import compute_allowed
from features.own_functions import load_functions
from features.permitted import of_accounts
from features.plan import plan_of
from features.ranges import CustomerRange
from features.store import HistoryStore
from governance.errors import ConfigurationError

_RESULT = "number int, path string, rows bigint"
_QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
    "spark.driver.extraJavaOptions": "-Dlog4j2.configurationFile="
    + Path(__file__).with_name("log4j2.properties").as_uri(),
}


@dataclass(frozen=True)
class ClusterTable:
    """What every task of one build shares.

    `as_ofs` in µs; `functions_directory` is where the company's own functions lie, if there are
    any; parts are written into `folder`.
    """

    store: HistoryStore
    definitions: tuple[FeatureDefinition, ...]
    as_ofs: tuple[int, ...]
    functions_directory: Path | None
    folder: Path


class ClusterTask(NamedTuple):
    """One range of customers: `customers` (m,), ascending, who may be read at all.

    Ids whose events count for customers of the range are among them. `allowed` (groups, m) says for
    which groups of purposes, in the order of the plan.
    """

    range_: CustomerRange
    customers: tuple[str, ...]
    allowed: NDArray[np.uint8]


class Part(NamedTuple):
    """One finished file of the table, with its rows."""

    path: Path
    rows: int


def tasks_of(
    ranges: Sequence[CustomerRange],
    customers: Sequence[str],
    allowed: NDArray[np.uint8],
) -> list[ClusterTask]:
    """Cut permission, given for `customers` (m,) in ascending order, along the ranges.

    `allowed` (groups, m) as for `features.kernel.compute_allowed`. A range without anyone permitted
    makes no task, but one of accounts, which may have events of their own.
    """
    found = []
    for each in ranges:
        after, until = each.span
        first = 0 if after is None else bisect_right(customers, after)
        last = len(customers) if until is None else bisect_right(customers, until)
        if each.subject == ACCOUNT:
            last = first
        places = list(range(first, last))
        if each.linked is not None and (last > first or each.subject == ACCOUNT):
            places = sorted({*places, *_places(customers, each.linked.contributors)})
        if places or each.subject == ACCOUNT:
            whose = tuple(customers[place] for place in places)
            found.append(ClusterTask(each, whose, allowed[:, places]))
    return found


def _places(customers: Sequence[str], wanted: Iterable[str]) -> Iterator[int]:
    for each in wanted:
        place = bisect_left(customers, each)
        if place < len(customers) and customers[place] == each:
            yield place


def build_on_cluster(
    session: Any, table: ClusterTable, tasks: Sequence[ClusterTask]
) -> tuple[Part, ...]:
    """Run every task on a Spark session; gives the parts in the order of the tasks.

    A task that Spark runs twice leaves a file that no part names: the caller publishes only what
    is named, and removes the rest of the folder.
    """
    if not tasks:
        return ()
    table.folder.mkdir(parents=True, exist_ok=True)
    rows = [(k, bytearray(pickle.dumps(task))) for k, task in enumerate(tasks)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        dealt = session.sparkContext.parallelize(rows, len(rows))
        frame = session.createDataFrame(dealt, "number int, task binary")
        found = frame.mapInArrow(partial(_work, table), _RESULT).collect()
    return tuple(Part(Path(each.path), each.rows) for each in sorted(found, key=lambda row: row[0]))


@contextmanager
def cluster_session(master: str, conf: Mapping[str, str]) -> Iterator[Any]:
    """Open a Spark session on `master` (`local[2]`, `spark://…`, `yarn`, `k8s://…`).

    `conf` adds Spark's own settings. Raises `ConfigurationError` without Java.
    """
    if master.startswith("local") and shutil.which("java") is None:
        raise ConfigurationError(
            ["Spark needs Java and there is none"],
            source="--engine spark",
            hint="install a Java runtime (17 or newer), or use --engine local",
        )
    from pyspark.sql import SparkSession

    chosen = _QUIET | dict(conf)
    if master.startswith("local"):
        chosen.setdefault("spark.driver.host", "127.0.0.1")
    # how PySpark is told which Python its workers run
    os.environ["PYSPARK_PYTHON"] = chosen.get("spark.pyspark.python", sys.executable)
    builder = SparkSession.builder.appName("keepwell").master(master)
    for name, value in chosen.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        session = builder.getOrCreate()
    try:
        session.sparkContext.setLogLevel("ERROR")
        yield session
    finally:
        session.stop()


def _work(table: ClusterTable, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Do the tasks of one partition, in a worker."""
    functions = load_functions(table.definitions, table.functions_directory)
    for batch in batches:
        for number, written in zip(*(batch.column(k).to_pylist() for k in (0, 1)), strict=True):
            task = pickle.loads(written)  # noqa: S301 - our own driver wrote it
            part = _run(table, task, functions, f"part-{number:06d}-{uuid.uuid4().hex}.parquet")
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([number], pa.int32()),
                    pa.array([str(part.path)]),
                    pa.array([part.rows], pa.int64()),
                ],
                ["number", "path", "rows"],
            )


def _run(table: ClusterTable, task: ClusterTask, functions: Mapping[str, Any], name: str) -> Part:
    histories = read_range(table.store, task.range_, frozenset(task.customers))
    plan = plan_of(table.definitions)
    place = {customer: k for k, customer in enumerate(task.customers)}
    nobody = np.zeros((len(task.allowed), 1), np.uint8)
    places = [place.get(each, -1) for each in histories.ids]
    allowed = np.concatenate([task.allowed, nobody], axis=1)[:, places]
    if histories.subject == ACCOUNT:
        allowed = of_accounts(allowed, histories, plan)
    found = compute_allowed(histories, plan, table.as_ofs, allowed, functions)
    path = table.folder / name
    with table_writer(path, found.names) as writer:
        writer.write_table(to_arrow(found))
    return Part(path, len(found))
