"""How many people permit what: counts over everyone, none of them about a few.

Counts of different purposes, and of different days, can be subtracted from each other; what is
shown is chosen so that no difference tells of fewer people than may be told of.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from features.history import customer_ids
from governance.consent.purposes import NAMED_PURPOSES
from governance.consent.queries import spoken_of
from governance.disclosure.breakdown import ALL
from governance.disclosure.counts import Counts
from governance.disclosure.groups import Breakdown, hidden_groups
from governance.disclosure.published import Register, load_register
from serving.bootstrap import Keepwell
from serving.published import DASHBOARD, give, person_key

_NAME = "consent coverage"
_PERMITTED = "permitted"


class PurposeCoverage(NamedTuple):
    """One purpose: how many permit it and why the others do not; None is not shown."""

    purpose: str
    basis: str
    permitted: int | None
    refused: Mapping[str, int | None]


class Coverage(NamedTuple):
    """Everyone this home knows, and what they permit; None: fewer than `min_people`."""

    people: int | None
    min_people: int
    purposes: tuple[PurposeCoverage, ...]

    @property
    def hides(self) -> bool:
        """Whether any count is left out."""
        counts = [n for each in self.purposes for n in (each.permitted, *each.refused.values())]
        return self.people is None or None in counts

    def to_json(self) -> dict[str, Any]:
        """Shape it for output; `share` is of `people`."""
        few = self.min_people - 1
        return {
            "people": self.people,
            "min_people": self.min_people,
            "purposes": [
                {
                    **each._asdict(),
                    "share": each.permitted / self.people
                    if self.people and each.permitted is not None
                    else None,
                }
                for each in self.purposes
            ],
            "hidden": f"counts of 1 to {few} people are not shown, nor what would give them away; "
            f"a count that changes by 1 to {few} people stays as it was last given",
        }


def read_coverage(keepwell: Keepwell, *, now: datetime) -> Coverage:
    """Count who permits what now, over everyone with a history or a word on record."""

    def work_out() -> tuple[Coverage, Register]:
        registry = keepwell.registry
        with keepwell.database.read() as conn:
            limit = registry.aggregate_permit(conn, "aggregate", now=now).min_people
            register = load_register(conn, min_people=limit, but=DASHBOARD)
            spoken = spoken_of(conn)
            people = sorted(spoken.customers.union(customer_ids(conn)))
            answers: dict[str, list[str]] = {}
            for purpose in sorted(spoken.purposes.union(NAMED_PURPOSES) - {"aggregate"}):
                _, refused = registry.permit_many(conn, purpose, people, now=now)
                answers[purpose] = [refused.get(each, _PERMITTED) for each in people]
        counts = Counts(register, people, person_key(keepwell), _NAME, whole="everyone")
        hidden = hidden_groups({each: Breakdown(said) for each, said in answers.items()}, limit)
        everyone = counts.of("everyone", {(ALL, 0): np.ones(len(people), np.bool_)})[ALL, 0]
        lines = tuple(
            _line(counts, purpose, _basis(keepwell, purpose), said, hidden[purpose])
            for purpose, said in answers.items()
        )
        return Coverage(everyone if len(people) >= limit else None, limit, lines), register

    return give(keepwell, work_out, now=now)


def _line(
    counts: Counts, purpose: str, basis: str, said: Sequence[str], hidden: AbstractSet[Hashable]
) -> PurposeCoverage:
    answers = np.array(said, dtype=object)
    there = sorted(Counter(said))
    cells = {(answer, 0): answers == answer for answer in there}
    cells[ALL, 0] = np.ones(len(answers), np.bool_)
    told = counts.of(purpose, cells, hide={(answer, 0) for answer in there if answer in hidden})
    found = {answer: told[answer, 0] for answer in there}
    return PurposeCoverage(purpose, basis, found.pop(_PERMITTED, 0), found)


def _basis(keepwell: Keepwell, purpose: str) -> str:
    return keepwell.registry.rules.basis(purpose, home_kind=keepwell.kind).kind
