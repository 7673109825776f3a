"""A process that is killed leaves a home in which everything still holds."""

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from features.compaction import strays
from features.history import customer_ids
from governance.ledger import verify
from governance.tables import decisions
from serving.rights import erase
from serving.sources import import_file
from tests.serving.conftest import Shop
from tests.serving.dying import IMPORTING, SCORING, import_and_die, score_and_die

MAPPING = """
[source]
path = "{path}"
timezone = "UTC"
[customer]
id = "client"
[[event]]
kind = "order"
id = "bill"
occurred_at = "day"
value = "price"
"""


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    """Give what starts children quickly: one clean process that has imported everything."""
    context = get_context("forkserver")
    context.set_forkserver_preload([import_and_die.__module__])
    return context


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """Give the mapping of a file of five orders of five people."""
    source, found = tmp_path / "orders.csv", tmp_path / "orders.toml"
    lines = [f"client-{k},b{k},2026-01-0{k + 1},{k}" for k in range(5)]
    source.write_text("client,bill,day,price\n" + "\n".join(lines) + "\n")
    found.write_text(MAPPING.format(path=source))
    return found


def kill(children: ForkServerContext, act: Callable[..., None], *given: Any) -> None:
    """Run `act` in a process of its own until it is killed."""
    child = children.Process(target=act, args=given)
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL


def intact(shop: Shop) -> bool:
    with shop.keepwell.database.read() as conn:
        return verify(conn, shop.keepwell.keys.ledger_public).outcome == "intact"


@pytest.mark.parametrize("point", IMPORTING)
def test_an_import_killed_at_any_point_is_as_if_it_had_not_begun(
    shop: Shop, children: ForkServerContext, mapping: Path, point: str
) -> None:
    keepwell = shop.keepwell
    kill(children, import_and_die, *_given(shop, mapping), point, shop.clock().isoformat())
    with keepwell.database.read() as conn:
        assert customer_ids(conn) == []
    assert intact(shop)
    again = import_file(keepwell, mapping, None, now=shop.clock())
    assert (again.events_written, again.customers, again.rejected) == (5, 5, 0)
    with keepwell.database.read() as conn:
        assert len(customer_ids(conn)) == 5
        assert strays(conn, keepwell.store) == []
    assert intact(shop)


def test_an_erasure_reaches_what_a_killed_import_left_on_disk(
    shop: Shop, children: ForkServerContext, mapping: Path
) -> None:
    keepwell = shop.keepwell
    shop.order("client-3", 10)
    kill(children, import_and_die, *_given(shop, mapping), "published", shop.clock().isoformat())
    left = list(keepwell.store.root.glob("*.parquet"))
    assert len(left) == 1
    erase(keepwell, "client-3", now=shop.clock())
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("point", SCORING)
def test_a_score_killed_before_its_commit_was_never_given(
    regular: Shop, children: ForkServerContext, point: str
) -> None:
    root = str(regular.keepwell.home.root)
    kill(children, score_and_die, root, "ann", point, regular.clock().isoformat())
    with regular.keepwell.database.read() as conn:
        assert conn.scalar(select(func.count()).select_from(decisions)) == 0
    assert intact(regular)
    [scored] = regular.scorer.score(["ann"], targets=["churn"]).results
    assert scored.status == "scored"
    assert intact(regular)


def _given(shop: Shop, mapping: Path) -> tuple[str, str]:
    return str(shop.keepwell.home.root), str(mapping)
