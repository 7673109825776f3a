"""What one request may look like, judged before anything of it is parsed.

The head: how long the address and the headers are, and that nothing stands there twice that would
let two readers see two requests. The body: how deep its JSON is nested and how many values it
holds, found by counting bytes. A usual request costs about a microsecond.
"""

from typing import Any, NamedTuple

import numpy as np

from governance.errors import InvalidInput
from serving.http.problems import AddressTooLong, HeadTooLarge
from serving.settings_service import LimitSettings

Headers = list[tuple[bytes, bytes]]

_ONCE = frozenset(
    {b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key"}
)
_STRUCTURE = b'[]{},"'
_REST = bytes(set(range(256)) - set(_STRUCTURE))
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
_OTHER_UNICODE = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16 and UTF-32


class Shape(NamedTuple):
    """The limits of one request; of the body's JSON: nesting and how many values it may hold."""

    address_bytes: int = 8_192
    headers: int = 64
    header_bytes: int = 16_384
    depth: int = 32
    values: int = 100_000

    @classmethod
    def stated(cls, limits: LimitSettings) -> "Shape":
        """Read `[limits]` of a home's settings."""
        return cls(depth=limits.depth, values=limits.values)


ANY_SHAPE = Shape()


def check_head(scope: Any, shape: Shape) -> dict[bytes, bytes]:
    """Give the headers by name.

    Raises `AddressTooLong`, `HeadTooLarge`, or `InvalidInput` for a header that came twice and may
    come once.
    """
    headers: Headers = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > shape.address_bytes:
        raise AddressTooLong(
            f"the address is longer than {shape.address_bytes} bytes",
            hint="send what is long in the body",
        )
    found = dict(headers)
    size = sum(map(len, found)) + sum(map(len, found.values()))
    if len(found) < len(headers):  # what came twice counts twice
        size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > shape.headers or size > shape.header_bytes:
        raise HeadTooLarge(
            f"the headers are more than {shape.headers} or larger than {shape.header_bytes} bytes",
            hint="leave out what the service does not need, such as cookies",
        )
    if len(found) < len(headers):
        names = [name for name, _ in headers if name in _ONCE]
        if len(names) > len(set(names)):
            raise InvalidInput("a header came twice that may come once", hint="send it once")
    return found


def check_body(body: bytes, shape: Shape) -> None:
    """Pass JSON that is nested and filled within the limits; raises `InvalidInput`.

    What is no JSON may pass: whoever parses it says so, and has gone no deeper until then.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened <= shape.depth and body.count(b",") + opened < shape.values:
        return
    if body[:2] in _OTHER_UNICODE or b"\x00" in body[:4]:
        raise InvalidInput("the body is not in UTF-8", hint="send JSON in UTF-8, without a mark")
    if b"\\" in body:  # what is escaped neither ends a string nor escapes what follows
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = body.translate(None, _REST).replace(b'""', b"")  # most strings are gone
    if signs.count(b'"') > 4 * shape.values:
        raise _too_many(shape)
    if b'"' in signs:  # without what stands inside of the others
        signs = b"".join(signs.split(b'"')[::2])
    if signs.count(b",") + signs.count(b"[") + signs.count(b"{") >= shape.values:
        raise _too_many(shape)
    depth = np.cumsum(_STEPS[np.frombuffer(signs, dtype=np.uint8)], dtype=np.int32)
    if depth.max(initial=0) > shape.depth:
        raise InvalidInput(
            f"the body is nested deeper than {shape.depth}", hint="send flatter JSON"
        )


def _too_many(shape: Shape) -> InvalidInput:
    return InvalidInput(
        f"the body holds more than {shape.values:,} values", hint="send it in several requests"
    )
