"""Instants are time-zone aware `datetime`s outside and whole microseconds since 1970 UTC inside."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from governance.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)
_LIKE_AN_INSTANT = re.compile(r"[0-9TZ:+. -]{1,40}")  # anything else may be someone's data


def to_micros(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00Z; raises `InvalidInput` for a naive `instant`."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise InvalidInput(
            "an instant without a time zone was found",
            hint="state the zone: an offset in the value, or `timezone` in the mapping",
        )
    return (instant - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Turn microseconds since 1970 into an aware UTC `datetime`."""
    return EPOCH + timedelta(microseconds=micros)


def to_text(instant: datetime) -> str:
    """Write the canonical form used in logs, ledgers and JSON: `2026-01-31T12:00:00.000000Z`."""
    naive = from_micros(to_micros(instant)).replace(tzinfo=None)
    return naive.isoformat(timespec="microseconds") + "Z"


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """Read ISO 8601; a bare date or a naive time is taken in `zone` (the home's time zone).

    Raises `InvalidInput` for anything else, and for an instant that in UTC lies outside the years
    1 to 9999.
    """
    try:
        found = datetime.fromisoformat(text)
        zoned = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        shown = repr(text) if _LIKE_AN_INSTANT.fullmatch(text) else "what was given"
        raise InvalidInput(
            f"{shown} is not a date or time", hint="write it as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return zoned


class UtcInstant(TypeDecorator[datetime]):
    """A column of instants, stored as a 64-bit integer so that every database orders it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Store whole microseconds."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC `datetime`."""
        return None if value is None else from_micros(int(value))
