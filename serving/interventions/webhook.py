"""One signed message over HTTP, by the Standard Webhooks rules: what happened and what to do next.

Redirects are failures, 410 switches the endpoint off, `Retry-After` is heeded, waits grow and
jitter. A message that would contact a customer needs a `Clearance`; demo and evaluation homes reach
this machine alone.
"""

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal
from urllib.parse import urlsplit

import httpx
from standardwebhooks.webhooks import Webhook

from governance.errors import ConfigurationError, PermissionRefused
from governance.proof import Clearance
from serving.interventions.messages import MESSAGES, REQUESTED

NOTICES = frozenset(MESSAGES) - {REQUESTED}
_WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_LONGEST_WAIT_S = 86_400

Outcome = Literal["delivered", "retry", "gone"]


@dataclass(frozen=True)
class Endpoint:
    """Where messages go and the secret (at least 24 bytes) both sides sign with."""

    url: str
    secret: bytes
    timeout_s: float = 10.0

    @property
    def shown_secret(self) -> str:
        """The secret as the receiver configures it: `whsec_` and base64."""
        return "whsec_" + base64.b64encode(self.secret).decode()


@dataclass(frozen=True)
class Message:
    """One outgoing message; `message_id` and `body` are the same at every attempt."""

    message_id: str
    type: str
    body: str
    intervention_id: str | None = None


@dataclass(frozen=True)
class Delivery:
    """What came of one attempt; `status` is None when no answer came."""

    outcome: Outcome
    status: int | None
    retry_after_s: float | None = None


def check_endpoint(endpoint: Endpoint, *, home_kind: str) -> None:
    """Raise `ConfigurationError` with everything wrong with where messages would go.

    A production home sends over https, or to this machine; every other home to this machine alone.
    """
    parts = urlsplit(endpoint.url)
    local = _is_this_machine(parts.hostname)
    problems = []
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append("the webhook's url must begin with https://")
    elif home_kind != "production" and not local:
        problems.append(f"a {home_kind} home delivers nothing outside this machine")
    elif parts.scheme == "http" and not local:
        problems.append("the webhook's url must begin with https://: messages hold personal data")
    if parts.username or parts.password:
        problems.append("the webhook's url must hold no user name or password")
    if len(endpoint.secret) < 24:
        problems.append(f"the webhook's secret has {len(endpoint.secret)} bytes, needs 24")
    if problems:
        raise ConfigurationError(problems, source="[webhook]")


def signed_headers(endpoint: Endpoint, message: Message, *, now: datetime) -> dict[str, str]:
    """Give the headers that prove to the receiver who sent this and when."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    signer = Webhook(endpoint.secret)
    return {
        "content-type": "application/json",
        "user-agent": "keepwell",
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signer.sign(message.message_id, moment, message.body),
    }


def contact(
    client: httpx.Client,
    endpoint: Endpoint,
    message: Message,
    clearance: Clearance,
    *,
    home_kind: str,
    now: datetime,
) -> Delivery:
    """Ask the receiver to contact a customer: only with the clearance for this very intervention.

    Raises `PermissionRefused` when the clearance is not genuine, for another intervention or run
    out; nothing is sent then.
    """
    if message.type != REQUESTED or message.intervention_id is None:
        raise PermissionRefused(
            f"a message of type {message.type} contacts nobody",
            purpose="outreach",
            reason="not_a_contact",
        )
    clearance.require(message.intervention_id, now=now)
    return _post(client, endpoint, message, home_kind=home_kind, now=now)


def notify(
    client: httpx.Client, endpoint: Endpoint, message: Message, *, home_kind: str, now: datetime
) -> Delivery:
    """Tell the receiver that something stopped or changed; this never contacts a customer."""
    if message.type not in NOTICES:
        raise PermissionRefused(
            f"a message of type {message.type} needs a clearance",
            purpose="outreach",
            reason="no_clearance",
        )
    return _post(client, endpoint, message, home_kind=home_kind, now=now)


def wait_after(attempt: int, delivery: Delivery, rng: Random) -> timedelta | None:
    """Give how long to wait after failed `attempt` (1, 2, …), or None when it was the last.

    The steps are those Standard Webhooks recommends, about 75 hours in all, each with up to a
    fifth of jitter on top; a longer `Retry-After` wins, up to a day.
    """
    if attempt > len(_WAITS_S):
        return None
    wait = _WAITS_S[attempt - 1] * (1 + 0.2 * rng.random())
    return timedelta(seconds=min(max(wait, delivery.retry_after_s or 0), _LONGEST_WAIT_S * 1.2))


def _post(
    client: httpx.Client, endpoint: Endpoint, message: Message, *, home_kind: str, now: datetime
) -> Delivery:
    check_endpoint(endpoint, home_kind=home_kind)
    try:
        with client.stream(
            "POST",
            endpoint.url,
            content=message.body.encode(),
            headers=signed_headers(endpoint, message, now=now),
            timeout=endpoint.timeout_s,
            follow_redirects=False,
        ) as answer:
            status, retry_after = answer.status_code, answer.headers.get("retry-after")
    except httpx.HTTPError:
        return Delivery("retry", None)
    if 200 <= status < 300:
        return Delivery("delivered", status)
    if status == 410:
        return Delivery("gone", status)
    return Delivery("retry", status, _seconds(retry_after, now))


def _seconds(header: str | None, now: datetime) -> float | None:
    if header is None:
        return None
    if header.strip().isdigit():
        return min(float(header), _LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), _LONGEST_WAIT_S)


def _is_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
