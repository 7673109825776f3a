"""How many people are in each group of a table: counts of now, beside those that were given before.

A count is of no period: each is compared with all that were ever given under its name.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from governance.disclosure.breakdown import ALL, Cell, Part, decide
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of

_ALWAYS = (0, 2**62)


class Counts:
    """Counts that may be given: as they are, or as they were last given where few changed.

    Those with one `name` are compared with each other. `whole` is what tables of the same whole
    call it.
    """

    def __init__(
        self,
        register: Register,
        people: Sequence[str],
        key: bytes,
        name: str,
        *,
        whole: str = "",
    ) -> None:
        self.register, self.name, self.whole = register, name, whole
        self.keys = person_keys(people, key)

    def figure(self, table: str, cell: Cell, who: Any) -> Figure:
        """Name the count of `who`, (n,) booleans, as one that could be given."""
        group, period = cell
        named = (self.whole or table, "") if group == ALL else (table, group)
        which = cell_of(*named, period) if period else cell_of(*named)
        trace = trace_of(self.keys[who])
        return Figure(self.name, which, *_ALWAYS, int(who.sum()), trace)

    def of(
        self,
        table: str,
        cells: Mapping[Cell, Any],
        *,
        hide: AbstractSet[Cell] = frozenset(),
        rows: Sequence[Collection[int]] | None = None,
    ) -> dict[Cell, int | None]:
        """Count who is in each cell, (n,) booleans; None where nothing of it may be told.

        Nobody is in two groups of a period, and the groups of each add up to `ALL` of it. What is
        in `hide` is told only as it was given before.
        """
        figures = {cell: self.figure(table, cell, who) for cell, who in cells.items()}
        parts = {cell: Part(figure.people, figure) for cell, figure in figures.items()}
        least = self.register.min_people
        verdicts = decide(parts, self.register, least, hide=hide, rows=rows)
        found: dict[Cell, int | None] = {}
        for cell, figure in figures.items():
            verdict = verdicts.get(cell)
            if verdict is None:
                found[cell] = 0
            elif verdict.shown:
                found[cell] = figure.people
                self.register.give(figure, {"people": figure.people})
            else:
                before = verdict.before
                found[cell] = None if before is None else int(before.body["people"])
        return found
