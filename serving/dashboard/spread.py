"""The figures of how scores are spread: how many people lie in each band, and nobody's own score.

All bands of all histograms of one kind are decided together, so that none of them, nor what is left
when the others are taken away, is about a few people. A band that changed by a few people since it
was given stays as it was given.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.disclosure.groups import Breakdown, hidden_groups
from serving.dashboard.desk import Desk
from serving.dashboard.figure import Cell, Column
from serving.permission.coverage import Counts
from serving.published import DASHBOARD

COLUMNS = (
    Column("row", "Of what"),
    Column("x", "From"),
    Column("x_to", "to"),
    Column("value", "People"),
)
TENTHS = tuple(k / 10 for k in range(11))
POINTS = tuple(float(k) for k in range(0, 101, 10))
FEW = "too few people to show, or shown, it would give a few people away"


Labels = frozenset[Hashable]


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
        gone: Labels = hidden[_name(row)]
        cells += _histogram(row, "", band, found.edges, gone, counts)
        for attribute, group_of in groups.items() if row in found.split else ():
            own = np.array([group_of.get(who, "") for who in people], object)
            both = hidden[_name(row, attribute)]
            for group in sorted({*own.tolist()} - {""}):
                inside = np.where(own == group, band, -1)
                gone = frozenset(k for k in range(len(found.edges)) if (k, group) in both)
                segment = f"{attribute}={group}"
                cells += _histogram(row, segment, inside, found.edges, gone, counts)
    return cells


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


def _histogram(
    row: str,
    segment: str,
    band: NDArray[np.int64],
    edges: Sequence[float],
    hidden: Labels,
    counts: Counts,
) -> list[Cell]:
    made = []
    for k, (low, high) in enumerate(pairwise(edges)):
        place = Cell(row=row, segment=segment, x=low, x_to=high)
        there = band == k
        if not there.any():
            made.append(place._replace(value=0.0))
            continue
        n = None if k in hidden else counts.of(f"{row} {segment}", str(k), there)
        if n is None:
            made.append(place._replace(note=FEW, hidden=True))
        else:
            made.append(place._replace(value=float(n)))
    return made
