"""Two ids, one person: merged, split again, and as it was known at each instant."""

import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from features import tables
from features.cluster import tasks_of
from features.compaction import compact
from features.dataset import build_dataset
from features.definitions import FeatureDefinition
from features.erasure import erase_customer
from features.events import Event
from features.history import Histories, read_all, read_customer, read_range, read_ranges
from features.kernel import FeatureTable, allowed_among, compute
from features.labels import Target, label
from features.links import (
    all_links,
    contributors,
    merge,
    merged_ids,
    merged_into,
    other_ids,
    split,
)
from features.live import append
from features.pieces import ALWAYS, carriers
from features.plan import plan_of
from features.ranges import plan_ranges
from features.store import HistoryStore
from features.versions import NEVER
from governance.errors import InvalidInput, NotFound
from governance.proof import Permit
from serving.database import Database
from tests.features.sample import EVERYONE, START, at, event, micros, permit, permits

COUNT = FeatureDefinition("order_count", kinds=("order",), aggregate="count", empty=0.0)
SPENT = FeatureDefinition("spent", kinds=("order",), aggregate="sum", column="value", empty=0.0)
SINCE = FeatureDefinition("since", kinds=("order",), aggregate="days_since_last")
LAST = FeatureDefinition("last", kinds=("order",), aggregate="last", column="value")
ANSWERS = FeatureDefinition(
    "answers",
    kinds=("survey",),
    aggregate="count",
    empty=0.0,
    purposes=("risk_scoring", "wellbeing_inference"),
)
FEATURES = (COUNT, SPENT, SINCE, LAST, ANSWERS)


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


def online(conn: Connection, customer: str, day: float) -> dict[str, float] | None:
    """Give one customer's features on a day; None where nothing is usable."""
    histories = read_customer(conn, permit("risk_scoring"), customer)
    return values_of(compute(histories, FEATURES, [micros(day)], permits=permits()), customer)


def values_of(table: FeatureTable, customer: str) -> dict[str, float] | None:
    rows = np.flatnonzero(table.customers == customer)
    if not len(rows):
        return None
    return dict(zip(table.names, table.values[rows[0]].tolist(), strict=True))


def orders(conn: Connection, customer: str, day: float) -> float:
    found = online(conn, customer, day)
    return 0.0 if found is None else found["order_count"]


TWO = (
    event(1, customer="c0", value=10.0),
    event(2, customer="c1", value=1.0),
    event(3, customer="c1", value=2.0),
)


def test_merged_events_count_from_the_day_the_link_is_known(database: Database) -> None:
    with database.write() as conn:
        append(conn, TWO)
        merge(conn, "c0", "c1", known_at=at(5))
        append(conn, [event(6, customer="c1", value=4.0)])
        assert [orders(conn, "c0", day) for day in (4, 5, 5.5, 6.5)] == [1, 1, 3, 4]
        assert [orders(conn, "c1", day) for day in (4, 5, 5.5, 6.5)] == [2, 2, 0, 0]
        assert online(conn, "c1", 5.5) is None
        found = online(conn, "c0", 6.5)
        assert found is not None
        assert (found["spent"], found["since"], found["last"]) == (17.0, 0.5, 4.0)


def test_split_gives_the_events_back_from_the_day_it_is_known(database: Database) -> None:
    with database.write() as conn:
        append(conn, TWO)
        merge(conn, "c0", "c1", known_at=at(5))
        split(conn, "c0", "c1", now=at(8))
        append(conn, [event(9, customer="c1")])
        assert [orders(conn, "c0", day) for day in (4, 6, 8, 8.5, 10)] == [1, 3, 3, 1, 1]
        assert [orders(conn, "c1", day) for day in (4, 6, 8, 8.5, 10)] == [2, 0, 0, 2, 3]


def test_merged_again_after_a_split(database: Database) -> None:
    with database.write() as conn:
        append(conn, TWO)
        merge(conn, "c0", "c1", known_at=at(5))
        split(conn, "c0", "c1", now=at(8))
        with pytest.raises(InvalidInput, match="split off later"):
            merge(conn, "c0", "c1", known_at=at(7))
        merge(conn, "c0", "c1", known_at=at(9))
        assert [orders(conn, "c0", day) for day in (6, 8.5, 9.5)] == [3, 1, 3]


