"""Who judges the ranges of a batch: this process, one per core beside it, or a cluster."""

import os
import pickle
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context

import pyarrow as pa

from features.cluster import cluster_session
from serving.scoring.batch_permission import Permits
from serving.scoring.range_scores import BatchWork, RangeScores, RangeWork, judge_range
from serving.settings_service import SparkSettings

FEWEST_RANGES = 4
"""With fewer ranges no further processes are started: that takes seconds."""

_ROUND = 64
_RESULT = "number int, found binary"
Ranges = Iterable[tuple[RangeWork, Permits]]


def judged_here(work: BatchWork, ranges: Ranges, *, count: int) -> Iterator[RangeScores]:
    """Judge ranges on this machine, in their order; `count` is about how many there are.

    Targets about how people fare are judged in this process, which alone holds the permits that
    reports are read by.
    """
    processes = os.cpu_count() or 1
    if count < FEWEST_RANGES or processes < 2 or work.target.is_personal:
        for given, permits in ranges:
            yield judge_range(work, given, permits=permits)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[RangeScores]] = deque()
        for given, _ in ranges:
            waiting.append(pool.submit(judge_range, work, given))
            if len(waiting) > processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def judged_on_cluster(
    spark: SparkSettings, work: BatchWork, ranges: Ranges, progress: Callable[[str], None]
) -> Iterator[RangeScores]:
    """Judge ranges in Spark's workers, some at a time, so that the driver holds no more than those.

    The home's history and models and the folder of the file must lie where workers see them.
    """
    progress(f"starting Spark on {spark.master}")
    with cluster_session(spark.master, spark.conf) as session:
        remaining = (given for given, _ in ranges)
        while some := list(islice(remaining, _ROUND)):
            rows = [(each.number, bytearray(pickle.dumps(each))) for each in some]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
                dealt = session.sparkContext.parallelize(rows, len(rows))
                frame = session.createDataFrame(dealt, "number int, given binary")
                found = frame.mapInArrow(partial(_work, work), _RESULT).collect()
            for each in sorted(found, key=lambda row: row[0]):
                result: RangeScores = pickle.loads(each.found)  # noqa: S301 - our own workers' work
                yield result


def _work(work: BatchWork, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Do the ranges of one partition, in a worker."""
    for batch in batches:
        for number, written in zip(*(batch.column(k).to_pylist() for k in (0, 1)), strict=True):
            given = pickle.loads(written)  # noqa: S301 - our own driver wrote it
            found = pickle.dumps(judge_range(work, given))
            yield pa.RecordBatch.from_arrays(
                [pa.array([number], pa.int32()), pa.array([found], pa.binary())],
                ["number", "found"],
            )
