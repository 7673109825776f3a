"""Triggers that fire at once: many runs on the same few people, while others contact them too."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time
from random import Random

from features.events import Event
from features.live import append
from serving.database import Database
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.desk import Desk
from serving.locks import lock_customers
from tests.serving.interventions.conftest import NOTE, candidate, make_desk

PEOPLE = [f"c{k:02}" for k in range(20)]
PLAYBOOKS = [replace(NOTE, name=name, holdout_share=0.2) for name in ("note", "help", "thanks")]
MAX_CONTACTS, RUN_BUDGET, MONTH_BUDGET = 2, 3.0, 25.0


def trigger_desk(database: Database) -> Desk:
    """A desk with narrow limits that may contact people at any hour."""
    desk = make_desk(database)
    policy = replace(
        desk.policy,
        quiet_from=time(0),
        quiet_until=time(0),
        max_contacts=MAX_CONTACTS,
        max_per_week=MAX_CONTACTS,
        budget=RUN_BUDGET,
        budget_per_30_days=MONTH_BUDGET,
    )
    return replace(desk, policy=policy)


def now() -> datetime:
    return datetime.now(UTC)


def fire(url: str, seed: int, triggers: int, threads: int) -> None:
    """Fire triggers from several threads, each a run of one playbook over a few people."""
    database = Database(url)
    desk = trigger_desk(database)

    def one(number: int) -> None:
        rng = Random(1_000 * seed + number)
        if rng.random() < 0.2:
            _contacted_elsewhere(database, rng.choice(PEOPLE))
            return
        people = rng.sample(PEOPLE, rng.randint(1, 6))
        chosen = [candidate(who, 0.4 + rng.random() / 2) for who in people]
        run = run_interventions(desk, rng.choice(PLAYBOOKS), chosen, outside_contacts={}, clock=now)
        assert sum(each.arm == "treated" for each in run.assigned) <= RUN_BUDGET

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(triggers)))
    database.close()


def _contacted_elsewhere(database: Database, customer: str) -> None:
    """Take in a contact of somebody else's, as intake does: stamped under the customer's lock."""
    with database.write() as conn:
        lock_customers(conn, [customer])
        at = now()
        event = Event(customer_id=customer, kind="contact_outside", occurred_at=at, known_at=at)
        append(conn, [event])
