"""A column is used only if it was known before anybody was assigned; times tell row by row."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from governance.errors import InvalidInput
from outcomes.experiment.table import Table
from outcomes.experiment.timing import Known, check_known

DAY = [datetime(2026, 3, day) for day in range(1, 5)]  # noqa: DTZ001
DRAWN = Known(times={"visits": "counted"}, assigned_at="drawn")


def table(**columns: Any) -> Table:
    made: Mapping[str, Any] = {
        "visits": [3, 5, None],
        "counted": DAY[:3],
        "drawn": [DAY[3]] * 3,
        **columns,
    }
    return Table(pa.table(dict(made)))


def test_times_before_the_assignment_show_that_a_column_was_known() -> None:
    assert check_known(table(), ["visits"], DRAWN) == ("visits",)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"counted": [DAY[0], DAY[3], DAY[0]]}, "at or after the assignment in 1 of 2 rows"),
        ({"counted": [DAY[0], None, DAY[0]]}, "1 rows hold 'visits' without a time"),
        ({"counted": [1, 2, 3]}, "'counted' holds neither dates nor moments"),
        ({"drawn": [datetime(2026, 3, 4, tzinfo=UTC)] * 3}, "one has a time zone"),
    ],
)
def test_a_row_that_does_not_show_it_is_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_known(table(**columns), ["visits"], DRAWN)


def test_a_row_without_a_value_needs_no_time() -> None:
    assert check_known(table(counted=[DAY[0], DAY[1], None]), ["visits"], DRAWN)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (Known(), "nobody said when 'visits' was known"),
        (Known(times={"visits": "counted"}), "nobody said when rows were assigned"),
        (Known(all_before=True, before=frozenset({"age"})), "'age' is neither a covariate"),
    ],
)
def test_a_statement_must_be_whole(known: Known, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_known(table(), ["visits"], known)


def test_a_statement_of_each_column_is_enough() -> None:
    assert check_known(table(), ["visits"], Known(before=frozenset({"visits"}))) == ()
