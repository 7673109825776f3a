"""Where a model's data came from, and who is missing because they did not permit it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from governance.disclosure.groups import Breakdown, hidden_groups
from governance.instants import to_text
from governance.intervals import Interval, as_json, wilson


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

    `permission` counts people today as `permitted` and `refused:<reason>`, None where that would
    tell of fewer than 5. `withdrawn_since` says how many of those it learned from permit it no more
    (0, "fewer than 5", …); None where that is not known. `coverage` is over people who permit the
    fairness audit alone; `coverage_reason` says why it is empty.
    """

    sources: tuple[Source, ...]
    permission: Mapping[str, int | None]
    withdrawn_since: str | None = None
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
    attributes: Mapping[str, Mapping[str, str]],
    people: Collection[str],
    permitted: frozenset[str],
    *,
    min_people: int,
) -> list[Coverage]:
    """Count who permits training and who is missing, by group of each attribute.

    `attributes` maps each to person to group. No sum or difference of what is shown tells of fewer
    than `min_people`.
    """
    asked = sorted(people)
    side = ["permitted" if person in permitted else "missing" for person in asked]
    breakdowns = {_SIDE: Breakdown(side)}
    for name, groups in attributes.items():
        labels = [groups.get(person) for person in asked]
        pairs = [None if g is None else (g, s) for g, s in zip(labels, side, strict=True)]
        breakdowns[name] = Breakdown(labels)
        breakdowns[f"{name} by permission"] = Breakdown(pairs, within=(name, _SIDE))
    hidden = hidden_groups(breakdowns, min_people)
    found = []
    for name in attributes:
        pairs_of = breakdowns[f"{name} by permission"].labels
        sizes = Counter(pair for pair in pairs_of if pair is not None)
        secret = hidden[f"{name} by permission"] | {(g, s) for g in hidden[name] for s in _SIDES}
        for group in sorted(set(attributes[name].values())):
            yes, no = sizes[group, "permitted"], sizes[group, "missing"]
            if not yes + no:
                continue
            if secret & {(group, each) for each in _SIDES}:
                found.append(Coverage(name, group, None, None, None))
            else:
                found.append(Coverage(name, group, yes, no, wilson(yes, yes + no)))
    return found


_SIDE = "permission"
_SIDES = ("permitted", "missing")
