"""What permission and the log cost: `python benchmarks/permission_and_ledger.py`."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance import decision
from governance.consent import ConsentRegistry
from governance.consent_record import ConsentChange
from governance.decision import Decision, new_decision_id
from governance.ledger import Ledger, verify
from governance.pseudonym import Suppression
from governance.purposes import PurposeRules
from governance.tables import metadata
from serving.database import Database, create_tables, sqlite_url

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = [f"customer {i}" for i in range(20_000)]


def measure(what: str, times: int, act: Callable[[int], object]) -> None:
    act(0)
    start = time.perf_counter()
    for number in range(1, times + 1):
        act(number)
    print(f"{what:40} {1e6 * (time.perf_counter() - start) / times:12,.1f} µs")


def yes(customer_id: str) -> ConsentChange:
    return ConsentChange(
        customer_id=customer_id,
        purpose="risk_scoring",
        state="given",
        occurred_at=NOW,
        mechanism="button",
        evidence="form",
    )


def scored(number: int) -> Decision:
    reason = {"feature": "days_since_last_order", "value": 61, "contribution": 0.42}
    return Decision(
        decision_id=new_decision_id(),
        kind="score",
        person_id=f"person {number}",
        purpose="risk_scoring",
        outcome="scored",
        as_of=NOW,
        model_digest="d" * 64,
        result={"probability": 0.31, "low": 0.2, "high": 0.4, "reasons": [reason] * 3},
    )


def run(database: Database) -> None:
    create_tables(database, metadata)
    registry = ConsentRegistry(
        PurposeRules(), home_kind="production", suppression=Suppression(b"k" * 32)
    )
    ledger = Ledger(Ed25519PrivateKey.generate())
    with database.write() as conn:
        start = time.perf_counter()
        registry.record_many(conn, [yes(who) for who in PEOPLE], now=NOW)
        print(f"{'record one of 20,000 words':40} {50 * (time.perf_counter() - start):12,.1f} µs")
        measure("permit", 1000, lambda i: registry.permit(conn, PEOPLE[i], "risk_scoring", now=NOW))
        measure(
            "permit_many, 20,000 people",
            3,
            lambda _: registry.permit_many(conn, "risk_scoring", PEOPLE, now=NOW),
        )
        measure(
            "ledger append",
            1000,
            lambda i: ledger.append(conn, "x", {"commitment": "a" * 64}, now=NOW),
        )
        measure("decision with its entry", 500, lambda i: decision.record(
            conn, ledger, [scored(i)], now=NOW))  # fmt: skip
        batch = [[scored(i) for i in range(10_000)] for _ in range(2)]
        measure("10,000 decisions in one entry", 1, lambda i: decision.record(
            conn, ledger, batch[i], now=NOW))  # fmt: skip
        start = time.perf_counter()
        entries = verify(conn, ledger.public_key).entries
        each = 1e6 * (time.perf_counter() - start) / entries
        print(f"{'verify one entry':40} {each:12,.1f} µs")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Database(sqlite_url(Path(folder) / "bench.db")))
