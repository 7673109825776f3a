"""A sender that dies by SIGKILL at a named point; a test runs it as a real child process."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import serving.interventions.dispatch as dispatching
from serving.database import Database
from serving.interventions.dispatch import dispatch, http_client
from serving.interventions.leases import Leases
from serving.interventions.targets import Reach
from serving.interventions.webhook import Endpoint
from tests.serving.interventions.conftest import Company, make_desk

POINTS = ("claimed", "before_wire", "on_wire", "delivered", "finishing")


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, then die inside its transaction, before it commits."""

    def acted(*args: Any, **kwargs: Any) -> Any:
        act(*args, **kwargs)
        return die()

    return acted


def send_and_die(url: str, endpoint: str, point: str, now: str) -> None:
    if point == "claimed":
        Leases.put_on_wire = die  # type: ignore[method-assign]
    elif point == "before_wire":
        Leases.put_on_wire = after(Leases.put_on_wire)  # type: ignore[method-assign]
    elif point == "on_wire":
        dispatching.contact = die  # type: ignore[attr-defined]
    elif point == "delivered":
        Leases.finish = die  # type: ignore[method-assign]
    elif point == "finishing":
        Leases.finish = after(Leases.finish)  # type: ignore[method-assign]
    company = Company(make_desk(Database(url)), now=datetime.fromisoformat(now))
    with http_client() as client:
        dispatch(
            company.desk,
            Endpoint(endpoint, b"s" * 32, reach=Reach(private=True)),
            client,
            clock=company.clock,
            rng=Random(1),
        )
