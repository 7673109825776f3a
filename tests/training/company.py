"""A made-up company in an evaluation or production home, imported from its own plain files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from features.importing.mapping import parse_mapping
from features.importing.run import import_source
from features.store import HistoryStore
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.log.ledger import Ledger
from governance.model.gate import GatePolicy
from governance.pseudonym import Pseudonymiser, Suppression
from serving.database import Database
from training.request import Workshop
from training.tracking import Tracking

NOW = datetime(2026, 1, 15, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
_KEY = b"a key for tests, 32 bytes long.."

ORDERS = """
[source]
path = "orders.csv"
timezone = "UTC"
[customer]
id = "customer"
[[event]]
kind = "order"
occurred_at = "bought_at"
value = "amount"
"""
SNAPSHOT = """
[source]
path = "people.csv"
timezone = "UTC"
[customer]
id = "customer"
protected = { region = "region" }
[snapshot]
as_of = "2025-12-31"
labels = { churn = "left_us = 1" }
"""


@dataclass(frozen=True)
class Company:
    """A workshop and the database it works on."""

    workshop: Workshop
    database: Database
    registry: ConsentRegistry


def found(database: Database, place: Path, mlruns: Path, *, home_kind: str) -> Company:
    """Open an empty company whose database is `database`."""
    registry = ConsentRegistry(PurposeRules(), home_kind=home_kind, suppression=Suppression(_KEY))
    workshop = Workshop(
        database=database,
        registry=registry,
        ledger=Ledger(Ed25519PrivateKey.generate()),
        store=HistoryStore(place / "history"),
        tracking=Tracking(mlruns),
        bundles=place / "bundles",
        reports=place / "reports",
        policy=GatePolicy(),
    )
    return Company(workshop, database, registry)


def bring_in(company: Company, mapping: str, path: Path) -> None:
    """Import a file; an evaluation home keeps pseudonyms only."""
    names = Pseudonymiser(_KEY)

    def rename(customers: Sequence[str]) -> Sequence[str]:
        return [names.of(customer) for customer in customers]

    import_source(
        parse_mapping(mapping, name=path.name, folder=path.parent),
        path,
        database=company.database,
        store=company.workshop.store,
        now=NOW,
        rename=rename if company.registry.home_kind == "evaluation" else None,
    )


def write_orders(path: Path, customers: int = 300, *, days: int = 360, seed: int = 0) -> Path:
    """Orders of customers with their own rhythm, some of whom stop for good."""
    rng = np.random.default_rng(seed)
    lines = ["customer,bought_at,amount"]
    for k in range(customers):
        day, gap = rng.uniform(0, 120), rng.uniform(8, 40)
        end = rng.exponential(250) + day
        while day < min(days, end):
            at = START + timedelta(days=float(day))
            lines.append(f"c{k},{at:%Y-%m-%d %H:%M:%S},{rng.uniform(5, 80):.2f}")
            day += rng.exponential(gap)
    last = START + timedelta(days=days)
    lines.append(f"c0,{last:%Y-%m-%d %H:%M:%S},10.00")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_people(
    path: Path, customers: int = 800, *, leak: bool = False, biased: bool = False, seed: int = 0
) -> Path:
    """One row per person: months with us, fee, plan, region, and whether they left.

    `leak` adds a column that is written when people leave; `biased` makes one region's months
    under-recorded, so that a model takes its people for newcomers.
    """
    rng = np.random.default_rng(seed)
    months = rng.exponential(24, customers)
    fee = rng.uniform(20, 100, customers)
    yearly = rng.random(customers) < 0.4
    north = rng.random(customers) < 0.5
    risk = 1 / (1 + np.exp(months / 8 - fee / 40 + 1.5 * yearly))
    left = rng.random(customers) < risk
    shown = np.where(north & biased, months * 0.05, months)
    lines = ["customer,months,fee,plan,region,left_us" + (",exit_call" if leak else "")]
    for k in range(customers):
        row = (
            f"p{k},{shown[k]:.1f},{fee[k]:.2f},{'yearly' if yearly[k] else 'monthly'},"
            f"{'north' if north[k] else 'south'},{int(left[k])}"
        )
        lines.append(row + (f",{int(left[k])}" if leak else ""))
    path.write_text("\n".join(lines) + "\n")
    return path