def test_chains_are_followed_in_any_order_of_merging(database: Database) -> None:
    with database.write() as conn:
        append(conn, [event(1, customer=each) for each in ("c0", "c1", "c2", "c3", "c4")])
        merge(conn, "c1", "c2", known_at=at(3))
        merge(conn, "c0", "c1", known_at=at(4))
        merge(conn, "c2", "c3", known_at=at(5))
        assert [orders(conn, "c0", day) for day in (3.5, 4.5, 5.5)] == [1, 3, 4]
        assert [orders(conn, "c1", day) for day in (3.5, 4.5)] == [2, 0]
        assert merged_ids(conn, "c0") == ["c1", "c2", "c3"]
        assert merged_into(conn, "c3") == "c0"
        assert merged_into(conn, "c0") is None
        assert contributors(conn, ["c0", "c4"]) == {"c0": frozenset({"c1", "c2", "c3"})}
        split(conn, "c0", "c1", now=at(7))
        assert [orders(conn, each, 8) for each in ("c0", "c1", "c2", "c3")] == [1, 3, 0, 0]


def test_what_is_passed_on_without_a_gap_became_known_once() -> None:
    parents = {"c": [(5, NEVER, "b")], "b": [(5, 9, "a")], "a": [(9, NEVER, "b")]}
    assert carriers(parents, "c") == [(ALWAYS, 5, "c"), (5, 9, "a"), (9, NEVER, "b")]
    assert carriers({"b": [(1, 2, "a"), (2, 3, "a")]}, "b")[1] == (1, 3, "a")


@pytest.mark.parametrize(
    ("keep", "other", "problem"),
    [
        ("c0", "c0", "with itself"),
        ("c0", "c1", "merged already"),
        ("c3", "c1", "merged into another one already"),
        ("c1", "c0", "circle"),
        ("c2", "c0", "circle"),
    ],
)
def test_merges_that_cannot_be(
    sqlite_database: Database, keep: str, other: str, problem: str
) -> None:
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer=each) for each in EVERYONE])
        merge(conn, "c0", "c1", known_at=at(2))
        merge(conn, "c1", "c2", known_at=at(3))
        with pytest.raises(InvalidInput, match=problem):
            merge(conn, keep, other, known_at=at(4))
        assert len(all_links(conn)) == 2


def test_nobody_is_merged_with_someone_unknown(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        append(conn, TWO)
        with pytest.raises(NotFound, match="the id to keep is not known"):
            merge(conn, "c7", "c0", known_at=at(4))
        with pytest.raises(NotFound, match="the id to merge is not known"):
            merge(conn, "c0", "c7", known_at=at(4))
        with pytest.raises(NotFound, match="not merged"):
            split(conn, "c0", "c1", now=at(4))


def test_corrections_find_their_event_within_its_own_id(database: Database) -> None:
    with database.write() as conn:
        append(
            conn,
            [
                event(1, event_id="a", customer="c0", value=10.0),
                event(1, event_id="a", customer="c1", value=1.0),
            ],
        )
        merge(conn, "c0", "c1", known_at=at(3))
        append(conn, [event(1, customer="c1", corrects="a", known=5, value=2.0)])
        append(conn, [event(1, customer="c0", retracts="a", known=6)])
        spent = {day: online(conn, "c0", day) for day in (2, 4, 5.5, 6.5)}
    assert [found and found["spent"] for found in spent.values()] == [10.0, 11.0, 12.0, 2.0]


def test_a_correction_before_the_merge_is_all_the_merged_person_ever_sees(
    sqlite_database: Database,
) -> None:
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer="c0"), event(1, event_id="a", customer="c1", value=1.0)])
        append(conn, [event(1, customer="c1", corrects="a", known=2, value=2.0)])
        merge(conn, "c0", "c1", known_at=at(3))
        found = read_customer(conn, permit("risk_scoring"), "c0")
    assert found.value[found.visible(micros(4))].tolist()[1:] == [2.0]
    assert len(found.value) == 2


