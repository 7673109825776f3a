"""Where a list goes on: an instant and an id, which stay what they are when rows come or go."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from governance.errors import InvalidInput, NotFound
from governance.instants import from_micros, to_micros

_FURTHEST = 253_402_300_799_000_000  # µs; the last second of the year 9999


class Position(NamedTuple):
    """The last row of a page, in a list ordered by instant and then by id."""

    at: datetime
    id: str

    def to_text(self) -> str:
        """Write it as callers pass it on: `1767225600000000~3f0c…`."""
        return f"{to_micros(self.at)}~{self.id}"


def find_position(text: str, look_up: Callable[[str], Position]) -> Position:
    """Read what `Position.to_text` wrote, or look a bare id up; else raises `InvalidInput`."""
    instant, tilde, name = text.partition("~")
    if tilde and name and instant.isascii() and instant.isdigit() and len(instant) <= 18:
        return Position(from_micros(min(int(instant), _FURTHEST)), name)
    try:
        return look_up(text)
    except NotFound:
        raise InvalidInput(
            "`after` is not a place in this list", hint="pass on what the last page gave as `next`"
        ) from None
