"""The build on Spark `local[n]`, in a process of its own; starting up is not counted.

Java, the session and the Python workers are up before the clock runs: a few ranges are built first.
Timed are planning, all ranges in the workers, and their parts on disk.
"""

import json
import shutil
import sys
from pathlib import Path

from benchmarks.history_build import PURPOSE, Clock, everyone, in_child
from benchmarks.history_features import CUTS, definitions
from benchmarks.history_home import opened
from features.cluster import ClusterTable, build_on_cluster, cluster_session, tasks_of
from features.kernel import allowed_among
from features.plan import plan_of
from features.ranges import plan_ranges


def build_on_spark(root: Path, folder: Path, *, threads: int) -> tuple[float, float]:
    """Build in a process of its own; gives seconds, and rows of the table."""
    found = in_child("benchmarks.history_spark", root, folder, threads, threads=threads)
    return found["seconds"], found["rows"]


def main() -> None:
    """Be that process: HOME FOLDER THREADS."""
    root, folder, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    features = definitions()
    with opened(root) as keepwell, keepwell.database.read() as conn:
        permit = everyone(keepwell, conn)
        people = sorted(permit.customers)
        with cluster_session(f"local[{threads}]", {}) as session:

            def build(most: int | None) -> int:
                allowed = allowed_among(people, plan_of(features), {PURPOSE: permit})
                tasks = tasks_of(plan_ranges(conn, keepwell.store), people, allowed)[:most]
                table = ClusterTable(keepwell.store, features, CUTS, None, folder)
                rows = sum(part.rows for part in build_on_cluster(session, table, tasks))
                shutil.rmtree(folder)
                return rows

            build(2 * threads)
            clock = Clock()
            rows = build(None)
            seconds = clock.lap()
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
