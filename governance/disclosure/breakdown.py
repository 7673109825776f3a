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
    hide: AbstractSet[Cell] = frozenset(),
) -> dict[Cell, Verdict]:
    """Decide over every cell of one table; whoever gives one tells the register so.

    `disjoint`: nobody is in two groups of a period. `rows`: the periods that make up a longer one,
    all of them if not said. `hide`: cells that may not be given as they are now. A cell that
    differs in fewer than `smallest` people from one that was given, or from another of this table,
    is hidden as a small one is; what was given in the very same form can no longer be hidden, and
    so hides nothing else. Nor does what is given again as it was.
    """
    there = {cell: part for cell, part in parts.items() if part.size > 0}
    near, known = _standing(there, register, smallest)
    near |= hide & there.keys()
    before = {
        cell: given.figure
        for cell, part in there.items()
        if part.size >= smallest and (given := register.before(part.figure)) is not None
    }

    def told(covered: Collection[Cell], hidden: AbstractSet[Cell]) -> bool:
        if not disjoint or not covered:
            return False
        figures = {cell: there[cell].figure for cell in covered}
        if _told([*figures.values()], register):
            return True
        mixed = _mixed(figures, there, before, hidden)
        return mixed is not None and (
            register.standing(mixed) == "near" or 0 < mixed.apart(_nobody(mixed)) < smallest
        )

    hidden = hidden_cells(
        {cell: part.size for cell, part in there.items()},
        smallest,
        near=near,
        known=known,
        again=before.keys(),
        told=told,
        rows=rows,
    )
    if disjoint:
        _give_rests(there, hidden, before, register)
    found = {}
    for cell, part in there.items():
        last = register.before(part.figure)
        if cell not in hidden:
            found[cell] = Verdict(True, before=last if cell in known else None)
        elif part.size < smallest:
            found[cell] = Verdict(False, FEW)
        else:
            why = NEAR.format(smallest) if cell in near else COMPANION
            found[cell] = Verdict(False, why, last)
    return found


def hidden_cells(
    sizes: Mapping[Cell, int],
    smallest: int,
    *,
    near: AbstractSet[Cell] = frozenset(),
    known: AbstractSet[Cell] = frozenset(),
    again: AbstractSet[Cell] = frozenset(),
    told: Callable[[Collection[Cell], AbstractSet[Cell]], bool] = lambda covered, hidden: False,
    rows: Sequence[Collection[int]] | None = None,
) -> set[Cell]:
    """Give the cells to hide, among `sizes` in people of each group (and `ALL`) and period.

    First those of 1 to `smallest` − 1 people, and those `near`. Then, until nothing changes: the
    hidden parts of a visible whole are at least two, hold at least `smallest` people together and
    are not `told` by something else, and a whole that is hidden has a hidden part; the smallest
    others are hidden to get there, and where there are none the whole. Of hidden parts those that
    would be given `again` as they were are seen all the same: the others must be enough without
    them, or nothing new is given of the period. Empty cells stay empty; what is `known`, and not
    small, stays shown.
    """
    cells = {cell: n for cell, n in sizes.items() if n > 0}
    hidden = {cell for cell, n in cells.items() if n < smallest} | (near - known)
    board = _Board(cells, smallest, known, again, frozenset(hidden - again), hidden)
    groups = sorted({group for group, _ in cells})
    periods = sorted({period for _, period in cells})
    longer = rows if rows is not None else [periods]
    while True:
        before = len(hidden)
        for period in periods:
            whole = (ALL, period)
            parts = [(g, period) for g in groups if g != ALL and (g, period) in cells]
            safe = board.protect(parts, told)
            if whole not in hidden | known and not safe:
                hidden.add(whole)
            seen = whole in known or (whole in hidden and whole in again)
            if seen and not safe:
                hidden.update(cell for cell in (whole, *parts) if cell not in known)
            rest = [cell for cell in parts if cell not in known]
            if whole in hidden and rest and not hidden.intersection(parts):
                hidden.add(min(rest, key=lambda cell: (cells[cell], cell)))
        for group in groups:
            for row in longer:
                line = [(group, period) for period in row if (group, period) in cells]
                board.protect(line)
        if len(hidden) == before:
            return hidden


class _Board(NamedTuple):
    """The cells of one table, which of them are hidden so far, and which are `secret` first."""

    cells: Mapping[Cell, int]
    smallest: int
    known: AbstractSet[Cell]
    again: AbstractSet[Cell]
    secret: AbstractSet[Cell]
    hidden: set[Cell]

    def protect(
        self,
        parts: Sequence[Cell],
        told: Callable[[Collection[Cell], AbstractSet[Cell]], bool] = lambda covered, hidden: False,
    ) -> bool:
        """Hide more parts of a known whole until none can be worked out; whether that worked."""
        covered = [cell for cell in parts if cell in self.hidden]
        rest = sorted(
            (c for c in parts if c not in self.hidden and c not in self.known),
            key=lambda c: (c in self.again, self.cells[c], c),
            reverse=True,
        )
        while covered and rest and not self._safe(covered, told):
            covered.append(rest.pop())
            self.hidden.add(covered[-1])
        return not covered or self._safe(covered, told)

    def _safe(
        self,
        covered: Sequence[Cell],
        told: Callable[[Collection[Cell], AbstractSet[Cell]], bool],
    ) -> bool:
        unseen = [cell for cell in covered if cell not in self.again]
        secret = any(cell in self.secret for cell in unseen)
        enough = self._enough(covered) and (not secret or self._enough(unseen))
        return enough and not told(covered, self.hidden)

    def _enough(self, covered: Sequence[Cell]) -> bool:
        return len(covered) > 1 and sum(self.cells[cell] for cell in covered) >= self.smallest


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


def _mixed(
    covered: Mapping[Cell, Figure],
    parts: Mapping[Cell, Part],
    before: Mapping[Cell, Figure],
    hidden: AbstractSet[Cell],
) -> Figure | None:
    """Give what follows from a whole less what is seen of its parts, some of it as it was before.

    None where the whole is not seen.
    """
    whole = (ALL, next(iter(covered))[1])
    if whole not in parts or (whole in hidden and whole not in before):
        return None
    rest = _together([*covered.values()])
    changed = [(before[cell], -1) for cell in covered if cell in before]
    if whole in hidden:
        changed += [(before[whole], 1), (parts[whole].figure, -1)]
    return rest._replace(
        people=rest.people + sum(sign * figure.people for figure, sign in changed),
        trace=reduce(xor, (figure.trace for figure, _ in changed), rest.trace),
    )


def _nobody(figure: Figure) -> Figure:
    return figure._replace(people=0, trace=figure.trace ^ figure.trace)


def _give_rests(
    parts: Mapping[Cell, Part],
    hidden: AbstractSet[Cell],
    before: Mapping[Cell, Figure],
    register: Register,
) -> None:
    """Note what follows for each period by taking the groups that are seen from the whole."""
    for whole in (cell for cell in parts if cell[0] == ALL):
        covered = {
            cell: part.figure
            for cell, part in parts.items()
            if cell[1] == whole[1] and cell[0] != ALL and cell in hidden
        }
        if not covered:
            continue
        if whole not in hidden:
            register.give(_together([*covered.values()]))
        mixed = _mixed(covered, parts, before, hidden)
        if mixed is not None and mixed.trace.any():
            register.give(mixed)