def test_a_merged_event_names_the_id_it_was_recorded_under(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        append(conn, TWO)
        merge(conn, "c0", "c1", known_at=at(5))
        found = read_customer(conn, permit("risk_scoring"), "c0")
    assert [record.get("customer_id") for record in found.events(0)] == [None, "c1", "c1"]
    assert {record["known_at"][:10] for record in found.events(0)} == {"2024-01-02", "2024-01-06"}


def test_everyone_linked_now_is_one_person_whichever_way_they_were_merged(
    sqlite_database: Database,
) -> None:
    everyone = {f"c{i}" for i in range(4)}
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer=each) for each in (*everyone, "stranger")])
        for keep, other in (("c0", "c1"), ("c2", "c3"), ("c1", "c2")):
            merge(conn, keep, other, known_at=at(5))
        for few in (["c0"], ["c3"], ["c1", "stranger"], [f"n{i}" for i in range(600)]):
            found = other_ids(conn, few)
            assert found == {each: everyone - {each} for each in everyone}
        assert other_ids(conn, ["stranger"]) == {}
        split(conn, "c1", "c2", now=at(6))
        assert other_ids(conn, ["c0"])["c0"] == {"c1"}
        assert other_ids(conn, ["c3"])["c3"] == {"c2"}


def test_an_id_without_permission_contributes_nothing(database: Database) -> None:
    with database.write() as conn:
        append(conn, TWO)
        merge(conn, "c0", "c1", known_at=at(5))
        only_keep = permit("risk_scoring", ["c0"])
        assert len(read_customer(conn, only_keep, "c0").value) == 1
        assert len(read_customer(conn, permit("risk_scoring", ["c0", "c1"]), "c0").value) == 3


def test_each_event_is_used_only_for_what_its_own_id_permits(database: Database) -> None:
    surveys = [event(1.5, "survey", customer=each, value=4.0) for each in ("c0", "c1")]
    narrow = {
        "risk_scoring": permit("risk_scoring"),
        "wellbeing_inference": permit("wellbeing_inference", ["c0"]),
    }
    with database.write() as conn:
        append(conn, [*TWO, *surveys])
        merge(conn, "c0", "c1", known_at=at(5))
        histories = read_customer(conn, permit("risk_scoring"), "c0")
    wide_table = compute(histories, FEATURES, [micros(6)], permits=permits())
    narrow_table = compute(histories, FEATURES, [micros(4), micros(6)], permits=narrow)
    assert wide_table.values[0, [0, 4]].tolist() == [3.0, 2.0]
    assert narrow_table.values[:, [0, 4]].tolist() == [[1.0, 1.0], [3.0, 1.0]]


def test_nothing_is_computed_of_someone_whose_other_id_alone_permits_it(
    sqlite_database: Database,
) -> None:
    surveys = [event(1.5, "survey", customer=each, value=4.0) for each in ("c0", "c1")]
    other_only = {
        "risk_scoring": permit("risk_scoring"),
        "wellbeing_inference": permit("wellbeing_inference", ["c1"]),
    }
    with sqlite_database.write() as conn:
        append(conn, [*TWO, *surveys])
        merge(conn, "c0", "c1", known_at=at(5))
        histories = read_customer(conn, permit("risk_scoring"), "c0")
    table = compute(histories, FEATURES, [micros(6)], permits=other_only)
    assert table.values[0, 0] == 3.0
    assert np.isnan(table.values[0, 4])


def test_an_id_that_was_merged_has_no_label_of_its_own_afterwards(
    sqlite_database: Database, store: HistoryStore
) -> None:
    target = Target("churn", horizon_days=5)
    with sqlite_database.write() as conn:
        append(conn, [*TWO, event(6, customer="c1"), event(30, customer="c2")])
        merge(conn, "c0", "c1", known_at=at(5))
        found = read_all(conn, store, permit("risk_scoring"))
    now = label(found, target, micros(4), observed_until=micros(30))
    then = label(found, target, micros(4), observed_until=micros(30), known_until=micros(4.5))
    assert found.customers.tolist() == ["c0", "c1", "c2"]
    assert now.y[:2].tolist()[0] == 0.0
    assert np.isnan(now.y[1])
    assert then.y[:2].tolist() == [1.0, 1.0]


