"""Spark computes what this machine computes, bit for bit, and only of whom it is told."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from features.cluster import ClusterTable, Part, build_on_cluster, cluster_session, tasks_of
from features.history import read_ranges
from features.kernel import allowed_among, compute
from features.plan import plan_of
from features.ranges import plan_ranges
from features.store import HistoryStore
from governance.errors import ConfigurationError
from serving.database import Database
from tests.conftest import missing
from tests.features import hard_history
from tests.features.hard_home import HardHome, build_home, online, pairs, rows_of
from tests.features.sample import permits

DEFINITIONS = hard_history.definitions()
PAIRS = 10_000 if settings().max_examples >= 1_000 else 300


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        missing("there is no Java for Spark")
    with cluster_session("local[2]", {}) as session:
        yield session


@pytest.fixture
def home(sqlite_database: Database, fast_path: Path) -> HardHome:
    store = HistoryStore(fast_path / "history")
    return build_home(sqlite_database, store, fast_path, customers=PAIRS // 10)


def rows_of_parts(parts: tuple[Part, ...]) -> dict[tuple[str, int], bytes]:
    """Give the bits of every row of some written parts by (customer, as_of)."""
    found: dict[tuple[str, int], bytes] = {}
    for part in parts:
        table = pq.read_table(part.path)
        assert len(table) == part.rows
        customers = table["customer_id"].to_pylist()
        as_ofs = table["as_of"].cast("int64").to_pylist()
        values = np.stack([column.to_numpy() for column in table.columns[2:]], axis=1)
        found |= dict(zip(zip(customers, as_ofs, strict=True), map(bytes, values), strict=True))
    return found


@pytest.mark.xdist_group("spark")
def test_spark_equals_batch_and_online_bit_for_bit(
    spark: Any, home: HardHome, tmp_path: Path
) -> None:
    allowed = permits(home.customers)
    batch: dict[tuple[str, int], bytes] = {}
    with home.database.read() as conn:
        for some in read_ranges(conn, home.store, allowed["risk_scoring"]):
            batch |= rows_of(compute(some, DEFINITIONS, home.as_ofs, permits=allowed))
        ranges = plan_ranges(conn, home.store, events_per_range=3_000)
    table = ClusterTable(home.store, DEFINITIONS, home.as_ofs, None, tmp_path / "out")
    tasks = [
        task
        for some in (home.customers[::2], home.customers[1::2])  # several, whatever the size
        for task in tasks_of(ranges, some, allowed_among(some, plan_of(DEFINITIONS), allowed))
    ]
    found = rows_of_parts(build_on_cluster(spark, table, tasks))
    assert found == batch
    wanted = pairs(home, PAIRS)
    assert online(home, wanted, DEFINITIONS, allowed) == {
        place: found[place] for place in wanted if place in found
    }


@pytest.mark.xdist_group("spark")
def test_who_is_not_named_in_a_task_is_not_read(spark: Any, home: HardHome, tmp_path: Path) -> None:
    some = home.customers[::3]
    allowed = permits(some)
    with home.database.read() as conn:
        ranges = plan_ranges(conn, home.store, events_per_range=3_000)
    table = ClusterTable(home.store, DEFINITIONS, home.as_ofs[-1:], None, tmp_path / "out")
    flags = allowed_among(some, plan_of(DEFINITIONS), allowed)
    found = rows_of_parts(build_on_cluster(spark, table, tasks_of(ranges, some, flags)))
    assert {customer for customer, _ in found} == set(some)


def test_without_java_spark_is_refused_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with (
        pytest.raises(ConfigurationError, match="Spark needs Java"),
        cluster_session("local[2]", {}),
    ):
        pass
