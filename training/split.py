"""Which rows train and which row set tests: by time where there is a history, else by customer.

A history is split so that nothing about the test period is known in training: the last training
`as_of` lies one whole horizon before the test `as_of`, earlier ones every 30 days before it. A
snapshot (labels given, one row per customer) is split by a file or at random, by customer.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import InsufficientData, InvalidInput
from governance.instants import DAY_US, from_micros

EVERY_DAYS = 30
MOST_CUTOFFS = 12
LEAST_HISTORY_DAYS = 30
TEST_SHARE = 0.25


@dataclass(frozen=True)
class TemporalSplit:
    """Instants in µs: training `as_ofs` (ascending) and the one `test_as_of`."""

    training: tuple[int, ...]
    test: int

    def describe(self) -> str:
        """One sentence for the report."""
        gap = (self.test - self.training[-1]) // DAY_US
        count = len(self.training)
        return (
            f"by time: {count} training cut-off{'s' if count != 1 else ''} every {EVERY_DAYS} days,"
            f" the last {gap} days before the test"
        )


def split_by_time(
    test_as_of: int, horizon_days: int, *, first_event: int, observed_until: int
) -> TemporalSplit:
    """Lay the cut-offs; instants in µs.

    At most 12 training cut-offs, each with at least 30 days of history before it. Raises
    `InvalidInput` when the test date lies outside the data or its horizon is not yet over at
    `observed_until`, `InsufficientData` when the horizon is longer than the history or no training
    cut-off fits.
    """
    horizon = horizon_days * DAY_US
    covered = f"{from_micros(first_event):%Y-%m-%d} to {from_micros(observed_until):%Y-%m-%d}"
    if horizon > observed_until - first_event:
        have = max(0, (observed_until - first_event) // DAY_US)
        raise InsufficientData(
            f"the horizon of {horizon_days} days is longer than the {have} days of history, "
            f"{covered}",
            hint="choose a shorter horizon, or import a longer history",
        )
    if not first_event <= test_as_of <= observed_until:
        side = "before the data begins" if test_as_of < first_event else "after the data ends"
        raise InvalidInput(
            f"the test date {from_micros(test_as_of):%Y-%m-%d} lies {side}: it covers {covered}",
            hint="choose a test date inside it, at least one horizon before its end",
        )
    if test_as_of + horizon > observed_until:
        latest = observed_until - horizon
        possible = (
            f"test at {from_micros(latest):%Y-%m-%d} or before, or " if latest > first_event else ""
        )
        raise InvalidInput(
            f"the {horizon_days} days after the test date are not over where the data ends, "
            f"{from_micros(observed_until):%Y-%m-%d}",
            hint=f"{possible}choose a shorter horizon",
        )
    earliest = first_event + LEAST_HISTORY_DAYS * DAY_US
    training = [
        test_as_of - horizon - step * EVERY_DAYS * DAY_US
        for step in range(MOST_CUTOFFS)
        if test_as_of - horizon - step * EVERY_DAYS * DAY_US >= earliest
    ]
    if not training:
        have = max(0, (test_as_of - first_event) // DAY_US)
        raise InsufficientData(
            f"{have} days of history before the test date, at least "
            f"{horizon_days + LEAST_HISTORY_DAYS} are needed",
            hint="choose a later test date or a shorter horizon",
        )
    return TemporalSplit(tuple(reversed(training)), test_as_of)


def default_test_as_of(observed_until: int, horizon_days: int) -> int:
    """The latest instant (µs) whose horizon is over: what a run tests at when told nothing."""
    return observed_until - horizon_days * DAY_US


def split_at_random(
    customers: Sequence[str], *, seed: int, test_share: float = TEST_SHARE
) -> NDArray[np.bool_]:
    """Which rows test, (n,): a customer always falls on the same side for the same seed.

    A row is a test row when the hash of its customer, keyed by `seed`, falls in the first
    `test_share`; adding customers moves nobody.
    """
    return np.array([_share_of(found, seed) < test_share for found in customers], dtype=np.bool_)


def split_by_file(
    path: Path, customers: Sequence[str], *, inside_id: Callable[[str], str] = str
) -> NDArray[np.bool_]:
    """Which rows test, (n,), as a CSV or Parquet file says.

    The file has the columns `customer_id` and `split` ("train" or "test"), a customer once.
    `inside_id` turns its ids into those of the data (pseudonyms). Raises `InvalidInput` listing
    every problem, and when a customer of the data is not in the file.
    """
    if not path.is_file():
        raise InvalidInput(f"split file {path.name} does not exist")
    parquet = path.suffix == ".parquet"
    table = pd.read_parquet(path) if parquet else pd.read_csv(path, dtype=str)
    lacking = {"customer_id", "split"} - set(table.columns)
    if lacking:
        raise InvalidInput(f"split file {path.name} lacks the column {', '.join(sorted(lacking))}")
    people = [inside_id(each) for each in table["customer_id"].astype(str)]
    side = dict(zip(people, table["split"].astype(str), strict=True))
    problems = []
    if len(side) != len(table):
        problems.append(f"{len(table) - len(side)} customers occur more than once")
    other = sum(found not in ("train", "test") for found in side.values())
    if other:
        problems.append(f"{other} rows say neither train nor test")
    absent = sum(customer not in side for customer in set(customers))
    if absent:
        problems.append(f"{absent} customers of the data are not in the file")
    if problems:
        raise InvalidInput(f"split file {path.name}: {'; '.join(problems)}")
    return np.array([side[customer] == "test" for customer in customers], dtype=np.bool_)


def _share_of(customer: str, seed: int) -> float:
    digest = hashlib.blake2b(customer.encode(), key=str(seed).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
