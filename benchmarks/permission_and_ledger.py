"""What permission and the log cost: `python benchmarks/permission_and_ledger.py`."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text

from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry
from governance.log import decision
from governance.log.decision import Decision, new_decision_id
from governance.log.ledger import Ledger, verify
from governance.pseudonym import Suppression
from governance.tables import metadata
from serving.database import Database, create_tables, sqlite_url

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = [f"customer {i}" for i in range(20_000)]
PLAIN = Table("plain", MetaData(), Column("id", Integer, primary_key=True), Column("body", Text))
"""The yardstick: one row of 300 characters put into a table, and nothing else."""


class Figures:
    """Prints each figure beside the yardstick of the same run."""

    def __init__(self) -> None:
        self.plain_us = 0.0
        print(f"{'':34}{'µs each':>12}{'per second':>14}{'plain inserts':>16}")

    def tell(self, what: str, seconds: float, times: int) -> float:
        """Print one line; gives the microseconds each took."""
        each = 1e6 * seconds / times
        beside = f"{each / self.plain_us:15.1f} ×" if self.plain_us else f"{'':>17}"
        print(f"{what:34}{each:12,.1f}{1e6 / each:14,.0f}{beside}")
        return each

    def measure(self, what: str, times: int, act: Callable[[int], object], *, of: int = 1) -> float:
        """Do it `times` times, each for `of` people or entries; once before, unmeasured."""
        act(0)
        start = time.perf_counter()
        for number in range(1, times + 1):
            act(number)
        return self.tell(what, time.perf_counter() - start, times * of)


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
    create_tables(database, metadata, PLAIN.metadata)
    registry = ConsentRegistry(
        PurposeRules(), home_kind="production", suppression=Suppression(b"k" * 32)
    )
    ledger, figures = Ledger(Ed25519PrivateKey.generate()), Figures()

    def committed(act: Callable[[Connection], object]) -> Callable[[int], object]:
        def alone(_: int) -> None:
            with database.write() as conn:
                act(conn)

        return alone

    def insert(conn: Connection) -> None:
        conn.execute(PLAIN.insert(), {"body": "x" * 300})

    def append(conn: Connection) -> None:
        ledger.append(conn, "x", {"commitment": "a" * 64}, now=NOW)

    with database.write() as conn:
        figures.plain_us = figures.measure("plain insert", 2_000, lambda _: insert(conn))
        start = time.perf_counter()
        registry.record_many(conn, [yes(who) for who in PEOPLE], now=NOW)
        figures.tell("record words, 20,000 at once", time.perf_counter() - start, len(PEOPLE))
        figures.measure(
            "permit", 1_000, lambda i: registry.permit(conn, PEOPLE[i], "risk_scoring", now=NOW)
        )
        figures.measure(
            "permit, 20,000 at once",
            3,
            lambda _: registry.permit_many(conn, "risk_scoring", PEOPLE, now=NOW),
            of=len(PEOPLE),
        )
        figures.measure("ledger append", 1_000, lambda _: append(conn))
        figures.measure(
            "decision with its entry",
            500,
            lambda i: decision.record(conn, ledger, [scored(i)], now=NOW),
        )
        batch = [[scored(i) for i in range(10_000)] for _ in range(2)]
        figures.measure(
            "decision, 10,000 in one entry",
            1,
            lambda i: decision.record(conn, ledger, batch[i], now=NOW),
            of=10_000,
        )
        start = time.perf_counter()
        entries = verify(conn, ledger.public_key).entries
        figures.tell("verify one entry", time.perf_counter() - start, entries)
        start = time.perf_counter()
        checked = decision.check_commitments(conn).checked
        figures.tell("check one decision", time.perf_counter() - start, checked)
    figures.plain_us = 0.0
    figures.plain_us = figures.measure("plain insert, committed", 300, committed(insert))
    figures.measure("ledger append, committed", 300, committed(append))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Database(sqlite_url(Path(folder) / "bench.db")))
