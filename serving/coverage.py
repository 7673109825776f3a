"""How many people permit what: counts over everyone, none of them about a few."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from features.history import customer_ids
from governance.consent_queries import spoken_of
from governance.purposes import NAMED_PURPOSES
from governance.small_cells import hidden_cells
from serving.bootstrap import Keepwell

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
            "hidden": f"counts of 1 to {self.min_people - 1} people are not shown, nor what would "
            "give them away",
        }


def read_coverage(keepwell: Keepwell, *, now: datetime) -> Coverage:
    """Count who permits what now, over everyone with a history or a word on record."""
    registry = keepwell.registry
    with keepwell.database.read() as conn:
        limit = registry.aggregate_permit(conn, "aggregate", now=now).min_people
        spoken = spoken_of(conn)
        people = spoken.customers.union(customer_ids(conn))
        purposes = spoken.purposes.union(NAMED_PURPOSES) - {"aggregate"}
        lines = []
        for purpose in sorted(purposes):
            permit, refused = registry.permit_many(conn, purpose, people, now=now)
            cells = Counter({_PERMITTED: len(permit.customers), **Counter(refused.values())})
            basis = registry.rules.basis(purpose, home_kind=keepwell.kind).kind
            lines.append(_shown(purpose, basis, cells, limit))
    return Coverage(len(people) if len(people) >= limit else None, limit, tuple(lines))


def _shown(purpose: str, basis: str, cells: Mapping[str, int], limit: int) -> PurposeCoverage:
    hidden = hidden_cells(cells, limit)
    shown = {name: None if name in hidden else n for name, n in sorted(cells.items())}
    return PurposeCoverage(purpose, basis, shown.pop(_PERMITTED), shown)
