"""Which cells of a table of groups by periods may be given: no small one, none that gives it away.

The groups of a period add up to the whole of that period; the periods of a group add up to what a
longer period would show. Whoever knows all terms of such a sum but one knows that one too. And
whoever has a figure as it was given before may subtract it from the new one.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from operator import xor
from typing import NamedTuple

from governance.disclosure.published import Figure, Given, Register

ALL = "all"
Cell = tuple[str, int]
"""Group (or `ALL`) and number of the period."""

FEW = "too few people to show"
COMPANION = "shown, it would give a small group away"
NEAR = "fewer than {} people's data differ from an earlier figure"


class Part(NamedTuple):
    """A cell that could be given: how many people, and who and what as a figure."""

    size: int
    figure: Figure


class Verdict(NamedTuple):
    """Whether a cell is given, `why` not, and the cell as it was given `before`, to give again."""

    shown: bool
    why: str = ""
    before: Given | None = None


def decide(
    parts: Mapping[Cell, Part],
    register: Register,
    smallest: int,
    *,
    disjoint: bool = True,
    rows: Sequence[Collection[int]] | None = None,
) -> dict[Cell, Verdict]:
    """Decide over every cell of one table; whoever gives one tells the register so.

    `disjoint`: nobody is in two groups of a period. `rows`: the periods that make up a longer one,
    all of them if not said. A cell that differs in fewer than `smallest` people from one that was
    given, or from another of this table, is hidden as a small one is; what was given in the very
    same form can no longer be hidden, and so hides nothing else.
    """
    there = {cell: part for cell, part in parts.items() if part.size > 0}
    near, known = _standing(there, register, smallest)

    def told(covered: Collection[Cell]) -> bool:
        return disjoint and _told([there[cell].figure for cell in covered], register)

    hidden = hidden_cells(
        {cell: part.size for cell, part in there.items()},
        smallest,
        near=near,
        known=known,
        told=told,
        rows=rows,
    )
    if disjoint:
        _give_rests(there, hidden, register)
    found = {}
    for cell, part in there.items():
        before = register.before(part.figure)
        if cell not in hidden:
            found[cell] = Verdict(True, before=before if cell in known else None)
        elif part.size < smallest:
            found[cell] = Verdict(False, FEW)
        else:
            why = NEAR.format(smallest) if cell in near else COMPANION
            found[cell] = Verdict(False, why, before)
    return found


def hidden_cells(
    sizes: Mapping[Cell, int],
    smallest: int,
    *,
    near: AbstractSet[Cell] = frozenset(),
    known: AbstractSet[Cell] = frozenset(),
    told: Callable[[Collection[Cell]], bool] = lambda covered: False,
    rows: Sequence[Collection[int]] | None = None,
) -> set[Cell]:
    """Give the cells to hide, among `sizes` in people of each group (and `ALL`) and period.

    First those of 1 to `smallest` − 1 people, and those `near`. Then, until nothing changes: the
    hidden parts of a visible whole are at least two, hold at least `smallest` people together and
    are not `told` by something else, and a whole that is hidden has a hidden part; the smallest
    others are hidden to get there, and where there are none the whole. Empty cells stay empty; what
    is `known`, and not small, stays shown.
    """
    cells = {cell: n for cell, n in sizes.items() if n > 0}
    hidden = {cell for cell, n in cells.items() if n < smallest} | (near - known)
    groups = sorted({group for group, _ in cells})
    periods = sorted({period for _, period in cells})
    longer = rows if rows is not None else [periods]
    while True:
        before = len(hidden)
        for period in periods:
            whole = (ALL, period)
            parts = [(g, period) for g in groups if g != ALL and (g, period) in cells]
            safe = _protect(parts, cells, hidden, smallest, known, told)
            if whole not in hidden | known and not safe:
                hidden.add(whole)
            rest = [cell for cell in parts if cell not in known]
            if whole in hidden and rest and not hidden.intersection(parts):
                hidden.add(min(rest, key=lambda cell: (cells[cell], cell)))
        for group in groups:
            for row in longer:
                line = [(group, period) for period in row if (group, period) in cells]
                _protect(line, cells, hidden, smallest, known)
        if len(hidden) == before:
            return hidden


def _protect(
    parts: list[Cell],
    cells: Mapping[Cell, int],
    hidden: set[Cell],
    smallest: int,
    known: AbstractSet[Cell],
    told: Callable[[Collection[Cell]], bool] = lambda covered: False,
) -> bool:
    """Hide more of the parts of a known whole until none can be worked out; whether that worked."""

    def safe() -> bool:
        enough = len(covered) > 1 and sum(cells[cell] for cell in covered) >= smallest
        return enough and not told(covered)

    covered = [cell for cell in parts if cell in hidden]
    rest = sorted(
        (c for c in parts if c not in hidden and c not in known),
        key=lambda c: (cells[c], c),
        reverse=True,
    )
    while covered and rest and not safe():
        covered.append(rest.pop())
        hidden.add(covered[-1])
    return not covered or safe()


def _standing(
    parts: Mapping[Cell, Part], register: Register, smallest: int
) -> tuple[set[Cell], set[Cell]]:
    """The cells near one that was given or a larger one of this table, and those given already."""
    near: set[Cell] = set()
    known: set[Cell] = set()
    taken: list[Figure] = []
    for cell in sorted(parts, key=lambda c: (-parts[c].size, c[0] != ALL, c)):
        figure = parts[cell].figure
        beside = [t for t in taken if t.since < figure.until and figure.since < t.until]
        standing = register.standing(figure)
        if standing == "known" and parts[cell].size >= smallest:
            known.add(cell)
        elif standing == "near" or any(register.too_near(figure, each) for each in beside):
            near.add(cell)
            continue
        if parts[cell].size >= smallest:
            taken.append(figure)
    return near, known


def _told(covered: Sequence[Figure], register: Register) -> bool:
    """Whether what is hidden together is near something given, or near itself as it was given."""
    if not covered:
        return False
    rest = _together(covered)
    if register.standing(rest) == "near":
        return True
    before = [each.figure for each in map(register.before, covered) if each is not None]
    return len(before) == len(covered) and register.too_near(rest, _together(before))


def _together(figures: Sequence[Figure]) -> Figure:
    """Give the figure of all the people of several, none of whom is in two."""
    return figures[0]._replace(
        cell="",
        people=sum(figure.people for figure in figures),
        trace=reduce(xor, (figure.trace for figure in figures)),
    )


def _give_rests(parts: Mapping[Cell, Part], hidden: set[Cell], register: Register) -> None:
    """Note what follows for each period by taking the shown groups from the shown whole."""
    for _, period in (cell for cell in parts if cell[0] == ALL and cell not in hidden):
        covered = [
            part.figure
            for cell, part in parts.items()
            if cell[1] == period and cell[0] != ALL and cell in hidden
        ]
        if covered:
            register.give(_together(covered))
