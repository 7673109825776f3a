"""Everyone's scores into one file: `python -m benchmarks.batch [--customers 1000000]`.

An evaluation home of generated events, ten per customer, and a model of 90 trees of 4 leaves with
curves and intervals over 77 features. Timed are the whole of `keepwell score --out` (permission,
history, features, scores with reasons, every decision recorded, the file), in a process of its own,
and without the features: judging alone, the ranges dealt to one process per core. Beside it runs
LightGBM's own `pred_contrib` on two threads over the same matrix: some of its rows, scaled up.
CPU seconds stand beside the wall clock's, for machines that have other work, too.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.history_build import in_child, peak_gib
from benchmarks.history_data import EventSet
from benchmarks.history_features import CUTS, END, definitions
from benchmarks.history_home import NOW, data_set, opened
from features.history import read_ranges
from features.kernel import compute
from features.ranges import plan_ranges
from governance.instants import to_text
from governance.intervals import Interval
from governance.model.card import ModelFacts, TestResult
from governance.model.gate import GateVerdict
from governance.review import reviews
from serving.bootstrap import Keepwell
from serving.scoring import batch, estimate, range_scores
from serving.scoring.batch import score_everyone
from serving.scoring.batch_permission import BatchPermission
from serving.scoring.range_scores import BatchWork, RangeWork, judge_range
from training.bundle import Description, save, support_of
from training.calibrator import Calibrator
from training.curves import fit_curves
from training.model import RiskModel
from training.spread import Spread
from training.target_model import TargetModel

PURPOSE = "risk_scoring"
YARDSTICK_ROWS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--trees", type=int, default=90)
    parser.add_argument("--leaves", type=int, default=4)
    parser.add_argument("--engine", choices=batch.ENGINES, default="local")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "keepwell")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    source = data_set(given.folder, EventSet(10 * given.customers, given.customers), print)
    root = given.folder / ".batch"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(source, root, copy_function=os.link, ignore=shutil.ignore_patterns("*.db*"))
    shutil.copy2(source / "var" / "keepwell.db", root / "var" / "keepwell.db")
    try:
        with opened(root) as keepwell:
            matrix, booster = approve_model(keepwell, given.trees, given.leaves)
        print(f"{given.customers:,} customers, {given.trees} trees of {given.leaves} leaves")
        yardstick(booster, matrix, given.customers)
        for way in ("whole", "judging"):
            found = in_child("benchmarks.batch", way, root, given.engine, threads=2)
            print(f"{way:>10}: " + "   ".join(f"{name} {x:,.2f}" for name, x in found.items()))
    finally:
        shutil.rmtree(root)


def yardstick(booster: lightgbm.Booster, matrix: NDArray[np.float64], customers: int) -> None:
    """Time `pred_contrib` alone."""
    rows = matrix[:YARDSTICK_ROWS]
    started, cpu = time.perf_counter(), time.process_time()
    booster.predict(rows, pred_contrib=True, num_threads=2)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    scale = customers / len(rows)
    print(
        f"{'LightGBM':>10}: seconds {scale * seconds:,.2f}   cpu {scale * cpu:,.2f}   "
        f"(bare pred_contrib, {len(rows):,} rows scaled)"
    )


def approve_model(
    keepwell: Keepwell, trees: int, leaves: int
) -> tuple[NDArray[np.float64], lightgbm.Booster]:
    """Fit a model of this size on some customers, and have the home sign it."""
    features = definitions()
    with keepwell.database.read() as conn:
        everyone = keepwell.registry.aggregate_permit(conn, "aggregate", now=NOW)
        parts = []
        for some in read_ranges(conn, keepwell.store, everyone):
            permit, _ = keepwell.registry.permit_many(conn, PURPOSE, some.customers, now=NOW)
            parts.append(compute(some, features, CUTS[-1:], permits={PURPOSE: permit}).values)
            if sum(map(len, parts)) >= YARDSTICK_ROWS:
                break
    matrix = np.concatenate(parts)
    rows = matrix[:20_000]
    random = np.random.default_rng(0)
    recency = np.nan_to_num(rows[:, [x.name for x in features].index("days_since_order")], nan=400)
    y = (recency + random.normal(0, 60, len(rows)) > np.median(recency)).astype(float)
    shape = {"num_leaves": leaves, "num_threads": 1, "verbosity": -1, "seed": 1}
    booster = lightgbm.train(
        shape | {"objective": "binary", "feature_fraction": 0.5, "learning_rate": 0.05},
        lightgbm.Dataset(rows, y),
        trees,
    )
    log_odds = np.asarray(booster.predict(rows, raw_score=True))
    spread = lightgbm.train(
        shape | {"objective": "regression", "num_leaves": 6},
        lightgbm.Dataset(np.column_stack([rows, log_odds]), np.log(0.05 + np.abs(log_odds) / 9)),
        40,
    )
    [curves] = fit_curves(rows, y, penalties=(0.1,))
    model = RiskModel(
        features=len(features),
        intercept=0.0,
        trees=lightgbm.Booster(model_str=booster.model_to_string()),
        tree_weight=0.5,
        additive=curves.member,
        additive_weight=0.5,
        calibrator=Calibrator("platt"),
        spread=Spread(0.1, 1.0, lightgbm.Booster(model_str=spread.model_to_string())),
    )
    description = Description(
        target="churn",
        horizon_days=90,
        purpose=PURPOSE,
        names=tuple(each.name for each in features),
        definitions=tuple(each.to_json() for each in features),
        support=support_of(rows),
        created_at=to_text(NOW),
    )
    digest = save(TargetModel(90, model), description, keepwell.home.bundles)
    sign(keepwell, digest)
    return matrix, booster


def sign(keepwell: Keepwell, digest: str) -> None:
    """Put the model before the reviewers, with figures that pass, and let the home sign."""
    half = Interval(0.8, 0.77, 0.83)
    test = TestResult(
        as_of=END, n=1_000, positives=300, auc=half, average_precision=half, log_loss=0.5,
        brier=0.15, ece=0.02, lift_at_10=2.5,
    )  # fmt: skip
    facts = ModelFacts(
        target="churn", horizon_days=90, purpose=PURPOSE, created_at=NOW, author="benchmark",
        home_kind=keepwell.kind, model_digest=digest, mlflow_run_id=None, seed=0, test=test,
    )  # fmt: skip
    candidate = reviews.Candidate(facts, digest, GateVerdict("approved", ()), submitted_by="us")
    with keepwell.database.write() as conn:
        reviews.submit(conn, keepwell.ledger, candidate, now=NOW)
        reviews.self_sign(
            conn, keepwell.ledger, "churn", home_kind=keepwell.kind,
            private_key=keepwell.keys.ledger, now=NOW,
        )  # fmt: skip


def whole(root: Path, engine: str) -> dict[str, float]:
    """Score everyone as the command does."""
    started = time.perf_counter()
    with opened(root) as keepwell:
        done = score_everyone(
            keepwell,
            keepwell.target("churn"),
            out=root / "scores.parquet",
            clock=Ticking(),
            engine=engine,
        )
        database = keepwell.home.database_file.stat().st_size
    seconds = time.perf_counter() - started
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF,
                                                         resource.RUSAGE_CHILDREN))  # fmt: skip
    return {
        "seconds": seconds,
        "cpu": sum(each.ru_utime + each.ru_stime for each in (own, children)),
        "scored": done.scored,
        "peak_gib": peak_gib(),
        "peak_of_a_worker_gib": children.ru_maxrss / 2**20,
        "file_gib": (root / "scores.parquet").stat().st_size / 2**30,
        "database_gib": database / 2**30,
    }


class Ticking:
    """A clock that stands just after the data, and moves."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self) -> Any:
        return NOW + timedelta(seconds=1 + time.monotonic() - self._started)


