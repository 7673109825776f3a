"""A process that is killed leaves a home in which everything still holds."""

import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from features.compaction import strays, sweep, tidy, waiting
from features.history import customer_ids, read_all, read_everything_of
from features.tables import history_chunks, history_pending
from governance.log.ledger import verify
from governance.tables import decisions
from serving.database import Database
from serving.rights.acts import erase
from serving.settings import Settings
from serving.sources import import_file
from tests.serving.children import forked
from tests.serving.conftest import Clock, Shop
from tests.serving.dying import (
    ERASING,
    IMPORTING,
    SCORING,
    TIDYING,
    erase_and_die,
    import_and_die,
    score_and_die,
    tidy_and_die,
)
from tests.serving.homes import new_home

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
    return forked()


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
        assert conn.scalar(select(func.count()).select_from(history_pending)) == 0
        assert conn.scalar(select(func.count()).select_from(history_chunks)) == 5
    days = {f"client-{k}": [f"2026-01-0{k + 1}T00:00:00.000000Z"] for k in range(5)}
    assert known(shop) == at_once(shop) == days
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


@pytest.fixture(params=["sqlite", "postgres"])
def busy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Give a home on either database with three segments of a day each and orders since."""
    settings = Settings()
    if request.param == "postgres":
        settings = Settings(database_url=own_database(request.getfixturevalue("postgres_uri")))
    clock = Clock()
    shop = Shop(new_home(tmp_path / "busy", settings, now=clock()), clock)
    for day in range(3):
        for who in ("ann", "bob", "cid"):
            shop.order(who, 30 - day)
        tidy(shop.keepwell.database, shop.keepwell.store, now=shop.clock())
    shop.order("ann", 1, 2)
    shop.order("dan", 1)
    yield shop
    shop.keepwell.close()


def own_database(uri: str) -> str:
    server = Database(uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS busy WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE busy"))
    server.close()
    return server.engine.url.set(database="busy").render_as_string(hide_password=False)


def known(shop: Shop) -> dict[str, list[str]]:
    """Tell when everyone's events happened, read from files and the live tail."""
    with shop.keepwell.database.read() as conn:
        everyone = shop.keepwell.registry.aggregate_permit(conn, "aggregate", now=shop.clock())
        found = read_all(conn, shop.keepwell.store, everyone)
    return {
        customer_id: [event["occurred_at"] for event in found.events(k)]
        for k, customer_id in enumerate(found.customers)
    }


def at_once(shop: Shop) -> dict[str, list[str]]:
    """Tell the same from the database, one customer at a time."""
    with shop.keepwell.database.read() as conn:
        return {
            customer_id: [
                event["occurred_at"]
                for event in read_everything_of(conn, customer_id)
                if event["subject"] == "customer"
            ]
            for customer_id in customer_ids(conn)
        }


@pytest.mark.parametrize("point", TIDYING)
def test_tidying_killed_at_any_point_loses_and_doubles_nothing(
    busy: Shop, children: ForkServerContext, point: str
) -> None:
    keepwell = busy.keepwell
    before = known(busy)
    kill(children, tidy_and_die, str(keepwell.home.root), point, busy.clock().isoformat())
    assert known(busy) == at_once(busy) == before
    done = tidy(keepwell.database, keepwell.store, now=busy.clock())
    assert done is not None
    assert done.segments_after == 1
    assert known(busy) == at_once(busy) == before
    with keepwell.database.write() as conn:
        sweep(conn, keepwell.store)
        assert strays(conn, keepwell.store) == []
        assert waiting(conn).events == 0
    assert len(list(keepwell.store.root.glob("*.parquet"))) == 1


@pytest.mark.parametrize("point", ERASING)
def test_an_erasure_killed_at_any_point_is_done_by_the_next(
    busy: Shop, children: ForkServerContext, point: str
) -> None:
    keepwell, root = busy.keepwell, str(busy.keepwell.home.root)
    before = known(busy)
    kill(children, erase_and_die, root, "bob", point, busy.clock().isoformat())
    if point == "sweeping":  # committed: only the old files are still there
        assert "bob" not in known(busy)
        with keepwell.database.write() as conn:
            sweep(conn, keepwell.store)
    else:
        assert known(busy) == at_once(busy) == before
        erase(keepwell, "bob", now=busy.clock())
    assert known(busy) == at_once(busy) == {who: before[who] for who in ("ann", "cid", "dan")}
    assert not any(b"bob" in path.read_bytes() for path in keepwell.store.root.glob("*"))
    assert intact(busy)


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
