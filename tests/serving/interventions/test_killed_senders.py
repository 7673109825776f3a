"""Senders killed anywhere, on both databases and by both ways: none lost, none twice.

A webhook message comes again under the same id until its receiver has it. An e-mail is written at
most once; of one whose sender died while it was on the wire, it is said that nobody knows.
"""

import signal
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from multiprocessing.context import ForkServerContext
from random import Random

import pytest
from sqlalchemy import select

from serving.database import Database
from serving.demo_receiver import DemoReceiver
from serving.interventions.delivery.desk import Ways
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import interventions, outbox
from tests.conftest import long_form
from tests.serving.children import forked
from tests.serving.interventions.conftest import Company, make_desk
from tests.serving.interventions.crashing_sender import (
    EMAIL_POINTS,
    POINTS,
    send_and_die,
    send_for_ever,
    write_and_die,
)
from tests.serving.interventions.mailbox import Mailbox

SECRET = b"s" * 32
LEASE_S = 2.0
"""Short, so that what a killed sender held is taken over while the test waits."""
TAKEN = {"taken", "finishing"}
"""Points at which the mail server has the message already."""
UNSEEN = {"on_wire", "connected", *TAKEN}
"""Points at which nobody can know whether it does."""


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    """Give what starts children quickly: one clean process that has imported everything."""
    return forked()


def awake(database: Database) -> Company:
    desk = make_desk(database)
    policy = replace(desk.policy, quiet_from=clock_time(0), quiet_until=clock_time(0))
    desk = replace(desk, policy=policy, ways=Ways(email=True))
    return Company(desk, now=datetime.now(UTC))


def killed(children: ForkServerContext, company: Company, port: int, point: str) -> None:
    """Write e-mails in a process of its own until it is killed at `point`."""
    given = (company.desk.database.url, port, point, company.now.isoformat())
    child = children.Process(target=write_and_die, args=given)
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL


def write(company: Company, box: Mailbox) -> None:
    with http_client() as client:
        dispatch(company.desk, None, client, clock=company.clock, rng=Random(1), mail=box.server())


@pytest.mark.parametrize("point", EMAIL_POINTS)
def test_a_killed_writer_never_writes_twice_and_what_is_unknown_is_said(
    database: Database, children: ForkServerContext, point: str
) -> None:
    company = awake(database)
    company.agrees("ana")
    company.holds("ana", "ana@example.com")
    company.runs("ana")
    with Mailbox() as box:
        killed(children, company, box.port, point)
        assert len(box.envelopes) == (point in TAKEN)
        company.now += timedelta(seconds=61)
        write(company, box)
        write(company, box)

    assert len(box.envelopes) == (point in TAKEN or point not in UNSEEN)
    status = ("unknown", "no_answer_seen") if point in UNSEEN else ("sent", "")
    assert company.status("ana") == status


@pytest.mark.parametrize("point", EMAIL_POINTS)
def test_a_withdrawal_after_a_killed_writer_stops_the_email(
    sqlite_database: Database, children: ForkServerContext, point: str
) -> None:
    company = awake(sqlite_database)
    company.agrees("ana")
    company.holds("ana", "ana@example.com")
    company.runs("ana")
    with Mailbox() as box:
        killed(children, company, box.port, point)
        before = len(box.envelopes)
        company.now += timedelta(seconds=1)
        company.withdraws("ana")
        company.now += timedelta(seconds=61)
        write(company, box)

    assert len(box.envelopes) == before
    assert company.status("ana")[0] == "cancelled"


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_sender_is_made_good_on_postgres_too(
    postgres_database: Database, children: ForkServerContext, point: str
) -> None:
    company = awake(postgres_database)
    company.agrees("ana")
    company.runs("ana")
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        given = (company.desk.database.url, receiver.url, point, company.now.isoformat())
        child = children.Process(target=send_and_die, args=given)
        child.start()
        child.join(timeout=60)
        assert child.exitcode == -signal.SIGKILL
        company.now += timedelta(seconds=61)
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        dispatch(company.desk, endpoint, client, clock=company.clock, rng=Random(1))

    assert (company.status("ana"), len(receiver.received)) == (("sent", ""), 1)


def test_senders_killed_at_any_moment_lose_nothing_and_send_nothing_twice(
    database: Database, children: ForkServerContext
) -> None:
    kill_at_random(database, children, Random(7), kills=4, people=24)


@pytest.mark.parametrize("seed", range(4))
def test_many_senders_killed_at_any_moment(
    database: Database, children: ForkServerContext, seed: int
) -> None:
    long_form()
    kill_at_random(database, children, Random(seed), kills=20, people=120)


def kill_at_random(
    database: Database, children: ForkServerContext, rng: Random, *, kills: int, people: int
) -> None:
    """Queue messages, half by each way; kill two senders over and over; then count everything."""
    company = awake(database)
    everyone = [f"c{k:03}" for k in range(people)]
    company.agrees(*everyone)
    for each in everyone[::2]:
        company.holds(each, f"{each}@example.com")
    company.runs(*everyone)
    with Mailbox() as box, DemoReceiver(SECRET) as receiver:
        given = (database.url, receiver.url, box.port, LEASE_S)
        for number in range(kills):
            crowd = [children.Process(target=send_for_ever, args=given) for _ in range(2)]
            for child in crowd:
                child.start()
            enough = (number + 1) * people // (kills + 2)
            try:
                _wait_for(enough, box, receiver)
                time.sleep(rng.random() * 0.03)
            finally:
                for child in crowd:
                    child.kill()
            for child in crowd:
                child.join(timeout=10)
                assert child.exitcode == -signal.SIGKILL
        time.sleep(LEASE_S)
        company.now = datetime.now(UTC)
        with http_client() as client:
            endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
            dispatch(
                company.desk, endpoint, client, clock=lambda: datetime.now(UTC), rng=rng,
                mail=box.server(),
            )  # fmt: skip
    _all_is_accounted_for(database, everyone, box, receiver)


def _wait_for(enough: int, box: Mailbox, receiver: DemoReceiver) -> None:
    """Wait until so many messages have left, at most a minute."""
    ends = time.monotonic() + 60
    while len(box.envelopes) + len(receiver.received) < enough:
        assert time.monotonic() < ends, "the senders do not get on"
        time.sleep(0.002)


def _all_is_accounted_for(
    database: Database, everyone: list[str], box: Mailbox, receiver: DemoReceiver
) -> None:
    with database.read() as conn:
        rows = conn.execute(select(outbox.c.customer_id, outbox.c.transport, outbox.c.status)).all()
        stand = conn.execute(select(interventions.c.status)).scalars().all()
    written = Counter(each.rcpt_tos[0].partition("@")[0] for each in box.envelopes)
    handed = [each.content["data"]["customer_id"] for each in receiver.received]
    status = {row.customer_id: row.status for row in rows}
    assert len(rows) == len(everyone)
    assert sorted(handed) == everyone[1::2]  # each once, by the id of its message
    assert {status[each] for each in everyone[1::2]} == {"delivered"}
    assert set(written.values()) == {1}
    assert {status[each] for each in everyone[::2]} <= {"delivered", "unknown"}
    assert {each for each in everyone[::2] if status[each] == "delivered"} <= written.keys()
    assert set(stand) <= {"sent", "unknown"}