def test_erasing_the_other_id_takes_its_events_from_the_merged_person(
    database: Database, store: HistoryStore
) -> None:
    with database.write() as conn:
        append(conn, TWO)
        compact(conn, store, now=START)
        merge(conn, "c0", "c1", known_at=at(5))
        erase_customer(conn, store, "c1", now=at(6))
        assert orders(conn, "c0", 7) == 1.0
        assert all_links(conn) == []
        assert read_all(conn, store, permit("risk_scoring")).customers.tolist() == ["c0"]


# laws

DAYS = st.integers(1, 12)
WHO = st.sampled_from(EVERYONE[:5])
THINGS = st.lists(
    st.tuples(
        WHO, DAYS, st.sampled_from(["order", "survey"]), st.integers(0, 3), st.integers(0, 9)
    ),
    min_size=5,
    max_size=30,
)
CHANGES = st.lists(
    st.tuples(st.booleans(), WHO, WHO, st.integers(1, 12)), max_size=6, unique_by=lambda c: c[3]
)
CUTS = tuple(micros(day) for day in (2.5, 5, 7.25, 9, 14))


def events_of(things: Sequence[tuple[str, int, str, int, int]]) -> list[Event]:
    every = [event(0, customer=each) for each in EVERYONE[:5]]
    made = [
        event(day, kind, customer=who, known=day + late, value=float(value), event_id=f"e{k}")
        for k, (who, day, kind, late, value) in enumerate(things)
    ]
    corrected = [
        event(day, kind, customer=who, known=day + late + 1, value=0.5, corrects=f"e{k}")
        for k, (who, day, kind, late, value) in enumerate(things)
        if value == 9
    ]
    return [*every, *made, *corrected]


def in_memory() -> Connection:
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    return engine.connect()


def change(conn: Connection, changes: Sequence[tuple[bool, str, str, int]]) -> list[int]:
    """Merge or split in the order of the days; what cannot be is left. Gives days of changes."""
    done = []
    for merging, keep, other, day in sorted(changes, key=lambda each: each[3]):
        try:
            if merging:
                merge(conn, keep, other, known_at=at(day))
            else:
                split(conn, keep, other, now=at(day))
        except (InvalidInput, NotFound):
            continue
        done.append(day)
    return done


def table(histories: Histories, as_ofs: Sequence[int]) -> FeatureTable:
    return compute(histories, FEATURES, as_ofs, permits=permits())


def rows(found: FeatureTable) -> dict[tuple[str, int], bytes]:
    keys = zip(found.customers.tolist(), found.as_of.tolist(), strict=True)
    return {key: found.values[k].tobytes() for k, key in enumerate(keys)}


@given(THINGS, CHANGES, DAYS)
def test_a_merge_never_changes_anything_as_of_before_it_was_known(
    things: list[tuple[str, int, str, int, int]],
    changes: list[tuple[bool, str, str, int]],
    day: int,
) -> None:
    earlier = [each for each in changes if each[3] < day]
    later = [each for each in changes if each[3] >= day]
    store = HistoryStore(Path("nowhere"))
    cuts = [micros(d) for d in (day / 2, day)]
    with in_memory() as conn:
        append(conn, events_of(things))
        change(conn, earlier)
        before = read_all(conn, store, permit("risk_scoring"))
        change(conn, later)
        after = read_all(conn, store, permit("risk_scoring"))
    assert rows(table(before, cuts)) == rows(table(after, cuts))
    for k, customer in enumerate(before.customers.tolist()):
        again = after.customers.tolist().index(customer)
        for cut in cuts:
            assert before.digest(k, cut) == after.digest(again, cut)


@given(THINGS, st.integers(2, 6), st.integers(7, 12))
def test_merge_then_split_restores_the_features_of_both_from_then_on(
    things: list[tuple[str, int, str, int, int]], merged: int, undone: int
) -> None:
    store = HistoryStore(Path("nowhere"))
    cuts = [micros(day) for day in (undone + 0.5, 14, 20)]
    with in_memory() as conn:
        append(conn, events_of(things))
        before = read_all(conn, store, permit("risk_scoring"))
        merge(conn, "c0", "c1", known_at=at(merged))
        split(conn, "c0", "c1", now=at(undone))
        after = read_all(conn, store, permit("risk_scoring"))
    assert rows(table(before, cuts)) == rows(table(after, cuts))


