"""Do contacts fall evenly on groups? Looked at after the choice, and never used to choose anyone.

Of those who could be contacted and permit the fairness audit, the share that was chosen in each
group is held against that of the group chosen most. Where the whole interval of that ratio lies
below the limit, the contacts wait for a person. Attributes and cells leave here as aggregates
alone; groups too small to be told apart safely are not shown.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from features.groups import protected, protected_names
from governance.consent.registry import ConsentRegistry
from governance.disclosure.groups import Breakdown, hidden_groups
from governance.intervals import Interval, as_json, share_ratio, wilson

UNEVEN = "contacts_fall_unevenly"
"""Why contacts of a run wait for a person: it is about the run and says nothing about anyone."""

_PURPOSE = "fairness_audit"
_UNKNOWN = "unknown"


class GroupShare(NamedTuple):
    """How many of a group's `eligible` people were `chosen`, and the share against the best-off's.

    All figures are None where the group is too small to be shown; `ratio` is None for the group
    chosen most, and for groups too small to be compared. `uneven`: all of its interval lies below
    the limit.
    """

    attribute: str
    group: str
    eligible: int | None
    chosen: int | None = None
    share: Interval | None = None
    ratio: Interval | None = None
    uneven: bool = False


class Exposure(NamedTuple):
    """What the look came to: `even`, `uneven`, or `cannot_say` with the reason."""

    outcome: Literal["even", "uneven", "cannot_say"]
    reason: str
    limit: float
    groups: tuple[GroupShare, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give plain figures over groups, none about anyone."""
        groups = [
            each._asdict() | {"share": as_json(each.share), "ratio": as_json(each.ratio)}
            for each in self.groups
        ]
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "limit": self.limit,
            "groups": groups,
        }


def look_at_exposure(
    conn: Connection,
    registry: ConsentRegistry,
    eligible: Collection[str],
    chosen: Collection[str],
    *,
    limit: float,
    min_group: int = 30,
    now: datetime,
) -> Exposure:
    """Compare how groups were chosen among the `eligible`; `limit` (0-1) is the least ratio.

    Groups of at least `min_group` people are compared. Intervals are widened for the number of
    comparisons (Bonferroni), so that many attributes do not raise an alarm by chance.
    """
    if not chosen or len(eligible) < 2 * min_group or not protected_names(conn):
        return Exposure("cannot_say", "too few people, or no groups are known", limit)
    permit, _ = registry.permit_many(conn, _PURPOSE, eligible, now=now)
    people = sorted(permit.customers)
    if len(people) < 2 * min_group:
        return Exposure("cannot_say", "too few of them permit the fairness audit", limit)
    min_people = registry.aggregate_permit(conn, _PURPOSE, now=now).min_people
    known = protected(conn, permit)
    groups = {name: [of.get(who, _UNKNOWN) for who in people] for name, of in known.items()}
    taken = set(chosen)
    return compare(
        groups, [who in taken for who in people], limit, min_group=min_group, min_people=min_people
    )


def compare(
    groups: Mapping[str, Sequence[str]],
    chosen: Sequence[bool],
    limit: float,
    *,
    min_group: int,
    min_people: int,
) -> Exposure:
    """Compare shares chosen (n,) between the groups (n,) of every attribute."""
    breakdowns = {name: Breakdown(labels) for name, labels in groups.items()}
    for name, labels in groups.items():
        pairs = list(zip(labels, chosen, strict=True))
        breakdowns[f"chosen, {name}"] = Breakdown(pairs, within=(name,))
    hidden = hidden_groups(breakdowns, min_people)
    counted = [
        (name, _counts(labels, chosen), {str(group) for group in hidden[name]})
        for name, labels in groups.items()
    ]
    comparisons = sum(max(len(_large(each, min_group)) - 1, 0) for _, each, _ in counted)
    if not comparisons:
        return Exposure("cannot_say", "no two groups are large enough to be compared", limit)
    level = 1 - 0.05 / comparisons
    found: list[GroupShare] = []
    for name, counts, small in counted:
        parts = {part[0] for part in hidden[f"chosen, {name}"] if isinstance(part, tuple)}
        found += [
            _told(each, small, parts, _best(counts, min_group))
            for each in _shares(name, counts, limit, min_group, level)
        ]
    if any(each.uneven for each in found):
        return Exposure("uneven", UNEVEN, limit, tuple(found))
    return Exposure("even", "", limit, tuple(found))


def _told(each: GroupShare, small: set[str], parts: set[object], best: str) -> GroupShare:
    """Take away what may not be shown, and ratios from which it could be worked out."""
    if each.group in small:
        return GroupShare(each.attribute, each.group, None, uneven=each.uneven)
    if each.group in parts:
        return GroupShare(each.attribute, each.group, each.eligible, uneven=each.uneven)
    return each._replace(ratio=None) if best in parts or best in small else each


_Counts = Mapping[str, tuple[int, int]]
"""Group to how many are in it and how many of them were chosen."""


def _counts(labels: Sequence[str], chosen: Sequence[bool]) -> _Counts:
    everyone = Counter(labels)
    taken = Counter(label for label, each in zip(labels, chosen, strict=True) if each)
    return {group: (n, taken[group]) for group, n in sorted(everyone.items())}


def _large(counts: _Counts, min_group: int) -> list[str]:
    return [group for group, (n, _) in counts.items() if n >= min_group and group != _UNKNOWN]


def _best(counts: _Counts, min_group: int) -> str:
    """Name the group chosen most among those large enough to be compared."""
    large = _large(counts, min_group)
    return max(large, key=lambda group: counts[group][1] / counts[group][0], default="")


def _shares(
    name: str, counts: _Counts, limit: float, min_group: int, level: float
) -> Iterator[GroupShare]:
    large, best = _large(counts, min_group), _best(counts, min_group)
    for group, (n, taken) in counts.items():
        share = wilson(taken, n)
        if group not in large or group == best:
            yield GroupShare(name, group, n, taken, share)
            continue
        most, most_taken = counts[best]
        ratio = _ratio(taken, n, most_taken, most, level)
        uneven = ratio is not None and ratio.high < limit
        yield GroupShare(name, group, n, taken, share, ratio, uneven)


def _ratio(taken: int, n: int, most_taken: int, most: int, level: float) -> Interval | None:
    """Katz's interval; where nobody of the group was chosen, what Wilson's intervals leave open."""
    if taken or not most_taken:
        return share_ratio(taken, n, most_taken, most, level)
    own, theirs = wilson(0, n, level), wilson(most_taken, most, level)
    if own is None or theirs is None or theirs.low <= 0:
        return None
    return Interval(0.0, 0.0, own.high / theirs.low, level)
