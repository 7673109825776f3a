"""Counts people group by group, so that no cell gives a few of them away."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from fairlearn.metrics import MetricFrame
from numpy.typing import NDArray

from governance.disclosure import Breakdown, hidden_groups
from governance.fairness_record import NOT_KNOWN, GroupCell
from governance.intervals import wilson

Flags = NDArray[np.bool_]
Labels = NDArray[np.object_]


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
    """Everyone's group (n,), empty where it is not known."""
    return np.asarray(["" if v in (None, NOT_KNOWN) else str(v) for v in values], dtype=object)


class Shown(NamedTuple):
    """Cells of each attribute, of those whose group is not known, and of every two attributes.

    Small ones are hidden, and what would give one away: all are looked at together.
    """

    groups: dict[str, list[GroupCell]]
    unknown: dict[str, GroupCell]
    intersections: list[GroupCell]


def count_groups(people: People, labels: Mapping[str, Labels], min_cell: int) -> Shown:
    """Count everyone by every attribute and by every two; `labels` hold each one's group (n,)."""
    crossed = {f"{a} × {b}": _crossed(labels[a], labels[b]) for a, b in combinations(labels, 2)}
    told = {
        name: Breakdown(np.where(own == "", NOT_KNOWN, own).tolist())
        for name, own in labels.items()
    }
    told |= {
        f"{a} × {b}": Breakdown([pair or None for pair in crossed[f"{a} × {b}"]], within=(a, b))
        for a, b in combinations(labels, 2)
    }
    hidden = hidden_groups(told, min_cell)

    def shown(name: str, cell: GroupCell) -> GroupCell:
        return GroupCell(name, cell.group, None) if cell.group in hidden[name] else cell

    return Shown(
        {name: [shown(name, c) for c in _cells(people, name, own)] for name, own in labels.items()},
        {
            name: shown(name, _one(people, name, NOT_KNOWN, own == ""))
            for name, own in labels.items()
        },
        [shown(name, c) for name, pairs in crossed.items() for c in _cells(people, name, pairs)],
    )


def _crossed(left: Labels, right: Labels) -> Labels:
    """Both groups of everyone (n,) as one; empty where either is not known."""
    both = [f"{a} and {b}" if a and b else "" for a, b in zip(left, right, strict=True)]
    return np.asarray(both, dtype=object)


def _cells(people: People, name: str, labels: Labels) -> list[GroupCell]:
    known = labels != ""
    if not known.any():
        return []
    frame = MetricFrame(
        metrics={
            "n": lambda t, _: int(t.size),
            "positives": lambda t, _: int(t.sum()),
            "selected": lambda _, s: int(s.sum()),
            "true_positives": lambda t, s: int((t & s).sum()),
        },
        y_true=people.truth[known],
        y_pred=people.flagged[known],
        sensitive_features=labels[known],
    )
    return [
        group_cell(
            name,
            str(group),
            n=int(row["n"]),
            positives=int(row["positives"]),
            selected=int(row["selected"]),
            true_positives=int(row["true_positives"]),
        )
        for group, row in frame.by_group.iterrows()
    ]


def _one(people: People, name: str, group: str, inside: Flags) -> GroupCell:
    truth, flagged = people.truth[inside], people.flagged[inside]
    return group_cell(
        name,
        group,
        n=int(inside.sum()),
        positives=int(truth.sum()),
        selected=int(flagged.sum()),
        true_positives=int((truth & flagged).sum()),
    )
