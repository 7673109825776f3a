"""Which parts of one total may not be shown: small ones, and those that would give them away."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Cell = TypeVar("Cell", bound=Hashable)


def hidden_cells(sizes: Mapping[Cell, int], min_cell: int) -> set[Cell]:
    """Give the parts of one known total that may not be shown.

    Those with 1 to `min_cell` − 1 people, and the smallest of the others until what is hidden (it
    follows from the total) is at least two parts and `min_cell` people. Empty parts are shown as
    empty.
    """
    hidden = {cell for cell, n in sizes.items() if 0 < n < min_cell}
    rest = sorted(
        (cell for cell, n in sizes.items() if n >= min_cell),
        key=lambda cell: (sizes[cell], str(cell)),
        reverse=True,
    )
    while hidden and rest and (len(hidden) == 1 or sum(sizes[c] for c in hidden) < min_cell):
        hidden.add(rest.pop())
    return hidden
