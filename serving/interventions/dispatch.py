"""Sends what is due: claim, last look at permission, one attempt, and what came of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import NamedTuple

import httpx
from sqlalchemy import Connection, select

from serving.interventions.desk import Desk
from serving.interventions.leases import Claim, Dropped, Leases, Missed
from serving.interventions.tables import webhook_endpoints
from serving.interventions.targets import Bounded
from serving.interventions.webhook import Delivery, Endpoint, check_endpoint, contact, notify


class Dispatched(NamedTuple):
    """What became of the messages that were due.

    `outcomes` counts delivered, retry, dropped (permission gone), dead (attempts used up), lost
    (another worker took over). `switched_off`: the endpoint answered 410 and gets nothing more.
    """

    outcomes: Mapping[str, int]
    switched_off: bool

    @property
    def delivered(self) -> int:
        """How many arrived."""
        return self.outcomes.get("delivered", 0)


def http_client(*, seconds: float = 30.0) -> httpx.Client:
    """Build the client for webhooks: no proxies or credentials from the environment.

    `seconds` bounds a whole exchange, however slowly the receiver answers.
    """
    transport = Bounded(seconds=seconds)
    return httpx.Client(transport=transport, trust_env=False, follow_redirects=False)


def dispatch(
    desk: Desk,
    endpoint: Endpoint,
    client: httpx.Client,
    *,
    clock: Callable[[], datetime],
    rng: Random,
    limit: int = 10_000,
) -> Dispatched:
    """Send up to `limit` due messages, one after another; safe to run in any number of workers.

    Raises `ConfigurationError` before anything is claimed when the endpoint may not be used.
    """
    check_endpoint(endpoint, home_kind=desk.policy.home_kind)
    outcomes: Counter[str] = Counter()
    leases = desk.leases
    for _ in range(limit):
        with desk.database.read() as conn:
            if _is_off(conn, endpoint):
                return Dispatched(dict(outcomes), switched_off=True)
        with desk.database.write() as conn:
            claimed = leases.claim(conn, now=clock())
        if claimed is None:
            break
        if isinstance(claimed, Missed):
            continue
        if isinstance(claimed, Dropped):
            outcomes["dropped"] += 1
            continue
        outcomes[_attempt(desk, leases, endpoint, client, claimed, clock, rng)] += 1
    return Dispatched(dict(outcomes), switched_off=False)


def _attempt(
    desk: Desk,
    leases: Leases,
    endpoint: Endpoint,
    client: httpx.Client,
    claim: Claim,
    clock: Callable[[], datetime],
    rng: Random,
) -> str:
    with desk.database.write() as conn:
        go = leases.put_on_wire(conn, claim, now=clock())
    if go is None:
        return "lost"
    if isinstance(go, Dropped):
        return "dropped"
    kind = desk.policy.home_kind
    if go.clearance is not None:
        delivery = contact(
            client, endpoint, claim.message, go.clearance, home_kind=kind, now=clock()
        )
    else:
        delivery = notify(client, endpoint, claim.message, home_kind=kind, now=clock())
    with desk.database.write() as conn:
        if delivery.outcome == "gone":
            _switch_off(conn, endpoint, clock())
            delivery = Delivery("retry", delivery.status)
        return leases.finish(conn, claim, delivery, now=clock(), rng=rng)


def _is_off(conn: Connection, endpoint: Endpoint) -> bool:
    query = select(webhook_endpoints.c.url).where(webhook_endpoints.c.url == endpoint.url)
    return conn.execute(query).first() is not None


def _switch_off(conn: Connection, endpoint: Endpoint, now: datetime) -> None:
    if not _is_off(conn, endpoint):
        row = {"url": endpoint.url, "disabled_at": now, "reason": "the receiver answered 410"}
        conn.execute(webhook_endpoints.insert(), row)
