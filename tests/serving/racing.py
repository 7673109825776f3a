"""A withdrawal while many threads score: what those see who ask after it."""

import threading
from typing import NamedTuple

from serving.permission.consents import withdraw
from tests.serving.conftest import Shop


class Race(NamedTuple):
    """How the calls ended: those that began before the withdrawal returned, and those after."""

    before: list[str]
    after: list[str]


def withdraw_while_scoring(shop: Shop, customer_id: str, *, threads: int = 4) -> Race:
    """Score one customer over and over in several threads, withdraw in between, go on a little."""
    shop.scorer.warm()
    withdrawn, enough = threading.Event(), threading.Event()
    calls: list[tuple[bool, str]] = []

    def score() -> None:
        while not enough.is_set():
            late = withdrawn.is_set()  # read before the call begins
            [found] = shop.scorer.score([customer_id], targets=["churn"]).results
            calls.append((late, found.status))
            if sum(each for each, _ in calls) >= 4 * threads:
                enough.set()

    running = [threading.Thread(target=score) for _ in range(threads)]
    for thread in running:
        thread.start()
    while len(calls) < threads:
        enough.wait(0.01)
    withdraw(shop.keepwell, customer_id, "risk_scoring", actor="customer", clock=shop.clock)
    withdrawn.set()
    for thread in running:
        thread.join(timeout=30)
    return Race([s for late, s in calls if not late], [s for late, s in calls if late])
