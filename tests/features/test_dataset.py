"""Labels and datasets: who is asked about, what the answer is, and who was left out and why."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import catalogue
from features.dataset import Dataset, Dropped, build_dataset
from features.events import Event
from features.history import customer_ids, from_events, observed_until, read_all
from features.importing.mapping import load_mapping
from features.importing.run import import_source
from features.labels import Target, label
from features.store import HistoryStore
from governance.errors import ConfigurationError, InvalidInput, PermissionRefused
from governance.instants import to_micros
from serving.database import Database
from tests.features.sample import (
    evaluation_permit,
    event,
    histories,
    micros,
    permit,
    pseudonyms,
)
from tests.features.test_importing import EXAMPLES

CHURN = Target("churn", horizon_days=30, active_window_days=60)


def dataset(events: tuple[Event, ...], *days: float, until: float = 200, **own: object) -> Dataset:
    found = histories(*events)
    return build_dataset(
        found,
        CHURN,
        [micros(day) for day in days],
        catalogue(found),
        permits={"model_training": permit("model_training")},
        observed_until=micros(until),
        **own,  # type: ignore[arg-type]
    )


def answer(*days: float, as_of: float, until: float = 200) -> tuple[float, bool]:
    found = label(
        histories(*(event(day) for day in days)),
        CHURN,
        micros(as_of),
        observed_until=micros(until),
    )
    return float(found.y[0]), bool(found.eligible[0])


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((99,), (1.0, True)),
        ((99, 130), (0.0, True)),  # the horizon includes its end
        ((99, 130.1), (1.0, True)),
        ((100,), (1.0, True)),  # at as_of itself: active, and not in the horizon
        ((40,), (1.0, False)),  # the window excludes its begin
        ((40.1,), (1.0, True)),
        ((120,), (0.0, False)),
    ],
)
def test_inactivity_by_its_half_open_windows(
    days: tuple[float, ...], expected: tuple[float, bool]
) -> None:
    assert answer(*days, as_of=100) == expected


def test_a_horizon_that_is_not_over_has_no_answer() -> None:
    assert np.isnan(answer(99, as_of=100, until=129.9)[0])
    assert answer(99, as_of=100, until=130)[0] == 1.0


def test_labels_use_what_is_known_by_now_or_by_a_stated_moment() -> None:
    found = histories(event(99), event(110, known=180))
    until = micros(150)
    assert label(found, CHURN, micros(100), observed_until=until).y[0] == 0.0
    then = label(found, CHURN, micros(100), observed_until=until, known_until=micros(170))
    assert then.y[0] == 1.0


def test_who_is_asked_about_depends_on_what_was_known_then() -> None:
    found = histories(event(99, known=120), event(1, customer="c1"))
    assert not label(found, CHURN, micros(100), observed_until=micros(150)).eligible[0]


def test_a_retracted_order_is_no_order() -> None:
    found = histories(event(99), event(110, event_id="a"), event(110, known=120, retracts="a"))
    assert label(found, CHURN, micros(100), observed_until=micros(150)).y[0] == 1.0


def test_targets_say_everything_that_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"kind .*horizon_days == 0.*never a label"):
        Target("x", kind="maybe", horizon_days=0, event_kind="intervention_sent")


def test_every_row_left_out_is_counted_once_with_its_reason() -> None:
    events = (
        event(99),
        event(120, customer="c1"),
        event(10, customer="c2"),
        event(99, customer="c3"),
        event(105, "intervention_sent", customer="c3", event_id="i"),
        event(99, customer="stranger"),
    )
    found = dataset(events, 100, 175)
    assert [(d.step, d.rows, d.customers) for d in found.dropped] == [
        ("permission", 2, 1),
        ("history", 1, 1),
        ("eligibility", 4, 3),
        ("label", 1, 1),
        ("contamination", 1, 1),
    ]
    assert sum(d.rows for d in found.dropped) + len(found) == 5 * 2
    assert found.customers.tolist() == ["c0"]


def test_a_later_arrival_never_changes_an_earlier_dataset() -> None:
    before = (event(50), event(99), event(95, customer="c1"), event(110, customer="c1"))
    late = (event(98, known=151), event(120, known=151), event(99, customer="c4", known=151))
    old = dataset(before, 60, 100, until=150)
    new = dataset((*before, *late), 60, 100, until=150, known_until=micros(150))
    assert old.manifest_digest == new.manifest_digest


def test_the_manifest_changes_with_what_is_learned() -> None:
    first = dataset((event(99, value=1.0),), 100)
    assert first.manifest_digest != dataset((event(99, value=2.0),), 100).manifest_digest
    assert first.manifest_digest == dataset((event(99, value=1.0),), 100).manifest_digest
    assert first.take(np.array([True])).manifest_digest == first.manifest_digest


def test_rows_are_sorted_and_framed_under_their_names() -> None:
    found = dataset((event(50), event(99), event(99, customer="c1")), 100, 60)
    rows = list(zip(found.customers.tolist(), found.as_of.tolist(), strict=True))
    assert rows == [("c0", micros(60)), ("c0", micros(100)), ("c1", micros(100))]
    assert found.frame()["order_count_all"].tolist() == [1.0, 2.0, 1.0]


def test_sentiment_is_missing_in_training_without_its_own_permission() -> None:
    events = (event(99), event(98, "chat_message", text="awful"))
    alone = dataset(events, 100).frame()["chat_message_sentiment_last_all"]
    assert alone.isna().all()


def test_without_training_permission_there_is_no_dataset() -> None:
    found = histories(event(99))
    with pytest.raises(InvalidInput, match="model_training"):
        build_dataset(found, CHURN, [micros(100)], (), permits={}, observed_until=micros(200))
    with pytest.raises(PermissionRefused):
        build_dataset(
            found,
            CHURN,
            [micros(100)],
            (),
            permits={"model_training": permit("risk_scoring")},
            observed_until=micros(200),
        )


def test_given_labels_are_asked_of_those_who_have_one() -> None:
    found = from_events(
        [event(1, "profile", customer=c, properties={"age": k}) for k, c in enumerate(("c0", "c1"))]
    )
    built = build_dataset(
        found,
        Target("left", kind="given"),
        [micros(2)],
        catalogue(found),
        permits={"model_training": permit("model_training")},
        observed_until=micros(2),
        given={"c1": 1.0},
    )
    assert (built.customers.tolist(), built.y.tolist()) == (["c1"], [1.0])
    assert Dropped("eligibility", "not one who has a given label", 1, 1) in built.dropped


def reference(
    database: Database, folder: Path, name: str, path: Path, target: Target, as_of: datetime
) -> Dataset:
    store = HistoryStore(folder / "history")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    mapping = load_mapping(EXAMPLES / f"{name}.toml")
    import_source(mapping, path, database=database, store=store, now=now, rename=pseudonyms)
    with database.read() as conn:
        training = evaluation_permit("model_training", customer_ids(conn))
        found = read_all(conn, store, training)
        ended = observed_until(conn)
    assert ended is not None
    return build_dataset(
        found,
        target,
        [to_micros(as_of)],
        catalogue(found),
        permits={"model_training": training},
        observed_until=to_micros(ended),
    )


def test_the_reference_protocol_of_online_retail(
    sqlite_database: Database, tmp_path: Path, data_dir: Callable[[str], Path]
) -> None:
    path = data_dir("online_retail") / "online_retail.parquet"
    as_of = datetime(2011, 9, 10, tzinfo=UTC)
    found = reference(sqlite_database, tmp_path, "online_retail", path, Target("churn"), as_of)
    assert len(found) == 3_370
    assert found.y.mean() == pytest.approx(0.430, abs=0.001)


def test_the_reference_protocol_of_cdnow(
    sqlite_database: Database, tmp_path: Path, data_dir: Callable[[str], Path]
) -> None:
    path = data_dir("cdnow") / "CDNOW_master.txt"
    target = Target("churn", active_window_days=730)
    as_of = datetime(1998, 4, 1, tzinfo=UTC)
    found = reference(sqlite_database, tmp_path, "cdnow", path, target, as_of)
    assert len(found) == 23_570
    assert found.y.mean() == pytest.approx(0.860, abs=0.001)
