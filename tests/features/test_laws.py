"""Laws of the kernel: the future never changes a feature, and batch equals online bit for bit."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compaction import compact
from features.events import Event, content_digest
from features.history import (
    Histories,
    from_events,
    read_all,
    read_customer,
    read_customers,
    read_ranges,
)
from features.kernel import compute
from features.live import append
from features.store import HistoryStore
from serving.database import Database, sqlite_url
from tests.conftest import MEMORY
from tests.features.hard_history import definitions, some_events
from tests.features.hard_home import build_home, online, pairs, rows_of
from tests.features.sample import EVERYONE, at, event, histories, micros, permit, permits

DAYS = (20, 60, 90 + 1 / 24, 100, 100.25, 150)
AS_OFS = [micros(day) for day in DAYS]
DEFINITIONS = definitions()
Rows = dict[tuple[str, int], bytes]


def rows(found: Histories, as_ofs: Sequence[int] = tuple(AS_OFS)) -> Rows:
    return rows_of(compute(found, DEFINITIONS, as_ofs, permits=permits()))


def one_by_one(found: Iterator[Histories]) -> Rows:
    alone: Rows = {}
    for each in found:
        for as_of in AS_OFS:
            alone |= rows(each, [as_of])
    return alone


@given(some_events())
def test_batch_equals_online_bit_for_bit(events: list[Event]) -> None:
    whole = histories(*events)
    alone = (histories(*(e for e in events if e.customer_id == c)) for c in whole.customers)
    assert rows(whole) == one_by_one(alone)


@contextmanager
def home(template: Path) -> Iterator[tuple[Database, HistoryStore]]:
    with tempfile.TemporaryDirectory(prefix="keepwell-laws-", dir=MEMORY) as folder:
        shutil.copyfile(template, Path(folder) / "keepwell.db")
        database = Database(sqlite_url(Path(folder) / "keepwell.db"))
        yield database, HistoryStore(Path(folder) / "history")
        database.close()


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> Path:
    found = request.getfixturevalue("_sqlite_template")
    assert isinstance(found, Path)
    return found


@settings(max_examples=settings().max_examples // 3)  # each makes and fills a database
@given(events=some_events(), events_per_range=st.integers(1, 40))
def test_what_a_home_reads_equals_the_events_it_was_given(
    template: Path, events: list[Event], events_per_range: int
) -> None:
    """Some in a first segment, some in a second, the rest live: batch, in ranges and online."""
    parts: list[list[Event]] = [[], [], []]
    for each in events:
        parts[content_digest(each)[0] % 3].append(each)
    allowed = permit("risk_scoring")
    with home(template) as (database, store):
        for k, part in enumerate(parts):
            with database.write() as conn:
                append(conn, part)
            if k < 2:
                with database.write() as conn:
                    compact(conn, store, now=at(200 + k))
        with database.read() as conn:
            batch = rows(read_all(conn, store, allowed))
            without_digests = rows(read_all(conn, store, allowed, digests=False))
            ranged: Rows = {}
            for some in read_ranges(conn, store, allowed, events_per_range=events_per_range):
                ranged |= rows(some)
            alone = one_by_one(read_customer(conn, allowed, c) for c in EVERYONE)
            together = rows(read_customers(conn, allowed, EVERYONE))
    given_at_once = rows(from_events([each for part in parts for each in part]))
    assert batch == without_digests == ranged == alone == together == given_at_once


# -- the future -------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(DAYS[1:]), st.sampled_from(["happens", "is known"]))
def test_the_future_never_changes_a_feature(data: st.DataObject, day: float, how: str) -> None:
    """What happens or becomes known at as_of or after changes nothing before it."""
    events, as_of = data.draw(some_events()), at(day)
    named = [e for e in events if e.event_id is not None]
    future = []
    for each in data.draw(some_events(prefix="later ")):
        occurred = max(each.occurred_at, as_of) if how == "happens" else each.occurred_at
        known = max(each.known_at, as_of)
        changed = replace(each, occurred_at=occurred, known_at=known)
        if named and (each.corrects or each.retracts) and data.draw(st.booleans()):
            target = data.draw(st.sampled_from(named))
            changed = replace(
                changed,
                customer_id=target.customer_id,
                kind=target.kind,
                corrects=each.corrects and target.event_id,
                retracts=each.retracts and target.event_id,
            )
        future.append(changed)
    as_ofs = [micros(each) for each in DAYS if each <= day]
    assert rows(histories(*events, *future), as_ofs) == rows(histories(*events), as_ofs)


def test_a_correction_known_later_does_not_join_what_was_two_events() -> None:
    """At day 7 nobody knows yet what `b` corrects, or that there is a `b` at all."""
    events = (
        event(1, event_id="a", value=10.0),
        event(2, known=5, event_id="c", corrects="b", value=12.0),
    )
    link = event(3, known=9, event_id="b", corrects="a", value=11.0)
    assert rows(histories(*events, link), [micros(7)]) == rows(histories(*events), [micros(7)])


# -- order ------------------------------------------------------------------------------------


@given(some_events(), st.randoms())
def test_the_order_of_arrival_in_a_file_does_not_matter(
    events: list[Event], random: Random
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert rows(histories(*events)) == rows(histories(*shuffled))


@given(some_events(), some_events(customers=EVERYONE[3:6], prefix="o"), st.permutations(AS_OFS))
def test_other_customers_and_the_order_of_as_ofs_do_not_matter(
    events: list[Event], others: list[Event], as_ofs: list[int]
) -> None:
    together = rows(histories(*others, *events), [*as_ofs, *as_ofs[:2]])
    mine = {e.customer_id for e in events}
    assert {place: row for place, row in together.items() if place[0] in mine} == rows(
        histories(*events)
    )


def test_floating_sums_do_not_depend_on_who_else_is_there() -> None:
    """Many events per customer, so that sums run through every path there is."""
    rng = np.random.default_rng(0)
    events = [
        event(float(day), customer=customer, value=float(value))
        for customer, size in zip(EVERYONE, (1, 2, 7, 8, 9, 127, 129, 700), strict=True)
        for day, value in zip(
            np.sort(rng.uniform(0, 100, size)), rng.uniform(-1e6, 1e6, size).round(6), strict=True
        )
    ]
    whole = histories(*events)
    alone = (histories(*(e for e in events if e.customer_id == c)) for c in EVERYONE)
    assert rows(whole) == one_by_one(alone)


# -- a whole home -----------------------------------------------------------------------------


def test_pairs_of_a_hard_home_are_equal_bit_for_bit(
    sqlite_database: Database, fast_path: Path
) -> None:
    """300 pairs of (customer, as_of), or 10,000 as evidence: batch over Parquet, and online."""
    count = 10_000 if settings().max_examples >= 1_000 else 300
    found = build_home(
        sqlite_database, HistoryStore(fast_path / "history"), fast_path, customers=count // 10
    )
    allowed = permits(found.customers)
    batch: Rows = {}
    with sqlite_database.read() as conn:
        for some in read_ranges(conn, found.store, allowed["risk_scoring"], events_per_range=5_000):
            batch |= rows_of(compute(some, DEFINITIONS, found.as_ofs, permits=allowed))
    wanted = pairs(found, count)
    assert online(found, wanted, DEFINITIONS, allowed) == {
        place: batch[place] for place in wanted if place in batch
    }
