"""What became of people who were scored before: their kept scores and the outcomes that followed.

Only scores that are still kept count, and only of people who permit it now: who withdrew is in no
figure. One row per person, the newest score whose horizon is over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.dataset import contacted
from features.history import Histories, observed_until, read_all, read_customer
from features.labels import Target, label
from features.links import contributors
from governance.instants import to_micros
from governance.log.decision import KeptResult, newest_results
from governance.proof import Permit
from serving.bootstrap import Keepwell

MOST_PEOPLE = 20_000
MOST_ALONE = 5_000
_TOGETHER = 50  # so many scores of one instant are looked at in one go

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Outcomes(NamedTuple):
    """People with a score whose horizon is over, n in all, in no order.

    `y` (n,) is 0 or 1, `probability` (n,) what the score said, `treated` (n,) who was contacted by
    Keepwell within the horizon. `since` and `until`: the scores' earliest and latest instant.
    `permit` covers everyone that was read.
    """

    customers: tuple[str, ...]
    y: Floats
    probability: Floats
    treated: Bools
    since: datetime | None
    until: datetime | None
    permit: Permit

    def without(self, gone: frozenset[str]) -> "Outcomes":
        """Leave these people out."""
        stays = np.array([each not in gone for each in self.customers], np.bool_)
        kept = tuple(each for each in self.customers if each not in gone)
        return self._replace(
            customers=kept,
            y=self.y[stays],
            probability=self.probability[stays],
            treated=self.treated[stays],
        )


class _Row(NamedTuple):
    customer_id: str
    as_of: datetime
    probability: float


def outcomes_of(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    model_digest: str,
    *,
    tested_at: datetime,
    as_of: datetime,
    now: datetime,
) -> Outcomes:
    """Bring in the outcomes of this model's scores as they are known at `as_of`.

    Scores at or before `tested_at`, the instant of the model's own test, are left out: training
    may have seen what followed. Permission is judged `now`.
    """
    last = observed_until(conn)
    end = as_of if last is None else min(as_of, last)
    kept = newest_results(
        conn,
        kind="score",
        target=target.name,
        model_digest=model_digest,
        after=tested_at,
        until=end - timedelta(days=target.horizon_days),
        limit=MOST_PEOPLE,
    )
    rows = _named(keepwell, conn, kept)
    people = {row.customer_id for row in rows}
    others = frozenset().union(*contributors(conn, sorted(people)).values()) if people else ()
    permit, _ = keepwell.registry.permit_many(conn, target.purpose, {*people, *others}, now=now)
    rows = [row for row in rows if permit.covers(row.customer_id)]
    judge = _Judge(keepwell, conn, target, permit, to_micros(end))
    found = judge.all(rows)
    instants = [row.as_of for row, _, _ in found]
    return Outcomes(
        customers=tuple(row.customer_id for row, _, _ in found),
        y=np.array([y for _, y, _ in found], np.float64),
        probability=np.array([row.probability for row, _, _ in found], np.float64),
        treated=np.array([treated for _, _, treated in found], np.bool_),
        since=min(instants, default=None),
        until=max(instants, default=None),
        permit=permit,
    )


def _named(keepwell: Keepwell, conn: Connection, kept: Sequence[KeptResult]) -> list[_Row]:
    customers = keepwell.persons.customers_of(conn, [each.person_id for each in kept])
    return [
        _Row(customers[each.person_id], each.as_of, float(each.result["probability"]))
        for each in kept
        if each.person_id in customers and each.result.get("probability") is not None
    ]


class _Judge:
    """Finds out what followed each score."""

    def __init__(
        self, keepwell: Keepwell, conn: Connection, target: Target, permit: Permit, end: int
    ) -> None:
        self._keepwell, self._conn, self._target = keepwell, conn, target
        self._permit, self._end = permit, end

    def all(self, rows: Sequence[_Row]) -> list[tuple[_Row, float, bool]]:
        """Give each row that has an outcome, with it and whether the person was treated."""
        at: dict[int, list[_Row]] = {}
        for row in rows:
            at.setdefault(to_micros(row.as_of), []).append(row)
        many = {instant: some for instant, some in at.items() if len(some) >= _TOGETHER}
        found: list[tuple[_Row, float, bool]] = []
        if many:
            histories = read_all(self._conn, self._keepwell.store, self._permit, digests=False)
            for instant, some in many.items():
                found += self._followed(histories, instant, some)
        alone = [row for instant, some in at.items() if instant not in many for row in some]
        for row in alone[:MOST_ALONE]:
            histories = read_customer(self._conn, self._permit, row.customer_id)
            found += self._followed(histories, to_micros(row.as_of), [row])
        return found

    def _followed(
        self, histories: Histories, instant: int, rows: Sequence[_Row]
    ) -> list[tuple[_Row, float, bool]]:
        permits: Mapping[str, Permit] = {self._permit.purpose: self._permit}
        told = label(histories, self._target, instant, observed_until=self._end, permits=permits)
        treated = contacted(histories, self._target, [instant])[:, 0]
        unknown = np.isnan(told.y) | ~told.eligible
        for each in told.unknown:
            unknown = unknown | each.who
        place = {customer: index for index, customer in enumerate(histories.customers)}
        return [
            (row, float(told.y[place[row.customer_id]]), bool(treated[place[row.customer_id]]))
            for row in rows
            if row.customer_id in place and not unknown[place[row.customer_id]]
        ]
