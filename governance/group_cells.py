"""Counts people group by group, so that no cell gives a few of them away."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from fairlearn.metrics import MetricFrame
from numpy.typing import NDArray

from governance.fairness_record import NOT_KNOWN, GroupCell
from governance.intervals import wilson
from governance.small_cells import hidden_cells, hidden_grid

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
    return np.asarray(["" if v is None else str(v) for v in values], dtype=object)


def groups_shown(
    people: People, name: str, labels: Labels, min_cell: int
) -> tuple[list[GroupCell], GroupCell]:
    """Give one cell per group, and that of those whose group is not known; small ones hidden."""
    cells = _cells(people, name, labels)
    unknown = _one(people, name, NOT_KNOWN, labels == "")
    sizes = {cell.group: cell.n or 0 for cell in cells} | {"": unknown.n or 0}
    hidden = hidden_cells(sizes, min_cell)
    shown = [_hide(cell) if cell.group in hidden else cell for cell in cells]
    return shown, _hide(unknown) if "" in hidden else unknown


def intersections(
    people: People, attributes: Mapping[str, Sequence[str | None]], min_cell: int
) -> Iterator[GroupCell]:
    """Give the cells of every two attributes together, small ones hidden."""
    for (a, left), (b, right) in combinations(attributes.items(), 2):
        pairs = [
            None if x is None or y is None else (str(x), str(y))
            for x, y in zip(left, right, strict=True)
        ]
        hidden = hidden_grid(Counter(p for p in pairs if p is not None), min_cell)
        unseen = {_pair(pair) for pair in hidden}
        labels = np.asarray(["" if p is None else _pair(p) for p in pairs], dtype=object)
        for cell in _cells(people, f"{a} × {b}", labels):
            yield _hide(cell) if cell.group in unseen else cell


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


def _hide(cell: GroupCell) -> GroupCell:
    return GroupCell(cell.attribute, cell.group, None)


def _pair(pair: tuple[str, str]) -> str:
    return f"{pair[0]} and {pair[1]}"
