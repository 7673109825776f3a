"""Where a model's data came from, and who is missing because they did not permit it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from governance.instants import to_text
from governance.intervals import Interval, as_json, wilson
from governance.small_cells import hidden_grid


class Source(NamedTuple):
    """One file or stream that was taken in: `digest` is the sha256 of the file's bytes."""

    name: str
    kind: str
    taken_in_at: datetime
    rows: int
    first: datetime | None
    last: datetime | None
    digest: str


class Coverage(NamedTuple):
    """Of a group, how many people permit training; counts are None where they are hidden."""

    attribute: str
    group: str
    permitted: int | None
    missing: int | None
    share: Interval | None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Sources as they stand today, and permission to train then and now.

    `permission` counts people today as `permitted` and `refused:<reason>`. `withdrawn_since` is how
    many of those who permitted when the model was trained do so no more; None where that is not
    known. `coverage` is over people who permit the fairness audit alone; `coverage_reason` says why
    it is empty.
    """

    sources: tuple[Source, ...]
    permission: Mapping[str, int]
    withdrawn_since: int | None = None
    coverage: tuple[Coverage, ...] = ()
    coverage_reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return {
            "sources": [
                each._asdict()
                | {
                    name: None if at is None else to_text(at)
                    for name, at in (
                        ("taken_in_at", each.taken_in_at),
                        ("first", each.first),
                        ("last", each.last),
                    )
                }
                for each in self.sources
            ],
            "permission": dict(self.permission),
            "withdrawn_since": self.withdrawn_since,
            "coverage": [c._asdict() | {"share": as_json(c.share)} for c in self.coverage],
            "coverage_reason": self.coverage_reason,
        }


def coverage_by_group(
    attribute: str, groups: Mapping[str, str], permitted: frozenset[str], *, min_cell: int
) -> list[Coverage]:
    """Count who permits training and who is missing, by group; `groups` maps people to theirs.

    Cells below `min_cell` people are hidden, and so are those that would give one away.
    """
    sizes: dict[tuple[str, str], int] = {}
    for person, group in groups.items():
        side = "permitted" if person in permitted else "missing"
        sizes[group, side] = sizes.get((group, side), 0) + 1
    names = sorted(set(groups.values()))
    sizes = {(g, side): sizes.get((g, side), 0) for g in names for side in ("permitted", "missing")}
    hidden = hidden_grid(sizes, min_cell)
    found = []
    for group in names:
        if hidden & {(group, "permitted"), (group, "missing")}:
            found.append(Coverage(attribute, group, None, None, None))
            continue
        yes, no = sizes[group, "permitted"], sizes[group, "missing"]
        found.append(Coverage(attribute, group, yes, no, wilson(yes, yes + no)))
    return found
