"""What happened around the models, month by month: refusals, withdrawals, complaints, appeals.

Whole calendar months only, and no figure behind which fewer people stand than the home's limit, nor
one that would give such a figure away.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, true

from governance.audit.process_record import Approvals, EthicsFigures, MonthlyCount, Requests
from governance.consent.purposes import OBJECTION
from governance.consent.record import OBJECTED
from governance.disclosure.small_cells import hidden_cells
from governance.intervals import wilson
from governance.log.decision import was_given
from governance.tables import consent_events, decisions
from outcomes.measures.definition import Period
from outcomes.measures.periods import floor, split, step
from serving.bootstrap import Keepwell
from serving.interventions.deciding.attention import is_changed, is_quick
from serving.interventions.tables import interventions
from serving.rights.complaints import list_harms
from serving.rights.ethics_groups import exposure, gaps
from serving.tables import complaints, review_requests

MONTHS = 12
_TAKEN_BACK = ("withdrawn", "revoked")
_STATUSES = ("open", "upheld", "overturned", "withdrawn")
_FEWEST_WAITS = 5


class _Cell(NamedTuple):
    name: str
    n: int
    people: int


_Count = Callable[[Connection, Sequence[Period]], list[list[_Cell]]]
"""Gives the cells of each of some months that follow each other."""


def ethics_figures(
    keepwell: Keepwell, conn: Connection, *, target: str | None, now: datetime
) -> EthicsFigures:
    """Measure the last twelve whole months; with a target its groups, too.

    A demo, whose people are simulated, tells of the month under way as well.

    Refusals, withdrawals, complaints and requests are the home's; `exposure`, `gaps` and `harms`
    are those of the target, and without one `exposure` and `gaps` are not measured.
    """
    zone = keepwell.settings.zone
    until = floor(now, "month", zone)
    if keepwell.kind == "demo":
        until = step(until, "month")
    since = step(until, "month", -MONTHS)
    months = split(since, until, "month", zone)
    limit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now).min_people
    shown, reason = (None, "no model was named")
    if target is not None:
        shown, reason = exposure(keepwell, conn, target, since=since, until=until, now=now)
    return EthicsFigures(
        since=since,
        until=until,
        refusals=tuple(_monthly(conn, months, _refusals, limit)),
        withdrawals=tuple(_monthly(conn, months, _withdrawals, limit)),
        objections=tuple(_monthly(conn, months, _objections, limit)),
        complaints=tuple(_monthly(conn, months, _complaints, limit)),
        requests=tuple(_requests(conn, months, limit, now)),
        approvals=tuple(_approvals(conn, months, limit)),
        exposure=shown,
        exposure_reason=reason,
        gaps=None if target is None else gaps(conn, target),
        harms=tuple(list_harms(conn, target=target)),
    )


def last_month(keepwell: Keepwell, conn: Connection, *, now: datetime) -> dict[str, int]:
    """Count what the last whole month brought, by kind; what too few people stand behind is not.

    Kinds are refusals, withdrawals, objections and complaints, whatever their reasons.
    """
    until = floor(now, "month", keepwell.settings.zone)
    month = Period(step(until, "month", -1), until)
    limit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now).min_people
    counts = {}
    for kind, count in _KINDS.items():
        [cells] = count(conn, [month])
        # people may stand behind several cells: the largest cell has at least as many as needed
        if not cells or max(each.people for each in cells) >= limit:
            counts[kind] = sum(each.n for each in cells)
    return counts


def _monthly(
    conn: Connection, months: Sequence[Period], count: _Count, limit: int
) -> Iterable[MonthlyCount]:
    for month, cells in zip(months, count(conn, months), strict=True):
        hidden = hidden_cells({each.name: each.people for each in cells}, limit)
        for each in sorted(cells, key=lambda cell: (-cell.n, cell.name)):
            n = None if each.name in hidden else each.n
            yield MonthlyCount(_name(month), each.name, n)


def _refusals(conn: Connection, months: Sequence[Period]) -> list[list[_Cell]]:
    mine = decisions.c
    person = func.coalesce(mine.person_id, "")  # whoever has no id may all be one
    refused = (mine.outcome == "refused") & was_given()
    return _cells(conn, months, mine.recorded_at, mine.reason, person, refused)


def _withdrawals(conn: Connection, months: Sequence[Period]) -> list[list[_Cell]]:
    said, taken = consent_events.c, consent_events.c.state.in_(_TAKEN_BACK)
    return _cells(conn, months, said.recorded_at, said.purpose, said.customer_id, taken)


def _objections(conn: Connection, months: Sequence[Period]) -> list[list[_Cell]]:
    said = consent_events.c
    objected = (said.state == OBJECTED) & (said.purpose == OBJECTION)
    return _cells(conn, months, said.recorded_at, said.purpose, said.customer_id, objected)


def _complaints(conn: Connection, months: Sequence[Period]) -> list[list[_Cell]]:
    mine = complaints.c
    return _cells(conn, months, mine.received_at, mine.category, mine.person_id, true())


def _cells(
    conn: Connection,
    months: Sequence[Period],
    at: ColumnElement[Any],
    name: ColumnElement[str],
    person: ColumnElement[Any],
    which: ColumnElement[bool],
) -> list[list[_Cell]]:
    """Count all months in one look, each month by itself."""
    place = case(*((at < month.end, k) for k, month in enumerate(months)))
    query = (
        select(
            place.label("place"),
            name.label("cell"),
            func.count().label("n"),
            func.count(person.distinct()).label("people"),
        )
        .where(at >= months[0].start, at < months[-1].end, which)
        .group_by("place", name)
    )
    found: list[list[_Cell]] = [[] for _ in months]
    for row in conn.execute(query):
        found[row.place].append(_Cell(str(row.cell), int(row.n), int(row.people)))
    return found


_KINDS = {
    "complaints": _complaints,
    "objections": _objections,
    "refusals": _refusals,
    "withdrawals": _withdrawals,
}


def _requests(
    conn: Connection, months: Sequence[Period], limit: int, now: datetime
) -> Iterable[Requests]:
    mine = review_requests.c
    for month in months:
        rows = conn.execute(select(review_requests).where(_during(mine.received_at, month))).all()
        for kind, some in (
            ("review", [row for row in rows if row.appeal_of is None]),
            ("appeal", [row for row in rows if row.appeal_of is not None]),
        ):
            if some:
                yield _kind_of_requests(_name(month), kind, some, limit, now)


def _kind_of_requests(
    month: str, kind: str, rows: Sequence[Any], limit: int, now: datetime
) -> Requests:
    people: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        people[row.status].add(row.person_id)
    counts = Counter(row.status for row in rows)
    everyone = {row.person_id for row in rows}
    if len(everyone) < limit:
        return Requests(month, kind, None, None, None, None, None, None, None)
    hidden = hidden_cells({status: len(some) for status, some in people.items()}, limit)
    shown = {status: None if status in hidden else counts[status] for status in _STATUSES}
    late = {row.person_id for row in rows if row.status == "open" and row.due_at < now}
    waits = [
        (row.decided_at - row.received_at).total_seconds() / 86_400
        for row in rows
        if row.status in ("upheld", "overturned")
    ]
    return Requests(
        month=month,
        kind=kind,
        received=len(rows),
        open=shown["open"],
        upheld=shown["upheld"],
        overturned=shown["overturned"],
        withdrawn=shown["withdrawn"],
        overdue=None if "open" in hidden or 0 < len(late) < limit else len(late),
        median_days=round(median(waits), 1) if len(waits) >= _FEWEST_WAITS else None,
    )


def _approvals(conn: Connection, months: Sequence[Period], limit: int) -> Iterable[Approvals]:
    mine = interventions.c
    for month in months:
        rows = conn.execute(
            select(
                mine.customer_id,
                mine.status,
                mine.created_at,
                mine.decided_at,
                mine.decided_seconds,
                mine.message_before,
            )
            .where(mine.needs_person, mine.decided_at.is_not(None))
            .where(_during(mine.created_at, month))
        ).all()
        if not rows:
            continue
        people: dict[str, set[str]] = {"approved": set(), "changed": set(), "rejected": set()}
        counts = Counter(map(_answer, rows))
        for row in rows:
            people[_answer(row)].add(row.customer_id)
        hidden = hidden_cells({name: len(some) for name, some in people.items()}, limit)
        shown = {name: None if name in hidden else counts[name] for name in people}
        waits = [(row.decided_at - row.created_at).total_seconds() / 60 for row in rows]
        lay = [row.decided_seconds for row in rows if row.decided_seconds is not None]
        timed = len(lay) >= _FEWEST_WAITS
        yield Approvals(
            month=_name(month),
            approved=shown["approved"],
            changed=shown["changed"],
            rejected=shown["rejected"],
            override_rate=None
            if hidden
            else wilson(counts["rejected"] + counts["changed"], len(rows)),
            median_minutes=round(median(waits), 1) if len(waits) >= _FEWEST_WAITS else None,
            median_seconds=round(median(lay), 1) if timed else None,
            quick_rate=wilson(sum(map(is_quick, lay)), len(lay)) if timed else None,
        )


def _answer(row: Any) -> str:
    if row.status == "rejected":
        return "rejected"
    return "changed" if is_changed(row) else "approved"


def _during(column: ColumnElement[Any], month: Period) -> ColumnElement[bool]:
    return (column >= month.start) & (column < month.end)


def _name(month: Period) -> str:
    return f"{month.start:%Y-%m}"