def judging(root: Path) -> dict[str, float]:
    """Judge every range in one process per core, and count all but reading and features."""
    clock = Ticking()
    folder = root / "judging"
    folder.mkdir()
    cores = os.cpu_count() or 1
    with opened(root) as keepwell:
        work, permission = batch._start(keepwell, keepwell.target("churn"), folder, clock, None)
        with keepwell.database.read() as conn:
            ranges = plan_ranges(conn, keepwell.store)
        tasks = [given for given, _ in BatchPermission.ranges(permission, ranges, None)]
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        dealt = [pool.submit(_judge_some, work, tasks[k::cores]) for k in range(cores)]
        found = [each.result() for each in dealt]
    return {
        "seconds": max(seconds for seconds, _, _ in found),
        "cpu": sum(cpu for _, cpu, _ in found),
        "features_cpu": sum(features for _, _, features in found),
    }


def _judge_some(work: BatchWork, tasks: list[RangeWork]) -> tuple[float, float, float]:
    """Give seconds and CPU seconds of judging ranges, without and of their features."""
    apart = [0.0, 0.0]

    def set_apart(act: Any) -> Any:
        def acted(*args: Any, **kwargs: Any) -> Any:
            started, cpu = time.perf_counter(), time.process_time()
            result = act(*args, **kwargs)
            apart[0] += time.perf_counter() - started
            apart[1] += time.process_time() - cpu
            return result

        return acted

    judge_range(work, tasks[0])  # loads what is loaded once
    range_scores.read_range = set_apart(range_scores.read_range)  # type: ignore[attr-defined]
    estimate.compute_allowed = set_apart(estimate.compute_allowed)  # type: ignore[attr-defined]
    started, cpu = time.perf_counter(), time.process_time()
    for each in tasks:
        judge_range(work, each)
    seconds, total = time.perf_counter() - started, time.process_time() - cpu
    return seconds - apart[0], total - apart[1], apart[1]


if __name__ == "__main__":
    if sys.argv[1:2] == ["whole"]:
        print(json.dumps(whole(Path(sys.argv[2]), sys.argv[3])))
    elif sys.argv[1:2] == ["judging"]:
        print(json.dumps(judging(Path(sys.argv[2]))))
    else:
        main()
