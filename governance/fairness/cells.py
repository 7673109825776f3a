"""Counts people group by group, so that no cell gives a few of them away."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.disclosure.groups import Breakdown, hidden_groups
from governance.fairness.record import NOT_KNOWN, GroupCell
from governance.intervals import wilson

Flags = NDArray[np.bool_]
Labels = NDArray[np.str_]


class People(NamedTuple):
    """What is known of the people in a test set, each (n,): outcome, probability, selected."""

    truth: Flags
    probability: NDArray[np.float64]
    flagged: Flags


def group_cell(
    attribute: str, group: str, *, n: int, positives: int, selected: int, true_positives: int
) -> GroupCell:
    """Make the cell of one group from its four counts."""
    negatives, false_positives = n - positives, selected - true_positives
    return GroupCell(
        attribute=attribute,
        group=group,
        n=n,
        positives=positives,
        negatives=negatives,
        selected=selected,
        true_positives=true_positives,
        false_positives=false_positives,
        selection_rate=wilson(selected, n),
        tpr=wilson(true_positives, positives),
        fpr=wilson(false_positives, negatives),
        fnr=wilson(positives - true_positives, positives),
        ppv=wilson(true_positives, selected),
    )


def labels_of(values: Sequence[str | None]) -> Labels:
    """Everyone's group (n,); `NOT_KNOWN` where nobody stated it."""
    return np.asarray([NOT_KNOWN if v is None else str(v) for v in values], dtype=np.str_)


class Shown(NamedTuple):
    """Cells of each attribute, of those whose group is not known, and of every two attributes.

    Small ones are hidden, and what would give one away: all are looked at together.
    """

    groups: dict[str, list[GroupCell]]
    unknown: dict[str, GroupCell]
    intersections: list[GroupCell]


def count_groups(people: People, labels: Mapping[str, Labels], min_cell: int) -> Shown:
    """Count everyone by every attribute and by every two; `labels` hold each one's group (n,)."""
    pairs = {f"{a} × {b}": (a, b) for a, b in combinations(labels, 2)}
    crossed = {name: _crossed(labels[a], labels[b]) for name, (a, b) in pairs.items()}
    told = {name: Breakdown(own.tolist()) for name, own in labels.items()}
    for name, own in crossed.items():
        inside = [None if each == NOT_KNOWN else each for each in own.tolist()]
        told[name] = Breakdown(inside, within=pairs[name])
    hidden = hidden_groups(told, min_cell)

    def cells(name: str, own: Labels) -> dict[str, GroupCell]:
        return {
            cell.group: GroupCell(name, cell.group, None) if cell.group in hidden[name] else cell
            for cell in _cells(people, name, own)
        }

    groups = {name: cells(name, own) for name, own in labels.items()}
    nobody = {
        name: group_cell(name, NOT_KNOWN, n=0, positives=0, selected=0, true_positives=0)
        for name in labels
    }
    unknown = {name: found.pop(NOT_KNOWN, nobody[name]) for name, found in groups.items()}
    return Shown(
        {name: list(found.values()) for name, found in groups.items()},
        unknown,
        [c for name, own in crossed.items() for c in cells(name, own).values()
         if c.group != NOT_KNOWN],
    )  # fmt: skip


def _crossed(left: Labels, right: Labels) -> Labels:
    """Both groups of everyone (n,) as one; `NOT_KNOWN` where either is."""
    a, of_left = np.unique(left, return_inverse=True)
    b, of_right = np.unique(right, return_inverse=True)
    names = [
        NOT_KNOWN if NOT_KNOWN in (x, y) else f"{x} and {y}" for x in a.tolist() for y in b.tolist()
    ]
    return np.asarray(np.array(names, dtype=np.str_)[of_left * len(b) + of_right])


def _cells(people: People, name: str, labels: Labels) -> Iterator[GroupCell]:
    groups, place = np.unique(labels, return_inverse=True)
    counts = np.stack([
        np.bincount(place, which, len(groups)).astype(int)
        for which in (None, people.truth, people.flagged, people.truth & people.flagged)
    ])  # fmt: skip
    for group, (n, positives, selected, hits) in zip(groups.tolist(), counts.T, strict=True):
        yield group_cell(
            name, group,
            n=int(n), positives=int(positives), selected=int(selected), true_positives=int(hits),
        )  # fmt: skip
