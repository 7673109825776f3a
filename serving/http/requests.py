"""What every request gets on its way in and out: an id, and one line in the log.

The id is the caller's `X-Request-Id` where that is a sane one, or a new one; every answer carries
it, and so does every log line the request causes. The line names the route, never the path: a path
holds customers' ids.
"""

import itertools
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from serving.http.context import PRINCIPAL
from serving.http.door import PROBES, App, Message, Receive, Scope, Send
from serving.http.metering import METERED, METHODS, Meter
from serving.logs import REQUEST_ID

HEADER = b"x-request-id"
GONE = 499
"""Stands for a status where the caller hung up before there was one."""
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(rb"bearer kw_([A-Za-z0-9]{1,32})_", re.IGNORECASE)
_CLOSE = (b"connection", b"close")


class Requests:
    """Stands before everything of one worker; probes pass unnumbered and unlogged.

    `draining` tells whether the worker is about to end: its answers then ask callers to connect
    anew, which brings them to another. `meter` counts what never came far enough to be counted.
    """

    def __init__(
        self,
        app: App,
        *,
        meter: Meter,
        draining: Callable[[], bool],
        access_log: Callable[[str], Any] | None = sys.stderr.write,
    ) -> None:
        self.app = app
        self.meter = meter
        self.draining = draining
        self.write = access_log
        self._start = os.urandom(8).hex()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number one request, pass it on, and note how it was answered."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _sent(scope) or f"{self._start}{next(self._numbers):08x}"
        REQUEST_ID.set(request_id)
        header = (HEADER, request_id.encode())
        status = size = 0

        async def answer(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                added = [header, _CLOSE] if self.draining() else [header]
                message = {**message, "headers": [*message["headers"], *added]}
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            told = status or GONE
            if METERED not in scope:
                self.meter.note(_method(scope), "other", told, seconds)
            if self.write is not None:
                self.write(_line(scope, request_id, told, seconds, size))


def _sent(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _SANE.fullmatch(value) else ""
    return ""


def _key_id(scope: Scope) -> str:
    sent = dict(scope["headers"]).get(b"authorization", b"")
    found = _KEY.match(sent)
    return found[1].decode() if found else ""


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"


def _line(scope: Scope, request_id: str, status: int, seconds: float, size: int) -> str:
    """Write one line of JSON; everything in it is ours, a number or checked, so nothing escapes."""
    route = getattr(scope.get("route"), "path", "other")
    key_id = getattr(scope.get(PRINCIPAL), "key_id", "")
    if not key_id and 200 <= status < 300:  # nobody is answered whose key was not looked at
        key_id = _key_id(scope)
    return (
        f'{{"event": "request", "level": "info", "timestamp": "{datetime.now(UTC).isoformat()}", '
        f'"request_id": "{request_id}", "method": "{_method(scope)}", "route": "{route}", '
        f'"status": {status}, "ms": {seconds * 1000:.2f}, "key": "{key_id}", "bytes": {size}}}\n'
    )
