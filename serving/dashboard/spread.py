"""The figures of how scores are spread: how many people lie in each band, and nobody's own score.

All bands of all histograms of one kind are decided together, so that none of them, nor what is left
when the others are taken away, is about a few people. A band that changed by a few people since it
was given stays as it was given, and so do all of a group that a few people joined or left. Of a
group whose people all lie in one band, or in bands that are not shown, nothing is told at all.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.disclosure.breakdown import ALL
from governance.disclosure.counts import Counts
from governance.disclosure.groups import Breakdown, hidden_groups
from governance.disclosure.published import Figure
from serving.dashboard.desk import Desk
from serving.dashboard.figure import FEW, Cell, Column
from serving.published import DASHBOARD

COLUMNS = (
    Column("row", "Of what"),
    Column("x", "From"),
    Column("x_to", "to"),
    Column("value", "People"),
)
TENTHS = tuple(k / 10 for k in range(11))
POINTS = tuple(float(k) for k in range(0, 101, 10))
Place = tuple[str, int]
"""Group (or `ALL`) and number of the band."""
Told = list[int | None]
Groupings = Mapping[str, NDArray[np.bool_]]


class Spread(NamedTuple):
    """Whose value is where: one histogram per row, values by person; `split` rows by group too."""

    name: str
    rows: Mapping[str, Mapping[str, float]]
    edges: Sequence[float]
    split: tuple[str, ...] = ()


def spread(found: Spread, desk: Desk, *, groups: Mapping[str, Mapping[str, str]]) -> list[Cell]:
    """Count the people of each band, of everyone and of groups where the row is `split`.

    `groups` are, by attribute, the group of each person. A band is [from, to), the last one with
    its end.
    """
    people = sorted({who for values in found.rows.values() for who in values})
    if not people:
        return []
    bands = {row: _bands(values, people, found.edges) for row, values in found.rows.items()}
    hidden = hidden_groups(
        _breakdowns(bands, people, groups, found.split), desk.register.min_people
    )
    counts = Counts(desk.register, people, desk.key, f"{DASHBOARD}{found.name}")
    cells = []
    for row, band in bands.items():
        board = _Board(counts, row, band, len(found.edges) - 1)
        gone = {(ALL, k) for k in range(board.bands) if k in hidden[_name(row)]}
        whole = board.tell({ALL: band >= 0}, gone)
        cells += _histogram(row, "", whole[ALL], found.edges)
        for attribute, group_of in groups.items() if row in found.split else ():
            own = np.array([group_of.get(who, "") for who in people], object)
            names = {group: f"{attribute}={group}" for group in sorted({*own.tolist()})}
            inside = {name: (own == group) & (band >= 0) for group, name in names.items()}
            both = hidden[_name(row, attribute)]
            hide = gone | {
                (name, k)
                for group, name in names.items()
                for k in range(board.bands)
                if (k, group) in both
            }
            rest = names.pop("", "")
            told = board.tell({ALL: band >= 0} | inside, hide, never=rest)
            for name in names.values():
                cells += _histogram(row, name, told[name], found.edges)
    return cells


class _Board(NamedTuple):
    """The histograms of one row: which of them may be told, and what of them."""

    counts: Counts
    row: str
    band: NDArray[np.int64]
    bands: int

    def tell(self, who: Groupings, hide: AbstractSet[Place], *, never: str = "") -> dict[str, Told]:
        """Give the histogram of each group; None where nothing of a band may be told.

        `never` is who is in no group: nothing is told of them, they are part of the whole.
        """
        silent = self._silent(who, never)
        late = {group for group in who if self._changed_little(group, who[group])}
        held = {(group, k) for group in silent | late for k in range(self.bands)} | hide
        cells = {
            (group, k): inside & (self.band == k)
            for group, inside in who.items()
            for k in range(self.bands)
        }
        found = self.counts.of(self.row, cells, hide=held, rows=[range(self.bands)])
        told = {}
        for group, inside in who.items():
            line = [found[group, k] for k in range(self.bands)]
            unseen = [int(cells[group, k].sum()) for k, n in enumerate(line) if n is None]
            few = len(unseen) == 1 or sum(unseen) < self.counts.register.min_people
            if group in silent or (unseen and (few or not any(line))):
                line = [None] * self.bands
            elif group not in late:
                self.counts.register.give(self._population(group, inside), {})
            told[group] = line
        return told

    def _silent(self, who: Groupings, never: str) -> set[str]:
        """The groups of which nothing may be told: few people, or all of them in one band."""
        sizes = {
            group: np.bincount(self.band[inside], minlength=self.bands)
            for group, inside in who.items()
        }
        least = self.counts.register.min_people
        groups = sorted(sizes.keys() - {ALL}, key=lambda group: (int(sizes[group].sum()), group))
        silent = {group for group, n in sizes.items() if n.sum() < least or (n > 0).sum() < 2}
        silent |= sizes.keys() & {never}
        rest = [group for group in groups if group not in silent]
        while rest and (unseen := [sizes[group] for group in silent if sizes[group].any()]):
            together = np.sum(unseen, axis=0)
            if together.sum() >= least and (together > 0).sum() > 1:
                break
            silent.add(rest.pop(0))
        return silent

    def _changed_little(self, group: str, inside: NDArray[np.bool_]) -> bool:
        figure = self._population(group, inside)
        return self.counts.register.standing(figure) == "near"

    def _population(self, group: str, inside: NDArray[np.bool_]) -> Figure:
        return self.counts.figure(f"{self.row} in all", (group, 0), inside)


def _bands(
    values: Mapping[str, float], people: Sequence[str], edges: Sequence[float]
) -> NDArray[np.int64]:
    """Give the band of each person (n,), -1 for whoever has no value."""
    told = np.array([values.get(who, np.nan) for who in people], np.float64)
    band = np.clip(np.searchsorted(edges, told, side="right") - 1, 0, len(edges) - 2)
    return np.where(np.isnan(told), -1, band)


def _breakdowns(
    bands: Mapping[str, NDArray[np.int64]],
    people: Sequence[str],
    groups: Mapping[str, Mapping[str, str]],
    split: Sequence[str],
) -> dict[str, Breakdown]:
    """Name every way in which people are told apart: who has a value, its band, their groups."""
    found = {
        f"group {attribute}": Breakdown([group_of.get(who) for who in people])
        for attribute, group_of in groups.items()
    }
    for row, band in bands.items():
        known = [None if k < 0 else "known" for k in band.tolist()]
        found[f"known {row}"] = Breakdown(known)
        labels = [None if k < 0 else k for k in band.tolist()]
        found[_name(row)] = Breakdown(labels, within=(f"known {row}",))
        for attribute, group_of in groups.items() if row in split else ():
            both = [
                None if k is None or who not in group_of else (k, group_of[who])
                for k, who in zip(labels, people, strict=True)
            ]
            within = (_name(row), f"group {attribute}")
            found[_name(row, attribute)] = Breakdown(both, within=within)
    return found


def _name(row: str, attribute: str = "") -> str:
    return f"band {row}" + (f" by {attribute}" if attribute else "")


def _histogram(row: str, segment: str, told: Told, edges: Sequence[float]) -> list[Cell]:
    made = []
    for n, (low, high) in zip(told, pairwise(edges), strict=True):
        place = Cell(row=row, segment=segment, x=low, x_to=high)
        if n is None:
            made.append(place._replace(note=FEW, hidden=True))
        else:
            made.append(place._replace(value=float(n)))
    return made
