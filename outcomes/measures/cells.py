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
    hidden has a hidden part; the smallest others are hidden to get there, and where there are none
    the whole. Empty cells stay empty.
    """
    cells = {cell: n for cell, n in sizes.items() if n > 0}
    hidden = {cell for cell, n in cells.items() if n < smallest}
    groups = sorted({group for group, _ in cells})
    periods = sorted({period for _, period in cells})
    while True:
        before = len(hidden)
        for period in periods:
            whole = (ALL, period)
            parts = [(g, period) for g in groups if g != ALL and (g, period) in cells]
            if whole not in hidden and not _protect(parts, cells, hidden, smallest):
                hidden.add(whole)
            if whole in hidden and parts and not hidden.intersection(parts):
                hidden.add(min(parts, key=lambda cell: (cells[cell], cell)))
        for group in groups:
            row = [(group, period) for period in periods if (group, period) in cells]
            _protect(row, cells, hidden, smallest)
        if len(hidden) == before:
            return hidden


def _protect(
    parts: list[Cell], cells: Mapping[Cell, int], hidden: set[Cell], smallest: int
) -> bool:
    """Hide more of the parts of a known whole until none can be worked out; whether that worked."""
    covered = [cell for cell in parts if cell in hidden]
    rest = sorted((c for c in parts if c not in hidden), key=lambda c: (cells[c], c), reverse=True)
    while covered and rest and not _safe(covered, cells, smallest):
        covered.append(rest.pop())
        hidden.add(covered[-1])
    return not covered or _safe(covered, cells, smallest)


def _safe(covered: list[Cell], cells: Mapping[Cell, int], smallest: int) -> bool:
    return len(covered) > 1 and sum(cells[cell] for cell in covered) >= smallest
