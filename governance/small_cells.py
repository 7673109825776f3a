"""Which cells of a table may not be shown: small ones, and those that would give them away."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Cell = TypeVar("Cell", bound=Hashable)
Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)


def hidden_cells(sizes: Mapping[Cell, int], min_cell: int) -> set[Cell]:
    """Give the parts of one known total that may not be shown.

    Those with 1 to `min_cell` − 1 people, and when that is a single part, also the smallest of the
    others: with one part hidden, subtraction from the total would give it back. Empty parts are
    shown as empty.
    """
    hidden = {cell for cell, n in sizes.items() if 0 < n < min_cell}
    return hidden | _companion(sizes, hidden)


def hidden_grid(sizes: Mapping[tuple[Row, Column], int], min_cell: int) -> set[tuple[Row, Column]]:
    """Give the cells of a two-way table that may not be shown beside its row and column totals."""
    hidden = {cell for cell, n in sizes.items() if 0 < n < min_cell}
    while True:
        more: set[tuple[Row, Column]] = set()
        for line in _lines(sizes):
            more |= _companion({cell: sizes[cell] for cell in line}, (hidden | more) & set(line))
        if more <= hidden:
            return hidden
        hidden |= more


def _companion(sizes: Mapping[Cell, int], hidden: set[Cell]) -> set[Cell]:
    if len(hidden) != 1:
        return set()
    others = [cell for cell, n in sizes.items() if n > 0 and cell not in hidden]
    return {min(others, key=lambda cell: (sizes[cell], str(cell)))} if others else set()


def _lines(sizes: Iterable[tuple[Row, Column]]) -> list[list[tuple[Row, Column]]]:
    rows: dict[Row, list[tuple[Row, Column]]] = {}
    columns: dict[Column, list[tuple[Row, Column]]] = {}
    for cell in sizes:
        rows.setdefault(cell[0], []).append(cell)
        columns.setdefault(cell[1], []).append(cell)
    return [*rows.values(), *columns.values()]
