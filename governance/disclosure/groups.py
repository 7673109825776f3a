"""Which groups of people may be shown beside each other so that no difference tells of a few.

Every figure over a group is a sum over its people, so whoever has several figures can add and
subtract them: the total less all groups but one, a group less one that lies inside it, the groups
of one attribute against those of another. `hidden_groups` looks at all of them together, so that
the answer does not depend on which of them somebody asks for.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput

Sets = NDArray[np.bool_]
"""Sets of people, (sets, kinds): a kind of people is those alike in every breakdown."""

_SURE = 1e-7


class Breakdown(NamedTuple):
    """One way of telling the same people apart.

    `labels` (n,) name the group of each person; None for someone in no group that is shown. The
    groups refine those of each breakdown named in `within` (a pair of attributes both of them);
    without any they are parts of everyone.
    """

    labels: Sequence[Hashable | None]
    within: tuple[str, ...] = ()


class _Group(NamedTuple):
    breakdown: str
    label: Hashable


def hidden_groups(
    breakdowns: Mapping[str, Breakdown], min_people: int
) -> dict[str, frozenset[Hashable]]:
    """Give the groups of each breakdown that may not be shown, beside the total of everyone.

    After hiding them, of what is shown or follows by subtracting shown groups from what they are
    parts of:

    - every group has at least `min_people` people;
    - any two differ in nobody or in at least `min_people` people;
    - no sum and difference of any number of shown groups gives a group below `min_people`, nor
      fewer than that who are alike in every breakdown.

    Small groups go first, then always the smallest that helps, ties by name; a group within a
    hidden one is hidden. Raises `InvalidInput` where lengths or names do not fit.
    """
    if not breakdowns:
        return {}
    _check(breakdowns)
    names = list(breakdowns)
    codes = [_codes(breakdowns[name].labels) for name in names]
    kinds, weight = _kinds([code for code, _ in codes])
    groups = [
        _Group(name, label) for name, (_, labels) in zip(names, codes, strict=True)
        for label in labels
    ]  # fmt: skip
    sets = np.array(
        [kinds[:, k] == code for k, (_, labels) in enumerate(codes) for code in range(len(labels))],
        dtype=np.bool_,
    ).reshape(len(groups), len(weight))
    board = _Board(groups, sets, weight, breakdowns, min_people)
    board.settle()
    return {
        name: frozenset(
            group.label
            for group, shown in zip(groups, board.shown, strict=True)
            if group.breakdown == name and not shown
        )
        for name in names
    }


class _Board:
    """Groups that are shown so far; `settle` hides until nothing small can be worked out."""

    def __init__(
        self,
        groups: Sequence[_Group],
        sets: Sets,
        weight: NDArray[np.int64],
        breakdowns: Mapping[str, Breakdown],
        min_people: int,
    ) -> None:
        self.groups, self.sets, self.weight = groups, sets, weight
        self.least = min_people
        self.size = sets @ weight
        self.shown = self.size >= min_people
        self.everyone = np.ones(len(weight), dtype=np.bool_)
        rank = sorted(range(len(groups)), key=lambda k: (self.size[k], str(groups[k])))
        self.rank = {k: place for place, k in enumerate(rank)}
        self.families = list(self._families(breakdowns))

    def settle(self) -> None:
        while (found := self._gives_away()) is not None:
            self.shown[found] = False
        large = np.flatnonzero(~self.shown & (self.size >= self.least))
        for place in sorted(large, key=lambda k: -self.rank[int(k)]):
            before = self.shown.copy()
            self.shown[place] = True
            if self._inside_hidden()[place] or self._gives_away() is not None:
                self.shown = before

    def _gives_away(self) -> int | None:
        """The next group to hide, having hidden those inside hidden ones; None when all is well."""
        while (inside := self.shown & self._inside_hidden()).any():
            self.shown &= ~inside
        found = self._too_near()
        return self._worked_out() if found is None else found

    def _families(
        self, breakdowns: Mapping[str, Breakdown]
    ) -> list[tuple[int | None, NDArray[np.int64]]]:
        """Each whole (None: everyone) with the groups of one breakdown that are parts of it."""
        places: dict[str, list[int]] = {}
        for k, group in enumerate(self.groups):
            places.setdefault(group.breakdown, []).append(k)
        found: list[tuple[int | None, NDArray[np.int64]]] = []
        for name, breakdown in breakdowns.items():
            parts = np.array(places.get(name, []), dtype=np.int64)
            if not breakdown.within:
                found.append((None, parts))
            for above in breakdown.within:
                for whole in places.get(above, []):
                    inside = ~(self.sets[parts] & ~self.sets[whole]).any(axis=1)
                    found.append((whole, parts[inside]))
        return found

    def _inside_hidden(self) -> Sets:
        inside = np.zeros(len(self.groups), dtype=np.bool_)
        for whole, parts in self.families:
            if whole is not None and not self.shown[whole]:
                inside[parts] = True
        return inside

    def _too_near(self) -> int | None:
        """A group to hide because two sets that can be known differ in a few people; or None."""
        known = [self.everyone]
        to_hide: list[int | None] = [None]
        for k in np.flatnonzero(self.shown):
            known.append(self.sets[k])
            to_hide.append(int(k))
        for whole, parts in self.families:
            there = parts[self.shown[parts]]
            if there.size and (whole is None or self.shown[whole]):
                all_of_it = self.everyone if whole is None else self.sets[whole]
                known.append(all_of_it & ~self.sets[there].any(axis=0))
                to_hide.append(self._smallest(there))
        sets = np.array(known, dtype=np.float64)
        common = (sets * self.weight) @ sets.T
        size = common.diagonal()
        apart = size[:, None] + size[None, :] - 2 * common
        near = (apart > 0) & (apart < self.least)
        small = (size > 0) & (size < self.least)
        candidates = {to_hide[k] for k in np.flatnonzero(small | near.any(axis=1))} - {None}
        return self._smallest([k for k in candidates if k is not None]) if candidates else None

    def _worked_out(self) -> int | None:
        """A group to hide because sums and differences give a small one; None when none does."""
        there = np.flatnonzero(self.shown)
        known = np.vstack([self.everyone, self.sets[there]]).astype(np.float64)
        square, turn = np.linalg.eigh(known @ known.T)
        turn, square = turn[:, square > _SURE * square[-1]], square[square > _SURE * square[-1]]
        span = (turn / np.sqrt(square)).T @ known
        kinds = np.flatnonzero((self.weight < self.least) & ((span**2).sum(axis=0) > 1 - _SURE))
        groups = self.sets[(self.size > 0) & (self.size < self.least)].astype(np.float64)
        outside = groups.sum(axis=1) - ((groups @ span.T) ** 2).sum(axis=1)
        secret = groups[outside < _SURE]
        if kinds.size:
            secret = np.vstack([secret, np.eye(1, len(self.weight), int(kinds[0]))])
        if not len(secret):
            return None
        shares = turn / square @ (turn.T @ (known @ secret[0]))
        used = there[np.abs(shares[1:]) > _SURE]
        return self._smallest(used) if used.size else None

    def _smallest(self, places: Sequence[int] | NDArray[np.int64]) -> int:
        return min((int(k) for k in places), key=lambda k: self.rank[k])


def _codes(labels: Sequence[Hashable | None]) -> tuple[NDArray[np.int64], list[Hashable]]:
    """Number the labels in the order of their names; −1 for None."""
    there = sorted({label for label in labels if label is not None}, key=str)
    place: dict[Hashable | None, int] = {label: k for k, label in enumerate(there)}
    found = np.fromiter((place.get(each, -1) for each in labels), np.int64, len(labels))
    return found, list(there)


def _kinds(codes: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give every combination of codes that occurs, (kinds, breakdowns), and how many people."""
    table = np.column_stack(codes)
    combined = np.zeros(len(table), dtype=np.int64)
    for column in table.T:
        _, combined = np.unique(
            combined * (column.max(initial=0) + 2) + column + 1, return_inverse=True
        )
    _, first, weight = np.unique(combined, return_index=True, return_counts=True)
    return table[first], weight


def _check(breakdowns: Mapping[str, Breakdown]) -> None:
    lengths = {len(breakdown.labels) for breakdown in breakdowns.values()}
    if len(lengths) != 1:
        raise InvalidInput(f"one label per person is expected everywhere, found {sorted(lengths)}")
    unknown = {above for each in breakdowns.values() for above in each.within} - set(breakdowns)
    if unknown:
        raise InvalidInput(f"there is no breakdown {', '.join(sorted(unknown))} to be within")
