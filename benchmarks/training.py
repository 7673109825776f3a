"""What training costs beside LightGBM alone on the same matrix, in one run.

    python -m benchmarks.training [--rows 1000000] [--columns 100] [--rounds 3]

LightGBM alone gets the very shape and number of trees that the search chose. Our figure leaves the
search out (it works on a sample) and tells it apart; it holds calibration, curves and intervals.
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from training import blend
from training.model import Matrix, Vector
from training.table import Table
from training.trees import fit_trees


def made_up(rows: int, columns: int, seed: int = 0) -> tuple[Matrix, Vector]:
    """A matrix (n, k) in which a tenth is missing, and an outcome that some columns drive."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((rows, columns))
    values[:, ::4] = np.exp(values[:, ::4])
    score = 0.8 * values[:, 1] - 0.5 * np.log(values[:, 0]) + 0.6 * (values[:, 2] > 0.5)
    score += 0.5 * np.sin(2 * values[:, 3]) - 1.0
    values[rng.random((rows, columns)) < 0.1] = np.nan
    return values, (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(np.float64)


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that `act` took, and what it gave."""
    started = time.perf_counter()
    found = act()
    return time.perf_counter() - started, found


def main() -> None:
    """Print a table of both, round by round alternating, with the median of the ratios."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--columns", type=int, default=100)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--threads", type=int, default=2)
    said = asked.parse_args()
    values, y = made_up(said.rows, said.columns)
    n = said.rows
    table = Table(values, y, np.ones(n), np.arange(n), np.zeros(n, np.int64), np.zeros(1))
    searching = 0.0
    choose = blend._choose

    def watched(*given: Any, **named: Any) -> Any:
        nonlocal searching
        searching, found = timed(lambda: choose(*given, **named))
        return found

    blend._choose = watched
    ratios = []
    for number in range(said.rounds):
        whole, fitted = timed(
            lambda: blend.fit_blend(
                table, trials=3, calibration="auto", refits=8, threads=said.threads, seed=0
            )
        )
        plan = fitted.plan
        alone, _ = timed(partial(fit_trees, table, plan.shape, plan.trees, said.threads))
        ratios.append((whole - searching) / alone)
        print(
            f"round {number + 1}: LightGBM alone {alone:.1f} s ({plan.trees} trees of "
            f"{plan.shape.leaves} leaves), ours {whole - searching:.1f} s and {searching:.1f} s "
            f"of search, ratio {ratios[-1]:.2f}",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{n:,} rows x {said.columns} columns: ratio {np.median(ratios):.2f} "
        f"[{min(ratios):.2f}, {max(ratios):.2f}], peak {peak:.2f} GiB "
        f"(the matrix is {values.nbytes / 1024**3:.2f})"
    )


if __name__ == "__main__":
    main()
