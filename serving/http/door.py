"""The front door: what every request passes before anything of ours or BentoML's sees it.

Limits the head, the body and the time it may take to arrive, looks at how deep its JSON goes before
anything parses it, bounds how many requests are worked on at a time and how often wrong keys are
tried, asks for a key before a body is read, closes BentoML's own pages, and turns any exception
into a problem document without its text.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from governance.errors import InvalidInput
from serving.access.auth import Unauthenticated
from serving.http.limits import ANY_SHAPE, Shape, check_body, check_head
from serving.http.problem_pages import for_reader
from serving.http.problems import Busy, TooLarge, TooSlow, of_exception, wrong_method
from serving.http.rates import Rates

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
SLASH = "\x00"
"""Stands in a path for a slash that was sent as `%2F`, inside one step; NUL itself is refused."""
_KEY = b"authorization"
_SMALL = 65_536  # bytes of a body that may always go on arriving
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_OVER_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_NOT_KEPT = (b"cache-control", b"no-store")
_PAGE = [
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
]
_POLICY = b"content-security-policy"
_CLOSED = [
    (b"x-frame-options", b"DENY"),
    (
        _POLICY,
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
]


class Door:
    """Passes probes on to BentoML (`outer`) and everything else to our own application.

    `body_bytes` bounds a request's body whether or not it states its length, `body_seconds` how
    long it may take, `shape` its head and its JSON; `concurrency` bounds how many requests are
    inside at a time, `rates` how often they come. A request goes in when its body is whole: whoever
    sends slowly keeps nobody else out.
    """

    def __init__(
        self,
        outer: App,
        *,
        inner: App,
        body_bytes: int,
        concurrency: int,
        body_seconds: float = 20.0,
        shape: Shape = ANY_SHAPE,
        rates: Rates | None = None,
    ) -> None:
        self.outer = outer
        self.inner = inner
        self.body_bytes = body_bytes
        self.body_seconds = body_seconds
        self.concurrency = concurrency
        self.shape = shape
        self.rates = rates or Rates()
        self._inside = 0
        self._held = 0  # bytes of bodies that are still arriving

    @property
    def inside(self) -> int:
        """How many requests are being worked on."""
        return self._inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] == "websocket":  # nothing here speaks it
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.outer(scope, receive, send)
            return
        if scope["path"] in PROBES:
            probe = self.outer if scope["method"] in ("GET", "HEAD") else wrong_method("GET, HEAD")
            await probe(scope, receive, send)
            return
        answer = _Answer(send, over_https=scope.get("scheme") == "https")
        try:
            await self._enter(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last line: no exception text leaves here
            if answer.complete:
                return
            if answer.started:
                raise ConnectionError("the answer broke off") from None
            await for_reader(of_exception(error), scope)(scope, receive, answer)
        finally:
            if answer.entered or answer.status == 401:
                key = next((value for name, value in scope["headers"] if name == _KEY), b"")
                self.rates.learn(scope["path"], _address(scope), key, answer.status)

    async def _enter(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = check_head(scope, self.shape)
        key = headers.get(_KEY, b"")
        answer.added = self.rates.admit(scope["path"], scope["method"], _address(scope), key)
        if scope["path"].startswith("/v1/") and not _bearer(headers):
            raise Unauthenticated(
                "no bearer key was sent", hint="send the header: Authorization: Bearer kw_…"
            )
        scope["path"] = _path(scope)
        if int(_number(headers.get(b"content-length", b"0"))) > self.body_bytes:
            raise self._too_large()
        body = await self._whole(receive)
        if body is None:
            return
        if body["body"] and scope["path"].startswith("/v1/"):
            check_body(body["body"], self.shape)
        if self._inside >= self.concurrency:
            raise _busy()
        answer.entered = True
        self._inside += 1
        try:
            await self.inner(scope, _after(body, receive), answer)
        finally:
            self._inside -= 1

    async def _whole(self, receive: Receive) -> Message | None:
        """Wait for the body and give it in one piece; None when the caller went away."""
        parts: list[bytes] = []
        taken = 0
        try:
            async with asyncio.timeout(self.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    parts.append(message.get("body", b""))
                    taken += len(parts[-1])
                    self._held += len(parts[-1])
                    if taken > self.body_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        return {"type": "http.request", "body": b"".join(parts)}
                    if taken > _SMALL and self._held > self.concurrency * self.body_bytes:
                        raise _busy()
        except TimeoutError:
            raise TooSlow(
                f"the body did not arrive within {self.body_seconds:g} seconds",
                hint="send it again, in smaller pieces",
            ) from None
        finally:
            self._held -= taken

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the body is larger than {self.body_bytes} bytes", hint="send it in several requests"
        )


class _Answer:
    """Sends on, adding the headers every answer carries, and remembers how far it has come.

    A page that states its own content policy, with who may embed it, keeps that one. What does not
    say how long it may be kept is kept by no cache. `entered`: the application was asked.
    """

    def __init__(self, send: Send, *, over_https: bool) -> None:
        self._send = send
        self._over_https = over_https
        self.added: list[tuple[bytes, bytes]] = []
        self.entered = False
        self.started = False
        self.complete = False
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            stated = dict(message["headers"])
            headers = [*message["headers"], *_HEADERS, *self.added]
            if _POLICY not in stated:
                headers += _CLOSED
            if b"cache-control" not in stated:
                headers.append(_NOT_KEPT)
            if stated.get(b"content-type", b"").startswith(b"text/html"):
                headers += _PAGE
            if self._over_https:
                headers.append(_OVER_HTTPS)
            message = {**message, "headers": headers}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True


def _path(scope: Scope) -> str:
    """Give the path with `SLASH` where `%2F` was sent: a customer's id may hold one."""
    path: str = scope["path"]
    if SLASH in path or b"%00" in scope.get("query_string", b""):
        raise InvalidInput("the address holds the character NUL", hint="leave %00 out")
    sent: bytes = scope.get("raw_path") or b""
    if b"%" not in sent:
        return path
    kept = sent.partition(b"?")[0].replace(b"%2F", b"%00").replace(b"%2f", b"%00")
    try:
        return unquote(kept.decode("ascii"), errors="strict")
    except UnicodeDecodeError:  # whatever stood in its place, two ids would become one
        raise InvalidInput(
            "the address holds bytes that are no text",
            hint="write ids in UTF-8, then percent-encode them",
        ) from None


def _after(body: Message, receive: Receive) -> Receive:
    waiting = [body]

    async def receive_on() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_on


def _busy() -> Busy:
    return Busy("too many requests at once", hint="try again after Retry-After seconds")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _bearer(headers: dict[bytes, bytes]) -> bool:
    return headers.get(_KEY, b"")[:7].lower() == b"bearer "


def _number(text: bytes) -> int:
    return int(text[:19]) if text.isdigit() else 0
