"""What one figure of the dashboard is: a title, a sentence on how it is made, and its cells."""

from datetime import datetime
from typing import Literal, NamedTuple, get_args

Layer = Literal["executive", "operational", "research"]
LAYERS: tuple[Layer, ...] = get_args(Layer)

Shape = Literal["trend", "headline", "bars", "histogram", "survival", "calibration"]
"""How a figure is drawn, and so which fields of its cells tell something.

trend        a value per `period`; one line per `row` where there are several
headline     a single value, or one per `row`, over no calendar period
bars         a value per `row`, to be compared with each other; of each `period` where there are any
histogram    `value` is how many people's score lies in [`x`, `x_to`); one histogram per `row`;
             the figure's unit is that of the score
survival     `value` is the share still there after `x` days; one curve per `row`
calibration  of people told about `x`, `value` is the share to whom it happened; one bin per cell
"""

Unit = Literal["share", "money", "points", "count", "score", "seconds", "hours", "days", "ratio"]
"""share: 0–1. points: percentage points, or NPS points. score: on the scale the figure states."""

Every = Literal["week", "month", "quarter"]
EVERY: tuple[Every, ...] = get_args(Every)
DEFAULT_EVERY: Every = "month"

FEW = "too few people to show, or shown, it would give a few people away"
"""The note of a cell that is held back."""

SO_FAR = "so far"
"""How the note of a number begins whose period is not over."""


class Cell(NamedTuple):
    """One number, or why there is none.

    `segment` is empty for everyone, else an attribute and its value ("country=Germany"). `every`
    names the calendar that `period` belongs to ("2026-05" of "month") and is empty where there is
    no calendar; `start` and `end` are its days, ISO 8601. `row` names which line, bar or curve the
    cell belongs to. `x` and `x_to` are places on the horizontal axis. `value` is None where there
    is nothing to show; `note` then says why ("too few people to show"), and `hidden` whether there
    is a number that is held back. `people` is over how many persons it is (None where it is not
    over persons).
    """

    row: str = ""
    every: str = ""
    period: str = ""
    start: str = ""
    end: str = ""
    segment: str = ""
    x: float | None = None
    x_to: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    people: int | None = None
    note: str = ""
    hidden: bool = False

    @property
    def runs(self) -> bool:
        """Whether its period is not over yet."""
        return self.note.startswith(SO_FAR)


class Column(NamedTuple):
    """A column of the figure's table and CSV: the field of the cells, and its heading."""

    field: str
    heading: str


class Figure(NamedTuple):
    """One figure of a layer, over every segment and calendar it was taken for.

    `about` says in one sentence what is divided by what, over whom and which window. `scale` names
    the unit where `unit` alone does not (EUR of money; "0–100" of a score). `note` says what holds
    for the whole figure: why it is empty, what is left out. `goal` is where the good end lies.
    `groups` name every segment but everyone that it was taken for, also where the cells of only
    some of them were read.
    """

    name: str
    layer: Layer
    title: str
    unit: Unit
    shape: Shape
    about: str
    columns: tuple[Column, ...]
    cells: tuple[Cell, ...] = ()
    scale: str = ""
    note: str = ""
    goal: Literal["up", "down", ""] = ""
    taken_at: datetime | None = None
    groups: tuple[str, ...] = ()

    @property
    def segments(self) -> tuple[str, ...]:
        """Give the segments it was taken for, everyone ("") first, then by name."""
        return tuple(sorted({"", *self.groups} | {cell.segment for cell in self.cells}))

    @property
    def calendars(self) -> tuple[Every, ...]:
        """Give the calendars it was taken for, short ones first; none where it has no periods."""
        there = {cell.every for cell in self.cells}
        return tuple(every for every in EVERY if every in there)

    @property
    def rows(self) -> tuple[str, ...]:
        """Give its lines, bars or curves in the order in which they are told."""
        return tuple(dict.fromkeys(cell.row for cell in self.cells))

    def is_told(self, segment: str) -> bool:
        """Whether it was taken for this segment; everyone is in every figure."""
        return not segment or any(cell.segment == segment for cell in self.cells)

    def calendar(self, every: Every) -> Every:
        """Give the calendar it is shown by: the one asked for, or else one it was taken for."""
        there = self.calendars
        if every in there or not there:
            return every
        return DEFAULT_EVERY if DEFAULT_EVERY in there else there[0]

    def shown(
        self,
        *,
        segment: str = "",
        every: Every = DEFAULT_EVERY,
        first: str = "",
        last: str = "",
    ) -> tuple[Cell, ...]:
        """Give the cells of one segment and calendar that lie in [first, last), days of ISO 8601.

        They are of everyone where it is not told of the segment, and by a calendar there is where
        it is not told by `every`. "" is an open end; what is no trend and has no calendar lies in
        every time.
        """
        whom = segment if self.is_told(segment) else ""
        calendar = self.calendar(every)
        return tuple(
            cell
            for cell in self.cells
            if cell.segment == whom
            and cell.every in ("", calendar)
            and ((self.shape != "trend" and not cell.every) or _lies_in(cell, first, last))
        )


def _lies_in(cell: Cell, first: str, last: str) -> bool:
    """Whether a whole period lies between two days."""
    return (not first or cell.start[:10] >= first) and (not last or cell.end[:10] <= last)
