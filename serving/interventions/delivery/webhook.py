"""One signed message over HTTP, by the Standard Webhooks rules: what happened and what to do next.

Redirects are failures, 410 switches the endpoint off, `Retry-After` is heeded, waits grow and
jitter. A message that would contact a customer needs a `Clearance`; demo and evaluation homes reach
this machine alone, a production home the addresses that `targets` lets through.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

import httpx
import structlog
from standardwebhooks.webhooks import Webhook

from governance.errors import ConfigurationError, PermissionRefused
from governance.proof import Clearance
from serving.interventions.delivery.messages import MESSAGES, REQUESTED
from serving.interventions.delivery.targets import PUBLIC_ONLY, Reach, TargetRefused, unwrapped

NOTICES = frozenset(MESSAGES) - {REQUESTED}
_WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_LONGEST_WAIT_S = 86_400
_ADDRESSES = 3  # of a host that are tried, one after another

Outcome = Literal["delivered", "retry", "gone", "refused", "unknown"]
"""What came of an attempt: `refused` for good, `unknown` where no answer tells whether it arrived.

A webhook's outcome is never `unknown`: its receiver knows a message again by its id.
"""

log = structlog.get_logger("keepwell.webhook")


@dataclass(frozen=True)
class Endpoint:
    """Where messages go and the secret (at least 24 bytes) both sides sign with.

    `reach` says which addresses beside public ones the host of `url` may have.
    """

    url: str
    secret: bytes
    timeout_s: float = 10.0
    reach: Reach = PUBLIC_ONLY

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
    """What came of one attempt; `status` is None when no answer came, `cause` then says why."""

    outcome: Outcome
    status: int | None
    retry_after_s: float | None = None
    cause: str = field(default="", compare=False)


def check_endpoint(endpoint: Endpoint, *, home_kind: str) -> None:
    """Raise `ConfigurationError` with everything wrong with where messages would go.

    A production home sends over https, or, where the settings allow it, to this machine; every
    other home to this machine alone. A name is looked up, and judged again, when it is dialled.
    """
    try:
        url = httpx.URL(endpoint.url)
        host = url.host
    except (httpx.InvalidURL, UnicodeError):  # UnicodeError: an xn-- name that spells nothing
        url, host = httpx.URL(), ""
    written = _written_address(host)
    local = host == "localhost" or (written is not None and unwrapped(written).is_loopback)
    dialled = ipaddress.ip_address("127.0.0.1") if host == "localhost" else written
    problems = []
    if url.scheme not in ("http", "https") or not host:
        problems.append("the webhook's url must begin with https:// and name a host")
    elif home_kind != "production" and not local:
        problems.append(f"a {home_kind} home delivers nothing outside this machine")
    elif url.scheme == "http" and not local:
        problems.append("the webhook's url must begin with https://: messages hold personal data")
    elif dialled is not None and not endpoint.reach.allows(dialled, home_kind=home_kind):
        problems.append(
            "the webhook's url leads to this machine or a private network: set allow_private = true"
        )
    if url.userinfo:
        problems.append("the webhook's url must hold no user name or password")
    if len(endpoint.secret) < 24:
        problems.append(f"the webhook's secret has {len(endpoint.secret)} bytes, needs 24")
    if problems:
        raise ConfigurationError(problems, source="[webhook]")


def addresses_of(endpoint: Endpoint, *, home_kind: str) -> tuple[str, ...]:
    """Look the endpoint's host up, once, and give the addresses that may be dialled.

    Without https these are this machine's own. Raises `TargetRefused` when there is none.
    """
    url = httpx.URL(endpoint.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    host = url.raw_host.decode("ascii")
    found = endpoint.reach.addresses(host, port, home_kind=home_kind)
    if url.scheme != "https":
        found = tuple(each for each in found if ipaddress.ip_address(each).is_loopback)
    return found[:_ADDRESSES]


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


def require_clearance(message: Message, clearance: Clearance, *, now: datetime) -> None:
    """Pass for a contact whose own genuine clearance holds; raises `PermissionRefused`."""
    if message.type != REQUESTED or message.intervention_id is None:
        raise PermissionRefused(
            f"a message of type {message.type} contacts nobody",
            purpose="outreach",
            reason="not_a_contact",
        )
    clearance.require(message.intervention_id, now=now)


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
    require_clearance(message, clearance, now=now)
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
    url, headers = httpx.URL(endpoint.url), signed_headers(endpoint, message, now=now)
    try:
        addresses = addresses_of(endpoint, home_kind=home_kind)
    except TargetRefused as refused:
        log.error("sending failed", code=refused.code, message=refused.message)
        return Delivery("retry", None, cause=refused.message)
    cause = ""
    for address in addresses:
        try:
            status, retry_after = _dial(client, endpoint, url, address, message.body, headers)
            break
        except httpx.ConnectError as error:  # nothing was sent: there may be another address
            cause = str(error)
            continue
        except httpx.HTTPError as error:
            return Delivery("retry", None, cause=str(error) or type(error).__name__)
    else:
        return Delivery("retry", None, cause=cause)
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


def _dial(
    client: httpx.Client,
    endpoint: Endpoint,
    url: httpx.URL,
    address: str,
    body: str,
    headers: Mapping[str, str],
) -> tuple[int, str | None]:
    """Send to this very address in the host's name; what the receiver says is not read."""
    named = {} if _written_address(url.host) else {"sni_hostname": url.raw_host.decode("ascii")}
    with client.stream(
        "POST",
        url.copy_with(host=address),
        content=body.encode(),
        headers={**headers, "host": url.netloc.decode("ascii")},
        timeout=endpoint.timeout_s,
        follow_redirects=False,
        extensions=named,
    ) as answer:
        return answer.status_code, answer.headers.get("retry-after")


def _written_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
