"""Several workers at once, and workers that die: still once, still only with permission."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from multiprocessing.context import ForkServerContext
from random import Random

import pytest
from sqlalchemy import select

from serving.database import Database
from serving.demo_receiver import DemoReceiver
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.leases import Claim, Go
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import outbox
from tests.serving.children import forked
from tests.serving.interventions.conftest import Company, make_desk
from tests.serving.interventions.crashing_sender import POINTS, send_and_die

SECRET = b"s" * 32


def awake(database: Database) -> Company:
    desk = make_desk(database)
    policy = replace(desk.policy, quiet_from=time(0), quiet_until=time(0))
    return Company(replace(desk, policy=policy), now=datetime.now(UTC))


def test_many_workers_send_each_message_once(database: Database) -> None:
    company = awake(database)
    people = [f"c{k:02}" for k in range(24)]
    company.agrees(*people)
    company.runs(*people)
    with DemoReceiver(SECRET) as receiver, ThreadPoolExecutor(4) as pool:
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))

        def work(seed: int) -> int:
            with http_client() as client:
                return dispatch(
                    company.desk, endpoint, client, clock=company.clock, rng=Random(seed)
                ).delivered

        sent = list(pool.map(work, range(4)))

    assert sum(sent) == 24
    assert len(receiver.received) == 24
    assert receiver.repeated == 0


def test_a_withdrawal_and_a_sender_at_once_never_send_after_the_withdrawal(
    database: Database,
) -> None:
    for k in range(12):
        company, customer = awake(database), f"c{k}"
        company.agrees(customer)
        company.runs(customer)
        claim = company.must_claim()
        together = threading.Barrier(2)

        def goes(company: Company, claim: Claim, together: threading.Barrier) -> object:
            together.wait()
            return company.goes(claim)

        def withdraws(company: Company, customer: str, together: threading.Barrier) -> None:
            together.wait()
            company.withdraws(customer)

        with ThreadPoolExecutor(2) as pool:
            gone = pool.submit(goes, company, claim, together)
            pool.submit(withdraws, company, customer, together).result(timeout=20)
            went = gone.result(timeout=20)

        with database.read() as conn:
            row = conn.execute(select(outbox).where(outbox.c.customer_id == customer)).one()
        if isinstance(went, Go):  # it left first: recorded, and asked to stop
            assert (row.status, row.stop_asked_at is not None) == ("on_wire", True)
        else:
            assert (row.status, row.on_wire_at) == ("cancelled", None)


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    """Give what starts children quickly: one clean process that has imported everything."""
    return forked()


def kill_a_sender(children: ForkServerContext, company: Company, url: str, point: str) -> None:
    """Run a sender in a process of its own until it is killed at `point`."""
    database = company.desk.database.url
    child = children.Process(
        target=send_and_die, args=(database, url, point, company.now.isoformat())
    )
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
def test_a_sender_killed_at_any_point_is_made_good_by_the_next(
    sqlite_database: Database, children: ForkServerContext, point: str
) -> None:
    company = awake(sqlite_database)
    company.agrees("ana")
    company.runs("ana")
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        kill_a_sender(children, company, receiver.url, point)
        company.now += timedelta(seconds=61)
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        dispatch(company.desk, endpoint, client, clock=company.clock, rng=Random(1))

    assert company.status("ana") == ("sent", "")
    assert len(receiver.received) == 1
    assert company.messages() == {"intervention.requested": ["delivered"]}


@pytest.mark.parametrize("point", POINTS)
def test_a_withdrawal_after_a_killed_sender_stops_the_message(
    sqlite_database: Database, children: ForkServerContext, point: str
) -> None:
    company = awake(sqlite_database)
    company.agrees("ana")
    company.runs("ana")
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        kill_a_sender(children, company, receiver.url, point)
        before = len(receiver.received)
        company.withdraws("ana")
        company.now += timedelta(seconds=61)
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        dispatch(company.desk, endpoint, client, clock=company.clock, rng=Random(1))
        requests = [r for r in receiver.received if r.content["type"] == "intervention.requested"]

    assert len(requests) == before
    assert company.messages()["intervention.requested"] == ["cancelled"]
