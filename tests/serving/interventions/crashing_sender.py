"""A sender that dies by SIGKILL at a named point; a test runs it as a real child process."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from random import Random
from typing import Any

import serving.interventions.delivery.dispatch as dispatching
import serving.interventions.delivery.email_server as email_server
from serving.database import Database
from serving.interventions.delivery.desk import Desk
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.email_server import MailServer
from serving.interventions.delivery.leases import Leases
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from tests.serving.interventions.conftest import Company, make_desk
from tests.serving.interventions.mailbox import OURS

POINTS = ("claimed", "before_wire", "on_wire", "delivered", "finishing")
EMAIL_POINTS = ("claimed", "before_wire", "on_wire", "connected", "taken", "finishing")
"""`taken`: the mail server has the message, and nobody has read that yet."""


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, then die inside its transaction, before it commits."""

    def acted(*args: Any, **kwargs: Any) -> Any:
        act(*args, **kwargs)
        return die()

    return acted


def arm(point: str) -> None:
    """From now on this is the last thing this process does."""
    if point == "claimed":
        Leases.put_on_wire = die  # type: ignore[method-assign]
    elif point == "before_wire":
        Leases.put_on_wire = after(Leases.put_on_wire)  # type: ignore[method-assign]
    elif point == "on_wire":
        dispatching.contact = die  # type: ignore[attr-defined]
        dispatching.email_contact = die  # type: ignore[attr-defined]
    elif point == "connected":
        email_server._exchange = die
    elif point == "taken":
        email_server._exchange = after(email_server._exchange)
    elif point == "delivered":
        Leases.finish = die  # type: ignore[method-assign]
    elif point == "finishing":
        Leases.finish = after(Leases.finish)  # type: ignore[method-assign]


def send_and_die(url: str, endpoint: str, point: str, now: str) -> None:
    arm(point)
    company = Company(awake(Database(url)), now=datetime.fromisoformat(now))
    with http_client() as client:
        dispatch(
            company.desk,
            Endpoint(endpoint, b"s" * 32, reach=Reach(private=True)),
            client,
            clock=company.clock,
            rng=Random(1),
        )


def write_and_die(url: str, port: int, point: str, now: str) -> None:
    """Send e-mails until the point."""
    arm(point)
    company = Company(awake(Database(url)), now=datetime.fromisoformat(now))
    with http_client() as client:
        dispatch(company.desk, None, client, clock=company.clock, rng=Random(1), mail=here(port))


def send_for_ever(url: str, endpoint: str, port: int, lease: float) -> None:
    """Send whatever is due by both ways, by the real clock, until somebody kills this process."""
    desk = awake(Database(url))
    desk = replace(desk, lease=timedelta(seconds=lease))
    to = Endpoint(endpoint, b"s" * 32, reach=Reach(private=True))
    with http_client() as client:
        while True:
            dispatch(
                desk, to, client, clock=lambda: datetime.now(UTC), rng=Random(), mail=here(port)
            )
            time.sleep(0.01)


def awake(database: Database) -> Desk:
    """A desk without quiet hours: tests run at night, too."""
    desk = make_desk(database)
    policy = replace(desk.policy, quiet_from=clock_time(0), quiet_until=clock_time(0))
    return replace(desk, policy=policy)


def here(port: int) -> MailServer:
    """A mail server on this machine."""
    return MailServer(host="127.0.0.1", port=port, security="none", sender=OURS)
