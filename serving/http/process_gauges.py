"""What `/metrics` says of people's rights: what waits, how people decide, what last month brought.

Numbers alone: no customer, no group, no reason in words. Behind each of last month stand at least
as many people as the home's limit; smaller ones are left out.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from outcomes.measures.periods import floor
from serving.bootstrap import Keepwell
from serving.interventions.deciding.attention import oversight
from serving.rights.ethics import last_month
from serving.tables import complaints, review_requests


class Gauge(NamedTuple):
    """One number with its meaning, labelled by `kind` where there is one."""

    name: str
    meaning: str
    value: float
    kind: str = ""


class ProcessGauges:
    """Reads the numbers of one home; those of a month that is over are counted once."""

    def __init__(self, keepwell: Keepwell) -> None:
        self._keepwell = keepwell
        self._counted: tuple[datetime, tuple[Gauge, ...]] | None = None

    def text(self, *, now: datetime) -> str:
        """Write everything in Prometheus's text form."""
        with self._keepwell.database.read() as conn:
            found = [*_waiting(conn, now), *_deciding(conn, now), *self._last_month(conn, now)]
        lines, told = [], set()
        for each in found:
            if each.name not in told:
                told.add(each.name)
                lines += [f"# HELP {each.name} {each.meaning}", f"# TYPE {each.name} gauge"]
            label = f'{{kind="{each.kind}"}}' if each.kind else ""
            lines.append(f"{each.name}{label} {each.value:g}")
        return "".join(f"{line}\n" for line in lines)

    def _last_month(self, conn: Connection, now: datetime) -> tuple[Gauge, ...]:
        until = floor(now, "month", self._keepwell.settings.zone)
        if self._counted is None or self._counted[0] != until:
            counts = last_month(self._keepwell, conn, now=now)
            meaning = "What the last whole month brought, where enough people stand behind it."
            gauges = tuple(
                Gauge("keepwell_last_month_count", meaning, float(n), kind)
                for kind, n in counts.items()
            )
            self._counted = until, gauges
        return self._counted[1]


def _waiting(conn: Connection, now: datetime) -> Iterable[Gauge]:
    requests = review_requests.c
    waits = requests.status == "open"
    meaning = "What people asked for or complained about and nobody has answered yet."
    for kind, table, where in (
        ("reviews", review_requests, waits),
        ("reviews_overdue", review_requests, waits & (requests.due_at < now)),
        ("complaints", complaints, complaints.c.status == "open"),
    ):
        query = select(func.count()).select_from(table).where(where)
        yield Gauge("keepwell_waiting", meaning, float(conn.execute(query).scalar_one()), kind)


def _deciding(conn: Connection, now: datetime) -> Iterable[Gauge]:
    found = oversight(conn, now=now)
    meaning = "Proposed contacts that wait for a person."
    yield Gauge("keepwell_proposals_waiting", meaning, float(found.waiting))
    if found.override_rate is not None:
        meaning = "Share of decided proposals that a person changed or said no to."
        yield Gauge("keepwell_override_share", meaning, found.override_rate.value)
    if found.quick_rate is not None:
        meaning = "Share of decided proposals that lay before a person for less than ten seconds."
        yield Gauge("keepwell_quick_decision_share", meaning, found.quick_rate.value)
    if found.median_minutes is not None:
        meaning = "How long the median proposal waited for its person, in minutes."
        yield Gauge("keepwell_approval_minutes", meaning, found.median_minutes)
