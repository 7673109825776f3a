"""The front door: what every request passes before anything of ours or BentoML's sees it.

Limits the body, bounds how many requests are worked on at a time, asks for a key before a body is
read, closes BentoML's own pages, and turns any exception into a problem document without its text.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.auth import Unauthenticated
from serving.problems import Busy, TooLarge, of_exception

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
]


class Door:
    """Passes probes on to BentoML (`outer`) and everything else to our own application.

    `body_bytes` bounds a request's body whether or not it states its length; `concurrency` bounds
    how many requests are inside at a time.
    """

    def __init__(self, outer: App, *, inner: App, body_bytes: int, concurrency: int) -> None:
        self.outer = outer
        self.inner = inner
        self.body_bytes = body_bytes
        self.concurrency = concurrency
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.outer(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._enter(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last line: no exception text leaves here
            if answer.complete:
                return
            if answer.started:
                raise ConnectionError("the answer broke off") from None
            await of_exception(error)(scope, receive, answer)

    async def _enter(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = dict(scope["headers"])
        if scope["path"].startswith("/v1/") and not _bearer(headers):
            raise Unauthenticated(
                "no bearer key was sent", hint="send the header: Authorization: Bearer kw_…"
            )
        if int(_number(headers.get(b"content-length", b"0"))) > self.body_bytes:
            raise self._too_large()
        if self._inside >= self.concurrency:
            raise Busy("too many requests at once", hint="try again after Retry-After seconds")
        self._inside += 1
        try:
            await self.inner(scope, self._counted(receive), answer)
        finally:
            self._inside -= 1

    def _counted(self, receive: Receive) -> Receive:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.body_bytes:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the body is larger than {self.body_bytes} bytes", hint="send it in several requests"
        )


class _Answer:
    """Sends on, adding the headers every answer carries, and remembers how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message["headers"], *_SECURITY_HEADERS]}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True


def _bearer(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"authorization", b"")[:7].lower() == b"bearer "


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0
