"""Small histories and real permits for the tests of this floor."""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from features.events import Event
from features.history import Histories, from_events
from governance import tables as governance_tables
from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry
from governance.instants import to_micros
from governance.proof import AggregatePermit, Permit
from governance.pseudonym import Pseudonymiser, Suppression
from serving.database import Database, create_tables, sqlite_url

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
KEY = b"a key for tests, 32 bytes long.."
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
    registry = ConsentRegistry(
        PurposeRules(),
        home_kind="production",
        suppression=Suppression(KEY),
    )
    return registry, database


@cache
def _permit(purpose: str, customers: frozenset[str]) -> Permit:
    registry, database = _registry()
    with database.write() as conn:
        for customer_id in sorted(customers):
            change = ConsentChange(
                customer_id=customer_id,
                purpose=purpose,
                state="given",
                occurred_at=START,
                mechanism="checkbox_ticked",
                evidence="form 17",
                explicit=True,
            )
            registry.record(conn, change, now=START)
        permit, refused = registry.permit_many(conn, purpose, customers, now=START)
    assert not refused, refused
    return permit


def permit(purpose: str, customers: Collection[str] = EVERYONE) -> Permit:
    """Have these customers consent, and ask the registry for a permit over them."""
    return _permit(purpose, frozenset(customers))


def permits(customers: Collection[str] = EVERYONE) -> Mapping[str, Permit]:
    return {
        "risk_scoring": permit("risk_scoring", customers),
        "wellbeing_inference": permit("wellbeing_inference", customers),
    }


def pseudonyms(customers: Sequence[str]) -> list[str]:
    """Give what an evaluation home keeps instead of customer ids."""
    pseudonymiser = Pseudonymiser(KEY)
    return [pseudonymiser.of(customer_id) for customer_id in customers]


def evaluation_permit(purpose: str, customers: Collection[str]) -> Permit:
    """Ask an evaluation home's registry for a permit over pseudonymous customers."""
    registry = ConsentRegistry(PurposeRules(), home_kind="evaluation", suppression=Suppression(KEY))
    with _registry()[1].write() as conn:
        found, refused = registry.permit_many(conn, purpose, customers, now=START)
    assert not refused
    return found


def aggregate_permit() -> AggregatePermit:
    """Ask the registry for a permit to compute figures over at least 5 people."""
    registry, database = _registry()
    with database.read() as conn:
        return registry.aggregate_permit(conn, "aggregate", now=START)
