"""Where a message may really go: the host's addresses are looked up, judged, and then dialled.

A name that is checked and looked up again by whoever connects can change in between (DNS
rebinding). Here it is looked up once; the connection goes to the very address that was judged,
while the certificate and the `Host` header still speak of the name.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from governance.errors import KeepwellError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED_6 = tuple(
    ipaddress.IPv6Network(each)
    for each in ("2001::/32", "2001:db8::/32", "3fff::/20", "3ffe::/16", "fec0::/10")
)
_REFUSED_4 = tuple(
    ipaddress.IPv4Network(each)
    for each in ("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")
)
_PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "fc00::/7", "::1/128",
    )
)  # fmt: skip

_METADATA = tuple(
    ipaddress.ip_network(each)
    for each in (
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    )
)  # fmt: skip


class TargetRefused(KeepwellError):
    """The host leads nowhere that messages may go; nothing was sent."""

    code = "target_refused"


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the machine for the addresses of a host; raises `OSError` when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True)
class Reach:
    """Which addresses beside public ones a production home's messages may go to.

    `private`: this machine and private networks, but neither link-local ones nor other addresses
    where clouds keep their machines' credentials. `networks`: these, whatever they are, multicast
    excepted; where clouds keep credentials only when the very address is named.
    """

    private: bool = False
    networks: tuple[Network, ...] = ()
    resolve: Resolve = look_up

    @classmethod
    def stated(cls, allow_private: bool | tuple[Network, ...]) -> "Reach":
        """Read `allow_private` of `[webhook]`: all private networks, or those it names."""
        if isinstance(allow_private, bool):
            return cls(private=allow_private)
        return cls(networks=allow_private)

    def allows(self, address: Address, *, home_kind: str) -> bool:
        """Whether a message of a home of this kind may go to this address."""
        inside = unwrapped(address)
        if home_kind != "production":
            return inside.is_loopback
        if inside.is_multicast or inside.is_unspecified:
            return False
        named = [each for each in self.networks if _within(inside, each)]
        if any(_within(inside, each) for each in _METADATA):
            return any(each.num_addresses == 1 for each in named)
        if named:
            return True
        return is_public(address) or (
            self.private and any(_within(inside, each) for each in _PRIVATE)
        )

    def addresses(self, host: str, port: int, *, home_kind: str) -> tuple[str, ...]:
        """Look a host up once and give those of its addresses that may be dialled, in order.

        Raises `TargetRefused` when there is none.
        """
        try:
            found = [ipaddress.ip_address(each) for each in self.resolve(host, port)]
        except (OSError, UnicodeError, ValueError):
            raise TargetRefused(
                "the webhook's host has no address", hint="check the name in url of [webhook]"
            ) from None
        good = tuple(str(each) for each in found if self.allows(each, home_kind=home_kind))
        if not good:
            raise TargetRefused(
                "the webhook's host leads to an address that messages may not go to: private, of "
                "this machine, or kept for other uses",
                hint="where that is meant, set allow_private of [webhook] (docs/security.md)",
            )
        return good


PUBLIC_ONLY = Reach()


def is_public(address: Address) -> bool:
    """Whether an address is anybody's on the internet, and nobody's private one in disguise."""
    inside = unwrapped(address)
    if isinstance(inside, ipaddress.IPv4Address):
        refused: Iterable[Network] = _REFUSED_4
    else:
        if inside not in _GLOBAL_6:
            return False
        refused = _REFUSED_6
    return (
        inside.is_global
        and not (inside.is_multicast or inside.is_reserved)
        and not any(_within(inside, each) for each in refused)
    )


def unwrapped(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 one stands for (mapped, NAT64, 6to4), or the same."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address in _NAT64:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address if inside is None else inside


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


class Bounded(httpx.HTTPTransport):
    """Connects directly, and gives up when a whole exchange takes longer than `seconds`.

    A timeout of every single read would let a receiver that sends a byte at a time hold the courier
    for hours.
    """

    def __init__(self, *, seconds: float, trusted: ssl.SSLContext | None = None) -> None:
        trusted = trusted or httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=trusted, trust_env=False)
        self._seconds = seconds
        self._time = threading.local()
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted,
            max_keepalive_connections=0,
            network_backend=_Backend(self.left),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises `httpx.TransportError` when time is up."""
        self._time.ends = time.monotonic() + self._seconds
        return super().handle_request(request)

    def left(self, timeout: float | None) -> float:
        """Give how long the next step may take; raises when time is up."""
        ends: float = getattr(self._time, "ends", float("inf"))
        left = ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long")
        return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, left: Callable[[float | None], float]) -> None:
        self._inner = httpcore.SyncBackend()
        self._left = left

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore.NetworkStream:
        timeout = self._left(timeout)
        stream = self._inner.connect_tcp(host, port, timeout, *args, **options)
        return _Stream(stream, self._left)


class _Stream(httpcore.NetworkStream):
    def __init__(
        self, inner: httpcore.NetworkStream, left: Callable[[float | None], float]
    ) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _Stream(inner, self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
