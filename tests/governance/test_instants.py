"""Instants as text: one form, which sorts and reads back, in every year there is."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from governance.instants import parse_instant, to_text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        (datetime(987, 6, 5, 4, 3, 2, 1, tzinfo=UTC), "0987-06-05T04:03:02.000001Z"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00.000000Z"),
        (
            datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-30T23:00:00.000000Z",
        ),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_an_instant_of_any_year_is_written_in_one_form_and_reads_back(
    instant: datetime, text: str
) -> None:
    assert to_text(instant) == text
    assert parse_instant(text, UTC) == instant
