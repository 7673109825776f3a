"""Choosing whom to contact, beside the same problem given to HiGHS as it stands.

    python -m benchmarks.choosing [--customers 100000]

Four playbooks for each made-up customer; 1,000 to spend, and limits on two of three channels.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from serving.interventions.choosing.choice import Limits, Options, choose

LIMITS = Limits(1_000.0, {1: 60, 2: 400})


def made_up(customers: int, seed: int = 0) -> Options:
    """Give four options to each customer; risk is even, margins are heavy-tailed."""
    rng = np.random.default_rng(seed)
    effect, cost = np.array([0.02, 0.05, 0.03, 0.01]), np.array([0.5, 6.0, 2.0, 0.2])
    stake = rng.random(customers) * rng.lognormal(4, 1, customers)
    worth = stake[:, None] * effect * rng.uniform(0.5, 1.5, (customers, 4))
    return Options(
        customer=np.repeat(np.arange(customers), 4),
        worth=worth.ravel(),
        cost=np.tile(cost, customers),
        channel=np.tile(np.array([0, 1, 0, 2]), customers),
    )


def ours(asked: Options) -> dict[str, Any]:
    """Choose as a run does."""
    started = time.perf_counter()
    found = choose(asked, LIMITS)
    seconds = time.perf_counter() - started
    return {
        "worth": found.worth,
        "bound": found.bound,
        "gap": found.gap,
        "taken": int(found.taken.sum()),
        "seconds": round(seconds, 2),
    }


def as_it_stands(asked: Options, *, limit_seconds: float) -> dict[str, Any]:
    """Give HiGHS every option as a variable of its own; it looks at its clock now and then."""
    n = len(asked)
    rows = [asked.cost, *((asked.channel == c).astype(float) for c in LIMITS.capacity)]
    once = csr_array((np.ones(n), (asked.customer, np.arange(n))))
    upper = np.r_[np.ones(once.shape[0]), LIMITS.budget, list(LIMITS.capacity.values())]
    started = time.perf_counter()
    found = milp(
        -asked.worth,
        constraints=LinearConstraint(vstack([once, csr_array(np.stack(rows))]), -np.inf, upper),
        bounds=Bounds(0, 1),
        integrality=np.ones(n),
        options={"time_limit": limit_seconds},
    )
    seconds = time.perf_counter() - started
    worth = None if found.x is None else float(asked.worth[found.x > 0.5].sum())
    return {"worth": worth, "gap": found.mip_gap, "seconds": round(seconds, 2)}


def main() -> None:
    """Print both as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--limit-seconds", type=float, default=20.0)
    parser.add_argument("--plain-up-to", type=int, default=10_000)
    stated = parser.parse_args()
    found: dict[int, dict[str, Any]] = {}
    for customers in stated.customers:
        asked = made_up(customers)
        found[customers] = {"chosen": ours(asked)}
        if customers <= stated.plain_up_to:
            plain = as_it_stands(asked, limit_seconds=stated.limit_seconds)
            found[customers]["as it stands"] = plain
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
