"""What "now" means in a home: where its history goes on, or where it ended."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from features.history import observed_until
from serving.bootstrap import Keepwell

_TICK = timedelta(microseconds=1)
_LIVELY = timedelta(days=2)


def home_clock(keepwell: Keepwell, conn: Connection, *, now: datetime) -> datetime:
    """Say what `as_of` means when none is given.

    A production home scores at the wall clock. An evaluation home holds a past that does not go on,
    in which by the wall clock everyone would have left long ago: it scores just after its last
    event. So does a demo home, unless something happened in it within the last two days.
    """
    if keepwell.kind == "production":
        return now
    last = observed_until(conn)
    if last is None or (keepwell.kind == "demo" and now - last < _LIVELY):
        return now
    return min(last + _TICK, now)
