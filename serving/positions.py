"""Where a list goes on: an instant and an id, which stay what they are when rows come or go."""

from datetime import datetime
from typing import NamedTuple

from governance.errors import InvalidInput
from governance.instants import from_micros, to_micros

_FURTHEST = 253_402_300_800_000_000  # µs; the end of the year 9999


class Position(NamedTuple):
    """The last row of a page, in a list ordered by instant and then by id."""

    at: datetime
    id: str

    def to_text(self) -> str:
        """Write it as callers pass it on: `1767225600000000~3f0c…`."""
        return f"{to_micros(self.at)}~{self.id}"


def read_position(text: str) -> Position | None:
    """Read what `Position.to_text` wrote; None for a bare id. Raises `InvalidInput` if neither."""
    instant, tilde, name = text.partition("~")
    if not tilde:
        return None
    if not (instant.isascii() and instant.isdigit() and int(instant) < _FURTHEST and name):
        raise InvalidInput(
            "`after` is not a place in this list", hint="pass on what the last page gave as `next`"
        )
    return Position(from_micros(int(instant)), name)
