"""Sends what is due: claim, last look at permission, one attempt, and what came of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import NamedTuple

import httpx

from serving.interventions.delivery.desk import Desk
from serving.interventions.delivery.email_server import (
    MailServer,
    check_server,
    email_code,
    email_contact,
)
from serving.interventions.delivery.leases import Claim, Dropped, Go, Missed, Unseen
from serving.interventions.delivery.outbox import Transport
from serving.interventions.delivery.switched_off import switch_off, switched_off
from serving.interventions.delivery.targets import Bounded
from serving.interventions.delivery.webhook import (
    Delivery,
    Endpoint,
    check_endpoint,
    contact,
    notify,
)


class Dispatched(NamedTuple):
    """What became of the messages that were due.

    `outcomes` counts delivered, retry, dropped (permission gone), dead (refused for good or
    attempts used up), unknown (an e-mail whose answer nobody saw), lost (another worker took over).
    `switched_off`: the endpoint answered 410 and gets nothing more.
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
    endpoint: Endpoint | None,
    client: httpx.Client,
    *,
    clock: Callable[[], datetime],
    rng: Random,
    limit: int = 10_000,
    mail: MailServer | None = None,
) -> Dispatched:
    """Send up to `limit` due messages, one after another; safe to run in any number of workers.

    Signed ones go to `endpoint`, e-mails by `mail`; what has no way waits. Raises
    `ConfigurationError` before anything is claimed when either may not be used.
    """
    kind = desk.policy.home_kind
    if endpoint is not None:
        check_endpoint(endpoint, home_kind=kind)
    if mail is not None:
        check_server(mail, home_kind=kind)
    sender = _Sender(desk, endpoint, client, mail, clock, rng)
    outcomes: Counter[str] = Counter()
    is_off = False
    for _ in range(limit):
        if endpoint is not None:
            with desk.database.read() as conn:
                is_off = switched_off(conn, endpoint.url) is not None
        ways: set[Transport] = set() if endpoint is None or is_off else {"webhook"}
        ways |= set() if mail is None else {"email"}
        if not ways:
            break
        with desk.database.write() as conn:
            claimed = desk.leases.claim(conn, now=clock(), ways=ways)
        if claimed is None:
            break
        if isinstance(claimed, Missed):
            continue
        if isinstance(claimed, Dropped | Unseen):
            outcomes["dropped" if isinstance(claimed, Dropped) else "unknown"] += 1
            continue
        outcomes[sender.attempt(claimed)] += 1
    return Dispatched(dict(outcomes), switched_off=is_off)


@dataclass(frozen=True)
class _Sender:
    """Attempts one claimed message: a last look, the wire, and what came of it."""

    desk: Desk
    endpoint: Endpoint | None
    client: httpx.Client
    mail: MailServer | None
    clock: Callable[[], datetime]
    rng: Random

    def attempt(self, claim: Claim) -> str:
        """Give what became of it, as `Dispatched.outcomes` counts it."""
        leases = self.desk.leases
        with self.desk.database.write() as conn:
            go = leases.put_on_wire(conn, claim, now=self.clock())
        if go is None:
            return "lost"
        if isinstance(go, Dropped):
            return "dropped"
        delivery = self._send(claim, go)
        with self.desk.database.write() as conn:
            if delivery.outcome == "gone" and self.endpoint is not None:
                switch_off(conn, self.endpoint.url, now=self.clock())
                delivery = Delivery("retry", delivery.status)
            return leases.finish(conn, claim, delivery, now=self.clock(), rng=self.rng)

    def _send(self, claim: Claim, go: Go) -> Delivery:
        kind, now = self.desk.policy.home_kind, self.clock()
        if claim.transport == "email":
            assert self.mail is not None  # an e-mail is claimed only where there is a mail server
            assert go.address is not None
            if go.clearance is None:
                return email_code(self.mail, claim.message, go.address, home_kind=kind, now=now)
            return email_contact(
                self.mail, claim.message, go.address, go.clearance, home_kind=kind, now=now
            )
        assert self.endpoint is not None
        if go.clearance is None:
            return notify(self.client, self.endpoint, claim.message, home_kind=kind, now=now)
        return contact(
            self.client, self.endpoint, claim.message, go.clearance, home_kind=kind, now=now
        )
