"""A feature that knows what it cannot know stops training, by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import features.dataset
from features.catalogue import catalogue
from features.dataset import Dataset, build_dataset
from features.definitions import FeatureDefinition
from features.events import Event
from features.history import Histories, from_events
from features.kernel import FeatureTable, compute
from features.own_functions import load_functions, pin
from features.targets.target import Target
from governance.errors import InvalidInput
from governance.instants import DAY_US
from tests.features.sample import event, micros, permit
from tests.training.examples import outcome, rows
from tests.training.made_rows import made
from training.leak import Probe, changed_without_future, probe_of, stop_on_leak, suspects

NAMES = ["a", "b", "c", "d", "e", "f"]
DEFINITIONS = [FeatureDefinition(name, ("order",), "count") for name in NAMES]


def where(table: np.ndarray, y: np.ndarray) -> list[tuple[str, str]]:
    return [(found.feature, found.where) for found in suspects(table, y, NAMES)]


def test_honest_features_pass() -> None:
    table = rows(2000)
    people = [f"c{k}" for k in range(2000)]
    stop_on_leak(made(people, [1] * 2000, values=table, y=outcome(table), definitions=DEFINITIONS))


def test_a_planted_leak_is_named() -> None:
    table = rows(2000)
    y = outcome(table)
    table[:, 4] = -y + np.random.default_rng(0).normal(size=2000) * 0.1
    people = [f"c{k}" for k in range(2000)]
    planted = made(people, [1] * 2000, values=table, y=y, definitions=DEFINITIONS)
    with pytest.raises(InvalidInput, match=r"read off e \(AUC 1\.000 by its value\)"):
        stop_on_leak(planted)


def test_a_feature_that_is_there_only_for_those_who_left_is_found() -> None:
    table = rows(2000)
    y = outcome(table)
    table[:, 5] = np.where(y > 0, 7.0, np.nan)
    assert where(table, y) == [("f", "presence")]


def test_a_code_whose_values_hold_one_outcome_each_is_found() -> None:
    """Codes 0 to 9, the odd ones for those who left: no order of them separates anything."""
    table = rows(2000)
    y = outcome(table)
    table[:, 4] = 2 * np.random.default_rng(0).integers(0, 5, 2000) + y
    assert where(table, y) == [("e", "groups")]


def test_a_range_that_holds_those_who_left_is_found() -> None:
    table = rows(2000)
    y = outcome(table)
    drawn = np.random.default_rng(0).normal(size=2000)
    table[:, 4] = np.where(y > 0, np.clip(drawn, -1, 1), drawn + 1.2 * np.sign(drawn))
    assert where(table, y) == [("e", "groups")]


def test_an_id_and_noise_of_many_values_are_not_accused() -> None:
    """Each customer stands there several times, with one outcome and a number of their own."""
    table = rows(4000)
    people = np.repeat(np.arange(400), 10)
    y = outcome(rows(400))[people]
    table[:, 4], table[:, 5] = people, np.random.default_rng(0).integers(0, 3000, 4000)
    assert suspects(table, y, NAMES, groups=people) == ()


def test_a_handful_of_rows_is_not_judged() -> None:
    table = rows(20)
    y = outcome(table)
    table[:, 0] = y
    assert suspects(table, y, NAMES) == ()


CHURN = Target("churn", horizon_days=30)
PEOPLE = [f"c{k}" for k in range(8)]
MAY = {"model_training": permit("model_training")}


def orders() -> Histories:
    """Eight customers with rhythms of their own; one order is corrected, one known late."""
    found: list[Event] = [
        event(day, customer=who, value=10.0 + k, event_id=f"{who} {day}")
        for k, who in enumerate(PEOPLE)
        for day in range(k, 180, 7 + 3 * k)
    ]
    found += [
        event(95, customer="c1", value=99.0, event_id="fix", known=140, corrects="c1 91"),
        event(50, customer="c2", value=5.0, event_id="late", known=130),
    ]
    return from_events(found)


def built(histories: Histories, more: tuple[FeatureDefinition, ...], folder: Path) -> Any:
    definitions = (*catalogue(histories), *more)
    functions = load_functions(definitions, folder)
    dataset = build_dataset(
        histories,
        CHURN,
        [micros(60), micros(100), micros(140)],
        definitions,
        permits=MAY,
        observed_until=micros(180),
        functions=functions,
    )
    return dataset, probe_of(histories, dataset, permits=MAY, functions=functions, seed=0)


def test_without_the_future_every_honest_feature_is_the_same(tmp_path: Path) -> None:
    dataset, probe = built(orders(), (), tmp_path)
    assert len(dataset) > 15
    assert changed_without_future(dataset, probe) == ()


PEEKS = """
seen = {}

def newest(customer):
    first = customer.events[0].occurred_at
    now = seen.get(first, first)
    seen[first] = max(now, customer.events[-1].occurred_at)
    return (seen[first] - first).days

def honest(customer):
    return len(customer.events)
"""


def test_an_own_function_that_remembers_later_events_is_named(tmp_path: Path) -> None:
    """It is handed only what was known, and keeps it from one instant to another."""
    (tmp_path / "own.py").write_text(PEEKS)
    own = (
        FeatureDefinition("peeks", ("order",), "function", function="own.py:newest"),
        FeatureDefinition("honest", ("order",), "function", function="own.py:honest"),
    )
    dataset, probe = built(orders(), pin(own, tmp_path), tmp_path)
    with pytest.raises(InvalidInput, match=r"^peeks changed when what came after as_of"):
        stop_on_leak(dataset, probe)


def test_a_carrier_that_looks_ahead_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted mistake: rows of as_of are computed ten days later."""

    def ahead(histories: Histories, definitions: Any, as_ofs: Any, **own: Any) -> FeatureTable:
        later = compute(histories, definitions, [at + 10 * DAY_US for at in as_ofs], **own)
        now = later.as_of - 10 * DAY_US
        return FeatureTable(later.names, later.customers, later.customer_index, now, later.values)

    monkeypatch.setattr(features.dataset, "compute", ahead)
    dataset, probe = built(orders(), (), tmp_path)
    assert "days_since_last_order" in changed_without_future(dataset, probe)


def test_at_most_five_hundred_customers_are_looked_at_again() -> None:
    many = from_events([event(1, customer=f"c{k}") for k in range(700)])
    named = made([f"c{k}" for k in range(700)], [2] * 700)
    probe = probe_of(many, named, permits=MAY, functions={}, seed=0)
    assert isinstance(probe, Probe)
    assert len(probe.histories) == 500
    assert len(probe.histories.occurred_at) == 500


def test_rows_of_other_customers_are_left_alone() -> None:
    histories = orders()
    some: Dataset = made(["stranger"], [100], definitions=[DEFINITIONS[0]], values=np.ones((1, 1)))
    assert changed_without_future(some, Probe(histories, MAY, {})) == ()
