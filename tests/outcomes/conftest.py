"""Small companies whose figures can be worked out by hand."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.events import Event, keepwell_event
from features.history import Histories, read_all
from features.live import append
from features.store import HistoryStore
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.proof import AggregatePermit
from serving.database import Database

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def on(day: float) -> datetime:
    return NEW_YEAR + timedelta(days=day)


def event(customer: str, kind: str, day: float, value: float | None = None, **more: Any) -> Event:
    return Event(customer, kind, on(day), on(day), value=value, **more)


def answer(customer: str, instrument: str, day: float, score: float, **more: Any) -> Event:
    return event(customer, "survey", day, score, properties={"instrument": instrument, **more})


def assigned(customer: str, arm: str, day: float, playbook: str = "note") -> Event:
    return keepwell_event(
        "intervention_assigned",
        customer,
        event_id=f"{customer}-{playbook}",
        occurred_at=on(day),
        known_at=on(day),
        properties={"playbook": playbook, "arm": arm},
    )


@pytest.fixture
def permit(sqlite_database: Database) -> AggregatePermit:
    """Give a permit for figures over at least 5 people."""
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with sqlite_database.read() as conn:
        return registry.aggregate_permit(conn, "aggregate", now=NOW)


@pytest.fixture
def histories(
    sqlite_database: Database, tmp_path: Path, permit: AggregatePermit
) -> Callable[[Sequence[Event]], Histories]:
    """Turn events into the histories that the whole product reads."""

    def build(events: Sequence[Event]) -> Histories:
        with sqlite_database.write() as conn:
            append(conn, events)
        with sqlite_database.read() as conn:
            return read_all(conn, HistoryStore(tmp_path), permit)

    return build
