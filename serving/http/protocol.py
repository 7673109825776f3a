"""The one place where bytes become requests: heads that do not end are given up.

uvicorn's reader takes headers for as long as they come. Here a head may have so many bytes and take
so many seconds; whoever sends more, or more slowly, is told so and hung up on. Nothing is added to
a request whose head comes in one piece, as almost all do.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0
_GIVEN_UP = (
    b"HTTP/1.1 %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s"
)
_TOO_LARGE = (
    b"431 Request Header Fields Too Large",
    b'{"type": "urn:keepwell:problem:headers_too_large", "status": 431, '
    b'"title": "Request Header Fields Too Large", "code": "headers_too_large", '
    b'"detail": "the head of the request does not end"}',
)
_TOO_SLOW = (
    b"408 Request Timeout",
    b'{"type": "urn:keepwell:problem:head_too_slow", "status": 408, '
    b'"title": "Request Timeout", "code": "head_too_slow", '
    b'"detail": "the head of the request did not arrive in time"}',
)


class BoundedHead(HttpToolsProtocol):
    """Reads requests as uvicorn does, each head within `HEAD_BYTES` and `HEAD_SECONDS`."""

    _taken = 0  # bytes of a head that has not ended
    _in_head = False
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first head no longer than for any other."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._in_head, self._taken = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head has ended."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has not ended with these bytes is counted and timed."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._taken += len(data)
        if self._taken > HEAD_BYTES:
            self._give_up(*_TOO_LARGE)
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._give_up, *_TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self, status: bytes, body: bytes) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._in_head:  # to a connection that was only opened there is nothing to say
            self.transport.write(_GIVEN_UP % (status, len(body), body))
        self.transport.close()
