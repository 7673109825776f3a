"""A desk on a real database, and customers who said what they said."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentChange, ConsentRegistry
from governance.log.ledger import Ledger
from governance.pseudonym import PersonIds
from serving.database import Database
from serving.interventions.choosing.run import InterventionRun, run_interventions
from serving.interventions.delivery.desk import Desk, StopLinks
from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.held_addresses import hold_address
from serving.interventions.delivery.leases import Claim, Dropped, Go, Missed, Unseen
from serving.interventions.delivery.outbox import cancel_for
from serving.interventions.delivery.webhook import Delivery
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate, ContactPolicy
from serving.interventions.tables import interventions, outbox
from serving.keys import HomeKeys
from tests.serving.unlocked import unlock_modes

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTE = Playbook(
    name="personal_note",
    kind="outreach",
    channel="email",
    subject="Is there anything we can do better?",
    body="A person reads your answer.",
    target="churn",
    min_probability=0.4,
    holdout_share=0.0,
    cost=1.0,
    cooldown_days=0,
    value="someone listens",
)
KEYS = HomeKeys(
    ledger=Ed25519PrivateKey.from_private_bytes(b"l" * 32),
    pseudonym=b"p" * 32,
    suppression=b"s" * 32,
    journal=b"j" * 32,
    holdout=b"h" * 32,
    webhook=b"w" * 32,
    links=b"k" * 32,
)


@dataclass
class Company:
    """Acts on one desk the way a home does; `now` moves only when a test moves it."""

    desk: Desk
    now: datetime = NOON
    rng: Random = field(default_factory=lambda: Random(1))

    def clock(self) -> datetime:
        return self.now

    def passes(self, **kwargs: float) -> None:
        self.now += timedelta(**kwargs)

    def says(self, customer: str, purpose: str, state: str = "given", **more: Any) -> None:
        change = ConsentChange(
            customer_id=customer,
            purpose=purpose,
            state=state,
            mechanism="checkbox_ticked",
            evidence="form 1",
            **more,
        )
        with self.desk.database.write() as conn:
            self.desk.registry.record(conn, change, now=self.now)

    def holds(self, customer: str, address: str) -> None:
        """Hold an e-mail address of a customer."""
        with self.desk.database.write() as conn:
            hold_address(conn, customer, "email", parse_address(address), now=self.now)

    def agrees(self, *customers: str) -> None:
        for customer in customers:
            self.says(customer, "risk_scoring")
            self.says(customer, "outreach.email")

    def withdraws(self, customer: str, purpose: str = "outreach.email") -> None:
        """Withdraw as the service does: the word and what follows from it in one transaction."""
        with self.desk.database.write() as conn:
            self.desk.registry.withdraw(conn, customer, purpose, now=self.now)
            cancel_for(conn, customer, purpose, now=self.now)

    def silently_withdraws(self, customer: str, purpose: str = "outreach.email") -> None:
        """Withdraw without telling the outbox: the look at every attempt must be enough."""
        with self.desk.database.write() as conn:
            self.desk.registry.withdraw(conn, customer, purpose, now=self.now)

    def objects(self, customer: str) -> None:
        with self.desk.database.write() as conn:
            self.desk.registry.object(conn, customer, now=self.now)
            cancel_for(conn, customer, "objection", now=self.now)

    def runs(
        self,
        *customers: str,
        playbook: Playbook = NOTE,
        probability: float = 0.6,
        outside: dict[str, int] | None = None,
    ) -> InterventionRun:
        chosen = [candidate(customer, probability) for customer in customers]
        return self.runs_for(chosen, playbook=playbook, outside=outside)

    def runs_for(
        self,
        candidates: Sequence[Candidate],
        *,
        playbook: Playbook = NOTE,
        outside: dict[str, int] | None = None,
    ) -> InterventionRun:
        return run_interventions(
            self.desk, playbook, candidates, outside_contacts=outside or {}, clock=self.clock
        )

    def claims(self) -> Claim | Dropped | Missed | Unseen | None:
        with self.desk.database.write() as conn:
            return self.desk.leases.claim(conn, now=self.now)

    def must_claim(self) -> Claim:
        found = self.claims()
        assert isinstance(found, Claim)
        return found

    def goes(self, claim: Claim) -> Go | Dropped | None:
        with self.desk.database.write() as conn:
            return self.desk.leases.put_on_wire(conn, claim, now=self.now)

    def finishes(self, claim: Claim, outcome: str = "delivered", status: int | None = 204) -> str:
        delivery = Delivery(outcome, status)  # type: ignore[arg-type]
        with self.desk.database.write() as conn:
            return self.desk.leases.finish(conn, claim, delivery, now=self.now, rng=self.rng)

    def sends(self) -> str:
        claim = self.must_claim()
        assert isinstance(self.goes(claim), Go)
        return self.finishes(claim)

    def status(self, customer: str) -> tuple[str, str]:
        query = select(interventions.c.status, interventions.c.reason).where(
            interventions.c.customer_id == customer
        )
        with self.desk.database.read() as conn:
            row = conn.execute(query).one()
        return row.status, row.reason

    def messages(self) -> dict[str, list[str]]:
        """Give the status of every message by its type."""
        found: dict[str, list[str]] = {}
        with self.desk.database.read() as conn:
            for row in conn.execute(select(outbox.c.type, outbox.c.status)):
                found.setdefault(row.type, []).append(row.status)
        return {kind: sorted(states) for kind, states in found.items()}

    def with_policy(self, **changes: Any) -> "Company":
        policy = replace(self.desk.policy, **changes)
        return Company(replace(self.desk, policy=policy), now=self.now)


def candidate(customer: str, probability: float = 0.6, **more: Any) -> Candidate:
    return Candidate(customer_id=customer, probability=probability, target="churn", **more)


def make_desk(database: Database, *, home_kind: str = "production") -> Desk:
    ledger = Ledger(Ed25519PrivateKey.from_private_bytes(b"l" * 32))
    if home_kind == "production":
        unlock_modes(database, ledger)
    policy = ContactPolicy(
        home_kind=home_kind,
        mode="act",
        zone=ZoneInfo("UTC"),
        max_per_week=2,
        quiet_from=time(20),
        quiet_until=time(8),
    )
    return Desk(
        database=database,
        registry=ConsentRegistry(PurposeRules(), home_kind=home_kind),
        ledger=ledger,
        persons=PersonIds(),
        policy=policy,
        holdout_key=b"h" * 32,
        stop_links=StopLinks(KEYS, "https://privacy.tea.example"),
    )


@pytest.fixture
def company(database: Database) -> Company:
    """Give a production company on each kind of database."""
    return Company(make_desk(database))


@pytest.fixture
def small_company(sqlite_database: Database) -> Company:
    """Give a production company on SQLite alone, for what no database changes."""
    return Company(make_desk(sqlite_database))
