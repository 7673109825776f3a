"""Whom a batch may read: asked range by range, and asked again before anything is published."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from features.kernel import allowed_among
from features.links import contributors
from features.plan import Plan
from features.ranges import CustomerRange, customers_in
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.scoring.range_scores import RangeWork

Permits = Mapping[str, Permit]


class BatchPermission:
    """Asks for the permission of one range after another, from sequence `since` on.

    `purposes` are those of the target and of the model's features, the target's own first.
    """

    def __init__(
        self,
        keepwell: Keepwell,
        purposes: Sequence[str],
        plan: Plan,
        *,
        since: int,
        judged_at: datetime,
        clock: Callable[[], datetime],
    ) -> None:
        self.keepwell, self.purposes, self.plan = keepwell, tuple(purposes), plan
        self.since, self.judged_at, self.clock = since, judged_at, clock
        self._carried: dict[str, set[str]] = {}

    def ranges(
        self, ranges: Sequence[CustomerRange], wanted: Sequence[str] | None
    ) -> Iterator[tuple[RangeWork, Permits]]:
        """Give every range with who of it may be read now; of `wanted`, ascending, only those.

        Without any history there is one range, of those wanted.
        """
        for number, each in enumerate(ranges):
            named = None
            if wanted is not None:
                named = wanted[slice(*_bounds(wanted, each))]
                if not named:
                    continue
            yield self._one(number, each, named)
        if not ranges and wanted:
            yield self._one(0, None, wanted)

    def _one(
        self, number: int, range_: CustomerRange | None, named: Sequence[str] | None
    ) -> tuple[RangeWork, Permits]:
        keepwell = self.keepwell
        with keepwell.database.read() as conn:
            known = [] if range_ is None else customers_in(conn, range_.span)
            asked = tuple(sorted(set(known if named is None else named)))
            people = set(asked)
            others: set[str] = set()
            if range_ is not None and range_.linked is not None:
                others.update(*contributors(conn, asked).values())
            permits, refusals = self._ask(conn, people | others)
            persons: Mapping[str, str] = keepwell.persons.find_many(conn, asked)
        lacking = people.intersection(known) - persons.keys()
        if lacking:
            persons = {**persons, **self._new_persons(range_, lacking)}
        permit = permits[self.purposes[0]]
        readable = sorted(permit.customers)
        covered = [
            [each in permits[purpose].customers for each in readable] for purpose in self.purposes
        ]
        work = RangeWork(
            number,
            range_,
            asked,
            persons,
            {each: why for each, why in refusals.items() if each in people},
            tuple(readable),
            np.array(covered, np.uint8).reshape(len(self.purposes), -1),
            allowed_among(readable, self.plan, permits),
            frozenset(permit.consent_event_ids),
        )
        return work, permits

    def _ask(
        self, conn: Connection, people: Collection[str]
    ) -> tuple[dict[str, Permit], Mapping[str, str]]:
        registry, now = self.keepwell.registry, self.clock()
        own, *further = self.purposes
        permit, refusals = registry.permit_many(conn, own, people, now=now)
        permits = {own: permit}
        for purpose in further:
            permits[purpose], _ = registry.permit_many(conn, purpose, permit.customers, now=now)
        return permits, refusals

    def _new_persons(
        self, range_: CustomerRange | None, lacking: Collection[str]
    ) -> Mapping[str, str]:
        """Give person ids to those who have none yet and were not erased just now."""
        if range_ is None:
            return {}
        with self.keepwell.database.write() as conn:
            still = set(customers_in(conn, range_.span)).intersection(lacking)
            return self.keepwell.persons.person_ids(conn, still)

    def remember(self, carried: Mapping[str, Sequence[str]]) -> None:
        """Keep for whom events of other ids were read: they go when one of these ids does."""
        for other, customers in carried.items():
            self._carried.setdefault(other, set()).update(customers)

    def changed(self, conn: Connection) -> frozenset[str] | None:
        """Give whose scores must not be published; None for everyone's. `conn` writes.

        From now on whoever withdraws waits until its transaction ends.
        """
        registry = self.keepwell.registry
        found: set[str] = set()
        for purpose in self.purposes:
            changed = registry.changes_since(
                conn, purpose, sequence=self.since, judged_at=self.judged_at, hold=True
            )
            if changed is None:
                return None
            found |= changed
        found |= self.keepwell.suppression.suppressed_among(
            conn, self._carried.keys(), now=self.clock(), since=self.since
        )
        return frozenset(found.union(*(self._carried.get(each, ()) for each in found)))


def _bounds(customers: Sequence[str], range_: CustomerRange) -> tuple[int, int]:
    after, until = range_.span
    return (
        0 if after is None else bisect_right(customers, after),
        len(customers) if until is None else bisect_right(customers, until),
    )
