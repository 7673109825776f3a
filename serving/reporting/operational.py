"""The second layer: what was done, what waits, what is late."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from governance.disclosure.small_cells import hidden_cells
from governance.tables import decisions
from outcomes.measures.definition import Period
from serving.interventions.tables import interventions
from serving.reporting.record import Count


class _Cell(NamedTuple):
    what: str
    reason: str
    people: int


def contacts(conn: Connection, period: Period, *, min_people: int) -> tuple[Count, ...]:
    """Count the people behind contacts of the period: as they stand now, and refused by reason.

    What fewer than `min_people` stand behind is not told, nor another figure that would tell it.
    """
    groups = (_made(conn, period), _refused(conn, period))
    return tuple(count for cells in groups for count in _told(cells, min_people))


def _made(conn: Connection, period: Period) -> list[_Cell]:
    mine = interventions.c
    query = (
        select(mine.status, func.count(mine.customer_id.distinct()))
        .where(mine.created_at >= period.start, mine.created_at < period.end)
        .group_by(mine.status)
        .order_by(mine.status)
    )
    return [_Cell("contact", str(status), n) for status, n in conn.execute(query)]


def _refused(conn: Connection, period: Period) -> list[_Cell]:
    mine = decisions.c
    query = (
        select(mine.reason, func.count(mine.person_id.distinct()))
        .where(
            mine.kind == "contact",
            mine.outcome == "refused",
            mine.recorded_at >= period.start,
            mine.recorded_at < period.end,
        )
        .group_by(mine.reason)
        .order_by(mine.reason)
    )
    return [_Cell("refused", str(reason), n) for reason, n in conn.execute(query)]


def _told(cells: Sequence[_Cell], min_people: int) -> list[Count]:
    hidden = hidden_cells({each.reason: each.people for each in cells}, min_people)
    return [
        Count(each.what, each.reason, None if each.reason in hidden else each.people)
        for each in sorted(cells, key=lambda cell: (-cell.people, cell.reason))
    ]
