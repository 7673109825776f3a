"""The second layer: what was done, what waits, what is late."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from governance.disclosure.small_cells import hidden_cells
from governance.log.decision import was_given
from governance.tables import decisions
from outcomes.measures.definition import Period
from serving.interventions.deciding.attention import oversight
from serving.interventions.tables import interventions
from serving.reporting.record import Approvals, Count


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


def approvals(conn: Connection, period: Period, *, min_people: int, now: datetime) -> Approvals:
    """Say how people decided on what was proposed in the period.

    Shares and waits over fewer than `min_people` are not told, nor counts that would tell of them.
    """
    found = oversight(conn, now=now, since=period.start, until=period.end)
    ways = {"approved": found.approved, "changed": found.changed, "rejected": found.rejected}
    hidden = hidden_cells(ways, min_people)
    enough, timed = found.decided >= min_people, found.timed >= min_people
    shown = {name: None if name in hidden else n for name, n in ways.items()}
    return Approvals(
        waiting=None if 0 < found.waiting < min_people else found.waiting,
        decided=None if 0 < found.decided < min_people else found.decided,
        **shown,
        override_rate=found.override_rate if enough and not hidden else None,
        median_minutes=found.median_minutes if enough else None,
        median_seconds=found.median_seconds if timed else None,
        quick_rate=found.quick_rate if timed else None,
    )


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
            was_given(),
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
