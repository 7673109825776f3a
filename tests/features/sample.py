"""Small histories and real permits for the tests of this floor."""

import tempfile
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from features.events import Event
from features.history import Histories, from_events
from governance import tables as governance_tables
from governance.consent import ConsentRegistry
from governance.instants import to_micros
from governance.proof import Permit
from governance.pseudonym import Suppression
from governance.purposes import PurposeRules
from serving.database import Database, create_tables, sqlite_url

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
EVERYONE = tuple(f"c{k}" for k in range(8))


def at(days: float) -> datetime:
    """Give the instant this many days after the start of 2024."""
    return START + days * DAY


def micros(days: float) -> int:
    return to_micros(at(days))


def event(
    day: float,
    kind: str = "order",
    *,
    customer: str = "c0",
    known: float | None = None,
    **fields: Any,
) -> Event:
    """Make an event on a day, known at once unless `known` names a later day."""
    return Event(
        customer_id=customer,
        kind=kind,
        occurred_at=at(day),
        known_at=at(day if known is None else known),
        **fields,
    )


def histories(*events: Event) -> Histories:
    return from_events(events)


@cache
def _registry() -> tuple[ConsentRegistry, Database]:
    folder = Path(tempfile.mkdtemp(prefix="keepwell-tests-"))
    database = Database(sqlite_url(folder / "consent.db"))
    create_tables(database, governance_tables.metadata)
    suppression = Suppression(b"a key for tests, 32 bytes long..")
    return ConsentRegistry(PurposeRules(), home_kind="evaluation", suppression=suppression), database


@cache
def _permit(purpose: str, customers: frozenset[str]) -> Permit:
    registry, database = _registry()
    with database.write() as conn:
        permit, refused = registry.permit_many(conn, purpose, customers, now=START)
    assert not refused, refused
    return permit


def permit(purpose: str, customers: Collection[str] = EVERYONE) -> Permit:
    """Ask an evaluation home's own registry for a permit over these customers."""
    return _permit(purpose, frozenset(customers))


def permits(customers: Collection[str] = EVERYONE) -> Mapping[str, Permit]:
    return {
        "risk_scoring": permit("risk_scoring", customers),
        "wellbeing_inference": permit("wellbeing_inference", customers),
    }