@given(THINGS, CHANGES, st.sets(WHO), st.integers(1, 20))
def test_batch_ranges_and_workers_equal_one_customer_online(
    things: list[tuple[str, int, str, int, int]],
    changes: list[tuple[bool, str, str, int]],
    some: set[str],
    events_per_range: int,
) -> None:
    covered = permit("risk_scoring", sorted({"c0", *some}))
    feeling = permit("wellbeing_inference", sorted({"c1", *some}))
    given_permits = {"risk_scoring": covered, "wellbeing_inference": feeling}
    store = HistoryStore(Path("nowhere"))

    def computed(histories: Histories) -> dict[tuple[str, int], bytes]:
        return rows(compute(histories, FEATURES, CUTS, permits=given_permits))

    with in_memory() as conn:
        append(conn, events_of(things))
        change(conn, changes)
        alone: dict[tuple[str, int], bytes] = {}
        digests: dict[tuple[str, int], str] = {}
        for each in sorted(covered.customers):
            found = read_customer(conn, covered, each)
            alone |= computed(found)
            digests |= {(each, cut): found.digest(0, cut) for cut in CUTS}
        whole = read_all(conn, store, covered)
        parts: dict[tuple[str, int], bytes] = {}
        for part in read_ranges(conn, store, covered, events_per_range=events_per_range):
            parts |= computed(part)
        plan = pickle.loads(
            pickle.dumps(plan_ranges(conn, store, events_per_range=events_per_range))
        )
    people = sorted(covered.customers)
    allowed = allowed_among(people, plan_of(FEATURES), given_permits)
    workers: dict[tuple[str, int], bytes] = {}
    for task in tasks_of(plan, people, allowed):
        workers |= computed(read_range(store, task.range_, frozenset(task.customers)))
    assert computed(whole) == parts == workers == alone
    place = {customer: k for k, customer in enumerate(whole.customers.tolist())}
    assert {(c, cut): whole.digest(place[c], cut) for c, cut in digests} == digests


def test_ids_in_different_files_and_ranges_are_put_together(
    sqlite_database: Database, store: HistoryStore
) -> None:
    with sqlite_database.write() as conn:
        append(conn, [event(1, customer=each, value=k) for k, each in enumerate(EVERYONE)])
        compact(conn, store, now=START)
        append(conn, [event(2, customer="c7", value=70.0), event(2, customer="c1", value=0.5)])
        merge(conn, "c0", "c7", known_at=at(3))
        parts = list(read_ranges(conn, store, permit("risk_scoring"), events_per_range=1))
        whole = read_all(conn, store, permit("risk_scoring"), digests=False)
    assert len(parts) > 1
    assert [each for part in parts for each in part.customers.tolist()] == list(EVERYONE)
    assert parts[0].value[parts[0].events_of(0)].tolist() == [0.0, 7.0, 70.0]
    assert whole.value[whole.events_of(0)].tolist() == [0.0, 7.0, 70.0]
    assert whole.is_away(micros(4)).tolist() == [*[False] * 7, True]


def test_a_training_set_built_before_a_merge_is_the_same_after_it(
    sqlite_database: Database, store: HistoryStore
) -> None:
    target = Target("churn", horizon_days=3)
    training: dict[str, Permit] = {"model_training": permit("model_training")}

    def digest(conn: Connection) -> str:
        return build_dataset(
            read_all(conn, store, permit("model_training")),
            target,
            [micros(3), micros(6)],
            (COUNT, SPENT, SINCE),
            permits=training,
            observed_until=micros(12),
            known_until=micros(12),
        ).manifest_digest

    with sqlite_database.write() as conn:
        append(conn, [event(k % 11, customer=EVERYONE[k % 8], value=k) for k in range(60)])
        before = digest(conn)
        merge(conn, "c0", "c1", known_at=at(12.5))
        merge(conn, "c3", "c0", known_at=at(13))
        assert digest(conn) == before


def test_the_clock_of_a_link_is_an_instant(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        append(conn, TWO)
        with pytest.raises(InvalidInput, match="without a time zone"):
            merge(conn, "c0", "c1", known_at=datetime(2024, 1, 5, tzinfo=UTC).replace(tzinfo=None))
