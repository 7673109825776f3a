"""How often a key may call, and how often an address may try wrong ones, in this worker process.

Buckets of tokens that fill again with time, in memory that does not grow: the least recently seen
go. Every worker process counts for itself, so a home with four workers lets four times as much
through. A key that was good lately is let through although wrong ones come from its address, so
that nobody locks out those who share a proxy with them; whether it is still good is asked as ever.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from serving.http.problems import TooMany
from serving.settings_service import LimitSettings

MOST_KEYS = 4_096
MOST_ADDRESSES = 4_096
_PAGES = ("/preferences", "/stop", "/survey", "/notice")

_GUESSED = "/notice-open"
"""Where codes are given: wrong ones count, and after too many no more are taken for a while."""
_LOGIN = "/staff/login"

Header = tuple[bytes, bytes]


class _Bucket:
    """So many tokens at most, filling by `per_second`."""

    __slots__ = ("at", "full", "per_second", "tokens")

    def __init__(self, full: float, per_second: float, now: float) -> None:
        self.full = self.tokens = full
        self.per_second = per_second
        self.at = now

    def fill(self, now: float) -> float:
        self.tokens = min(self.full, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        return self.tokens

    def seconds_to_one(self) -> float:
        return max(0.0, (1 - self.tokens) / self.per_second)


class Rates:
    """Admits requests one by one and learns from how they were answered.

    `requests_per_second` and `burst` bound each key (0: no bound), `failed_per_minute` what one
    address may send without a good key or with links that lead nowhere.
    """

    def __init__(
        self,
        *,
        requests_per_second: float = 0.0,
        burst: int = 1,
        failed_per_minute: int = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = requests_per_second
        self._burst = max(burst, 1)
        self._failed = failed_per_minute
        self._clock = clock
        self._good: OrderedDict[int, _Bucket] = OrderedDict()
        self._failing: OrderedDict[str, _Bucket] = OrderedDict()

    @classmethod
    def stated(cls, limits: LimitSettings) -> "Rates":
        """Read `[limits]` of a home's settings."""
        return cls(
            requests_per_second=limits.requests_per_second,
            burst=limits.burst,
            failed_per_minute=limits.failed_keys_per_minute,
        )

    def admit(self, path: str, method: str, address: str, key: bytes) -> list[Header]:
        """Let a request in and give the headers its answer carries; raises `TooMany`.

        `key` is the `Authorization` header. Stopping something on a page is never refused.
        """
        bucket = self._good.get(hash(key)) if key else None
        if bucket is not None:
            return self._take(bucket) if self._rate else []
        if self._failing and (
            path.startswith("/v1/")
            or path in ("/metrics", _GUESSED)
            or (path == _LOGIN and method == "POST")
            or (path in _PAGES and method != "POST")
        ):
            self._refuse_failing(_whose(path, address))
        return []

    def learn(self, path: str, address: str, key: bytes, status: int) -> None:
        """Note how a request was answered that came to the application."""
        guessed = path == _GUESSED and status in (403, 404)
        if status == 401 or guessed or (status == 404 and path in _PAGES):
            if key:
                self._good.pop(hash(key), None)
            self._fail(_whose(path, address))
        elif key and (status < 400 or status == 403) and path.startswith("/v1/"):
            name = hash(key)
            if name in self._good:
                self._good.move_to_end(name)
            else:
                self._good[name] = _Bucket(self._burst, self._rate or 1.0, self._clock())
                if len(self._good) > MOST_KEYS:
                    self._good.popitem(last=False)

    def _take(self, bucket: _Bucket) -> list[Header]:
        left = bucket.fill(self._clock())
        policy = f'"key";q={self._burst};w={math.ceil(self._burst / self._rate)}'
        if left < 1:
            wait = math.ceil(bucket.seconds_to_one())
            raise TooMany(
                f"this key may send {self._rate:g} requests a second, {self._burst} at once",
                hint="wait for Retry-After seconds; send several inputs in one request",
                retry_after=wait,
                policy=policy,
                left=f'"key";r=0;t={wait}',
            )
        bucket.tokens -= 1
        full_in = math.ceil((bucket.full - bucket.tokens) / self._rate)
        left_now = f'"key";r={int(bucket.tokens)};t={full_in}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left_now.encode())]

    def _refuse_failing(self, network: str) -> None:
        bucket = self._failing.get(network)
        if bucket is None:
            return
        left = bucket.fill(self._clock())
        if left >= bucket.full:
            del self._failing[network]
        if left < 1:
            wait = math.ceil(bucket.seconds_to_one())
            raise TooMany(
                "too many wrong keys or dead links came from this address",
                hint="wait for Retry-After seconds, then send a key that is good",
                retry_after=wait,
                policy=f'"failures";q={self._failed};w=60',
                left=f'"failures";r=0;t={wait}',
            )

    def _fail(self, network: str) -> None:
        if not self._failed:
            return
        now = self._clock()
        bucket = self._failing.get(network)
        if bucket is None:
            bucket = self._failing[network] = _Bucket(self._failed, self._failed / 60, now)
            if len(self._failing) > MOST_ADDRESSES:
                self._failing.popitem(last=False)
        self._failing.move_to_end(network)
        bucket.tokens = max(0.0, bucket.fill(now) - 1)


def _whose(path: str, address: str) -> str:
    """Name whose failures are counted: wrong codes of customers never lock staff out."""
    network = _network(address)
    return f"login {network}" if path == _LOGIN else network


def _network(address: str) -> str:
    """Give what one sender surely has: an IPv4 address, or the /64 network of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
