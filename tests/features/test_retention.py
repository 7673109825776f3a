"""Old events and old texts go from every place they lie in, on both kinds of database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.compaction import tidy
from features.events import Event
from features.history import read_everything_of
from features.live import append
from features.retention import OldHistory, count_old, forget_old
from features.store import HistoryStore, buckets
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def bring_in(database: Database, store: HistoryStore, *, compacted: bool) -> None:
    """Two people: an old order with a text, a newer one, and a profile older than both."""
    events = [
        Event(who, kind, NOW - days * DAY, NOW - days * DAY, event_id=f"{kind}{days}", text=text)
        for who in ("ann", "bob")
        for kind, days, text in (
            ("profile", 900, None),
            ("order", 500, "old words"),
            ("order", 100, "newer words"),
        )
    ]
    with database.write() as conn:
        append(conn, events)
    if compacted:
        tidy(database, store, now=NOW)


def left(database: Database, who: str) -> list[tuple[str, str | None]]:
    with database.read() as conn:
        return [(each["kind"], each.get("text")) for each in read_everything_of(conn, who)]


@pytest.mark.parametrize("compacted", [False, True])
def test_old_events_go_and_what_still_holds_stays(
    database: Database, tmp_path: Path, compacted: bool
) -> None:
    store = HistoryStore(tmp_path)
    bring_in(database, store, compacted=compacted)
    limits = {"events_before": NOW - 365 * DAY, "texts_before": None}
    with database.write() as conn:
        assert count_old(conn, store, **limits) == OldHistory(2, 0)
        assert forget_old(conn, store, **limits, now=NOW) == OldHistory(2, 0)
        assert forget_old(conn, store, **limits, now=NOW) == OldHistory(0, 0)
        assert sum(bucket.rows for bucket in buckets(conn)) == (4 if compacted else 0)
    for who in ("ann", "bob"):
        assert left(database, who) == [("profile", None), ("order", "newer words")]


@pytest.mark.parametrize("compacted", [False, True])
def test_old_texts_go_and_their_events_stay(
    database: Database, tmp_path: Path, compacted: bool
) -> None:
    store = HistoryStore(tmp_path)
    bring_in(database, store, compacted=compacted)
    with database.write() as conn:
        found = forget_old(conn, store, events_before=None, texts_before=NOW - 365 * DAY, now=NOW)
    assert found == OldHistory(0, 2)
    assert left(database, "ann") == [
        ("profile", None), ("order", None), ("order", "newer words"),
    ]  # fmt: skip


def test_an_event_that_goes_is_not_counted_for_its_text_as_well(
    database: Database, tmp_path: Path
) -> None:
    store = HistoryStore(tmp_path)
    bring_in(database, store, compacted=False)
    limit = NOW - 365 * DAY
    with database.write() as conn:
        found = forget_old(conn, store, events_before=limit, texts_before=limit, now=NOW)
    assert found == OldHistory(2, 0)
