"""A hundred triggers at once break no cap and no budget, and contact nobody twice."""

from collections import Counter
from multiprocessing.context import ForkServerContext

import pytest
from sqlalchemy import select

from features.tables import live_events
from governance.instants import from_micros
from governance.log.ledger import verify
from serving.database import Database
from serving.interventions.tables import interventions, outbox
from tests.conftest import long_form
from tests.serving.children import forked
from tests.serving.interventions.conftest import Company
from tests.serving.interventions.racing_triggers import (
    MAX_CONTACTS,
    MONTH_BUDGET,
    PEOPLE,
    fire,
    trigger_desk,
)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Give what starts processes quickly: one clean process that has imported everything."""
    return forked()


def fire_at_once(
    database: Database, processes: ForkServerContext, *, workers: int, triggers: int, seed: int
) -> None:
    """Let everyone agree, then fire from several processes with four threads each."""
    desk = trigger_desk(database)
    Company(desk).agrees(*PEOPLE)
    running = [
        processes.Process(
            target=fire, args=(database.url, workers * seed + k, triggers // workers, 4)
        )
        for k in range(workers)
    ]
    for each in running:
        each.start()
    for each in running:
        each.join(timeout=300)
    assert [each.exitcode for each in running] == [0] * workers


def check_limits(database: Database) -> None:
    """Replay what was decided: at each decision there was room, and every message is there once."""
    with database.read() as conn:
        rows = conn.execute(select(interventions).where(interventions.c.arm == "treated")).all()
        elsewhere = conn.execute(
            select(live_events.c.customer_id, live_events.c.known_at).where(
                live_events.c.kind == "contact_outside"
            )
        ).all()
        sent = conn.execute(select(outbox.c.intervention_id)).scalars().all()
        found = verify(conn, trigger_desk(database).ledger.public_key)
    assert rows
    for row in rows:
        before = [r for r in rows if r.customer_id == row.customer_id]
        own = sum(r.created_at < row.created_at for r in before)
        outside = sum(
            e.customer_id == row.customer_id and from_micros(e.known_at) < row.created_at
            for e in elsewhere
        )
        assert own + outside < MAX_CONTACTS
    assert sum(row.cost for row in rows) <= MONTH_BUDGET
    pairs = Counter((row.customer_id, row.playbook) for row in rows)
    assert set(pairs.values()) == {1}
    assert sorted(sent) == sorted(row.intervention_id for row in rows)
    assert found.outcome == "intact"


def test_a_hundred_triggers_at_once_break_no_limit(
    database: Database, processes: ForkServerContext
) -> None:
    fire_at_once(database, processes, workers=2, triggers=100, seed=1)

    check_limits(database)


@pytest.mark.parametrize("seed", range(5))
def test_many_times_a_thousand_triggers_break_no_limit(
    database: Database, processes: ForkServerContext, seed: int
) -> None:
    long_form()
    fire_at_once(database, processes, workers=6, triggers=1_000, seed=seed)

    check_limits(database)
