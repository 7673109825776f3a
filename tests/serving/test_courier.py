"""The service keeps the history's files in step by itself."""

import pytest

import serving.courier as courier
from features.compaction import waiting
from features.holding import held
from serving.courier import tidy_if_due
from tests.serving.conftest import Shop


def test_live_events_are_copied_when_the_oldest_has_waited_a_day(shop: Shop) -> None:
    shop.order("ann", 3)
    assert not tidy_if_due(shop.keepwell, now=shop.clock())
    shop.pass_days(1)
    assert tidy_if_due(shop.keepwell, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert waiting(conn).events == 0
    assert not tidy_if_due(shop.keepwell, now=shop.clock())


def test_many_live_events_are_copied_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "MANY_EVENTS", 2)
    shop.order("ann", 3, 2)
    assert tidy_if_due(shop.keepwell, now=shop.clock())


def test_only_one_worker_copies(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.pass_days(2)
    with held(shop.keepwell.store):
        assert not tidy_if_due(shop.keepwell, now=shop.clock())
