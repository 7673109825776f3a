"""Accounts above people: what happened with their members while they were members."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from features import tables
from features.accounts import (
    account_ids,
    all_memberships,
    join_account,
    leave_account,
)
from features.cluster import tasks_of
from features.compaction import compact
from features.definitions import FeatureDefinition
from features.erasure import erase_customer
from features.history import Histories, read_all, read_customer, read_range, read_ranges
from features.kernel import allowed_among, compute
from features.links import merge, split
from features.live import append
from features.pieces import ALWAYS, Piece, without_overlap
from features.plan import plan_of
from features.ranges import plan_ranges
from features.store import HistoryStore
from features.versions import NEVER
from governance.errors import InvalidInput, NotFound
from serving.database import Database
from tests.features.sample import EVERYONE, START, at, event, micros, permit, permits

COUNT = FeatureDefinition("order_count", kinds=("order",), aggregate="count", empty=0.0)
SPENT = FeatureDefinition("spent", kinds=("order",), aggregate="sum", column="value", empty=0.0)
ANSWERS = FeatureDefinition(
    "answers",
    kinds=("survey",),
    aggregate="count",
    empty=0.0,
    purposes=("risk_scoring", "wellbeing_inference"),
)
FEATURES = (COUNT, SPENT, ANSWERS)
Rows = dict[tuple[str, int], bytes]


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


def account(
    conn: Connection, days: Sequence[float], customers: Sequence[str] = EVERYONE
) -> list[float]:
    """Give the order count of account "acme" on some days; 0 where nothing is usable."""
    allowed = permit("risk_scoring", customers)
    histories = read_customer(conn, allowed, "acme", subject="account")
    found = []
    for day in days:
        table = compute(histories, [COUNT], [micros(day)], permits={"risk_scoring": allowed})
        found.append(float(table.values[0, 0]) if len(table) else 0.0)
    return found


def join(conn: Connection, who: str, joined: float, known: float, name: str = "acme") -> None:
    join_account(conn, name, who, joined_at=at(joined), known_at=at(known))


def test_events_of_members_count_while_they_were_members_once_that_is_known(
    database: Database,
) -> None:
    with database.write() as conn:
        append(conn, [event(day, customer=who) for who in ("c0", "c1") for day in (1, 4, 8, 11)])
        join(conn, "c0", 3, 5)
        join(conn, "c1", 0, 6)
        leave_account(conn, "acme", "c1", left_at=at(7), known_at=at(10))
        assert account(conn, [5, 5.5, 6.5, 8.5, 10.5, 12]) == [0, 1, 3, 5, 4, 5]
        own = read_customer(conn, permit("risk_scoring"), "c0")
        assert len(own.value) == 4


def test_only_members_whom_the_permit_covers_contribute(database: Database) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer=who) for who in ("c0", "c1", "c2")])
        for who in ("c0", "c1", "c2"):
            join(conn, who, 0, 2)
        assert account(conn, [3]) == [3]
        assert account(conn, [3], ["c1"]) == [1]
        assert account(conn, [3], ["c5"]) == [0]


def test_a_members_event_is_used_only_for_what_they_permit(sqlite_database: Database) -> None:
    narrow = {
        "risk_scoring": permit("risk_scoring"),
        "wellbeing_inference": permit("wellbeing_inference", ["c1"]),
    }
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer=who, value=2.0) for who in ("c0", "c1")])
        append(conn, [event(1, "survey", customer=who, value=4.0) for who in ("c0", "c1")])
        join(conn, "c0", 0, 2)
        join(conn, "c1", 0, 2)
        histories = read_customer(conn, permit("risk_scoring"), "acme", subject="account")
    assert compute(histories, FEATURES, [micros(3)], permits=permits()).values.tolist() == [
        [2.0, 4.0, 2.0]
    ]
    assert compute(histories, FEATURES, [micros(3)], permits=narrow).values.tolist() == [
        [2.0, 4.0, 1.0]
    ]


def test_an_accounts_own_events_count_for_scoring_alone(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer="c0")])
        append(conn, [event(2, "order", customer="acme", subject="account", value=500.0)])
        append(conn, [event(2, "survey", customer="acme", subject="account", value=1.0)])
        compact(conn, store, now=START)
        join(conn, "c0", 0, 2)
        histories = read_customer(conn, permit("risk_scoring"), "acme", subject="account")
        assert account_ids(conn) == ["acme"]
    found = compute(histories, FEATURES, [micros(3)], permits=permits())
    assert found.values.tolist() == [[2.0, 500.0, 0.0]]
    assert found.customers.tolist() == ["acme"]


def test_a_merged_member_takes_the_membership_along_and_is_counted_once(
    database: Database,
) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer="c0"), event(2, customer="c1"), event(3, customer="c2")])
        join(conn, "c1", 0, 4)
        assert account(conn, [4.5]) == [1]
        merge(conn, "c0", "c1", known_at=at(5))
        assert account(conn, [4.5, 5.5]) == [1, 2]
        join(conn, "c0", 0, 6)
        assert account(conn, [4.5, 5.5, 6.5]) == [1, 2, 2]
        split(conn, "c0", "c1", now=at(8))
        assert account(conn, [7, 8.5]) == [2, 2]
        leave_account(conn, "acme", "c0", left_at=at(0.5), known_at=at(9))
        assert account(conn, [8.5, 9.5]) == [2, 1]


def test_overlapping_memberships_count_no_event_twice() -> None:
    found = without_overlap(
        [
            Piece("c0", "acme", 5, NEVER, 0, 10),
            Piece("c0", "acme", 7, 9, 4, 12),
            Piece("c0", "acme", 5, NEVER, 10, 11),
        ]
    )
    assert found == (
        Piece("c0", "acme", 5, NEVER, 0, 11),
        Piece("c0", "acme", 7, 9, 11, 12),
    )
    assert without_overlap([Piece("c0", "acme")]) == (
        Piece("c0", "acme", ALWAYS, NEVER, ALWAYS, NEVER),
    )


def test_memberships_that_cannot_be(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer="c0")])
        with pytest.raises(NotFound, match="the person is not known"):
            join(conn, "c1", 0, 2)
        with pytest.raises(InvalidInput, match="has no name"):
            join(conn, "c0", 0, 2, name=" ")
        join(conn, "c0", 3, 4)
        with pytest.raises(InvalidInput, match="belongs to this account at that time already"):
            join(conn, "c0", 5, 6)
        with pytest.raises(InvalidInput, match="end before it began"):
            leave_account(conn, "acme", "c0", left_at=at(2), known_at=at(7))
        leave_account(conn, "acme", "c0", left_at=at(6), known_at=at(7))
        with pytest.raises(NotFound, match="does not belong to this account now"):
            leave_account(conn, "acme", "c0", left_at=at(6), known_at=at(7))
        join(conn, "c0", 6, 8)
        assert [each.left_at for each in all_memberships(conn)] == [at(6), None]


def test_someone_erased_leaves_the_account_as_if_never_there(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer="c0"), event(1, customer="c1")])
        join(conn, "c0", 0, 2)
        join(conn, "c1", 0, 2)
        erase_customer(conn, store, "c1", now=at(3))
        assert account(conn, [4]) == [1]
        assert [each.customer for each in all_memberships(conn)] == ["c0"]


ACCOUNTS = st.sampled_from(["acme", "birch", "cedar"])
WHO = st.sampled_from(EVERYONE[:4])
DAY = st.integers(0, 10)


@given(
    st.lists(st.tuples(WHO, DAY, DAY), max_size=20),
    st.lists(st.tuples(ACCOUNTS, WHO, DAY, DAY, DAY), max_size=8),
    st.lists(st.tuples(WHO, WHO, DAY), max_size=3),
    st.sets(WHO),
    st.integers(1, 8),
)
def test_accounts_read_alone_together_in_ranges_and_by_workers_are_the_same(
    things: list[tuple[str, int, int]],
    members: list[tuple[str, str, int, int, int]],
    merges: list[tuple[str, str, int]],
    some: set[str],
    events_per_range: int,
) -> None:
    covered = permit("risk_scoring", sorted({"c0", *some}))
    given_permits = {
        "risk_scoring": covered,
        "wellbeing_inference": permit("wellbeing_inference", sorted({"c1", *some})),
    }
    cuts = [micros(day) for day in (2.5, 6, 11, 25)]
    nowhere = HistoryStore(Path("nowhere"))

    def computed(histories: Histories) -> Rows:
        found = compute(histories, FEATURES, cuts, permits=given_permits)
        keys = zip(found.customers.tolist(), found.as_of.tolist(), strict=True)
        return {key: found.values[k].tobytes() for k, key in enumerate(keys)}

    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.connect() as conn:
        append(conn, [event(0, customer=each, value=1.0) for each in EVERYONE[:4]])
        append(
            conn,
            [
                event(day, "survey" if day % 3 == 0 else "order", customer=who, known=day + late)
                for who, day, late in things
            ],
        )
        append(conn, [event(4, customer="birch", subject="account", value=3.0)])
        for name, who, joined, stayed, known in members:
            try:
                join(conn, who, joined, known, name)
                if stayed % 2:
                    left = at(joined + stayed)
                    leave_account(conn, name, who, left_at=left, known_at=at(known + stayed))
            except InvalidInput:
                continue
        for keep, other, day in sorted(merges, key=lambda each: each[2]):
            try:
                merge(conn, keep, other, known_at=at(day))
            except InvalidInput:
                continue
        alone: Rows = {}
        for name in account_ids(conn):
            alone |= computed(read_customer(conn, covered, name, subject="account"))
        whole = computed(read_all(conn, nowhere, covered, subject="account"))
        parts: Rows = {}
        for part in read_ranges(
            conn, nowhere, covered, subject="account", events_per_range=events_per_range
        ):
            parts |= computed(part)
        plan = plan_ranges(conn, nowhere, subject="account", events_per_range=events_per_range)
    people = sorted(covered.customers)
    allowed = allowed_among(people, plan_of(FEATURES), given_permits)
    workers: Rows = {}
    for task in tasks_of(pickle.loads(pickle.dumps(plan)), people, allowed):
        workers |= computed(read_range(nowhere, task.range_, frozenset(task.customers)))
    assert whole == parts == workers == alone
