"""Which figures of a breakdown may not be shown: small ones, and those that give them away.

The groups of a period add up to the whole of that period; the periods of a group add up to what a
longer period would show. Whoever knows all terms of such a sum but one knows that one too.
"""

from collections.abc import Mapping

from outcomes.measures.definition import ALL

Cell = tuple[str, int]
"""Group and number of the period."""


def hidden_cells(sizes: Mapping[Cell, int], smallest: int) -> set[Cell]:
    """Give the cells to hide, among `sizes` in people of each group (and `ALL`) and period.

    First those of 1 to `smallest` − 1 people. Then, until nothing changes: the hidden parts of a
    visible whole are at least two and hold at least `smallest` people together, and a whole that is
    hidden has a hidden part; the smallest others are hidden to get there. Empty cells stay empty.
    """
    cells = {cell: n for cell, n in sizes.items() if n > 0}
    hidden = {cell for cell, n in cells.items() if n < smallest}
    groups = sorted({group for group, _ in cells})
    periods = sorted({period for _, period in cells})
    while True:
        before = len(hidden)
        for period in periods:
            parts = [(g, period) for g in groups if g != ALL and (g, period) in cells]
            _protect(parts, cells, hidden, smallest, whole_hidden=(ALL, period) in hidden)
        for group in groups:
            row = [(group, period) for period in periods if (group, period) in cells]
            _protect(row, cells, hidden, smallest, whole_hidden=False)
        if len(hidden) == before:
            return hidden


def _protect(
    parts: list[Cell],
    cells: Mapping[Cell, int],
    hidden: set[Cell],
    smallest: int,
    *,
    whole_hidden: bool,
) -> None:
    covered = [cell for cell in parts if cell in hidden]
    rest = sorted((c for c in parts if c not in hidden), key=lambda c: (cells[c], c), reverse=True)
    if whole_hidden:
        if parts and not covered:
            hidden.add(rest.pop())
        return
    while covered and rest and (len(covered) < 2 or sum(cells[c] for c in covered) < smallest):
        covered.append(rest.pop())
        hidden.add(covered[-1])
