"""What somebody chose to see of the dashboard: a segment, a calendar and the days between."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from urllib.parse import quote, urlencode

from serving.dashboard.figure import DEFAULT_EVERY, EVERY, Cell, Every, Figure


class Choice(NamedTuple):
    """A segment ("" for everyone), a calendar, and the days [first, last) as ISO 8601; "" is open.

    Every link keeps it, so that a view can be sent to somebody.
    """

    segment: str = ""
    every: Every = DEFAULT_EVERY
    first: str = ""
    last: str = ""

    def query(self) -> str:
        """Write it as the end of an address, from `?` on; nothing where nothing was chosen."""
        kept = {
            "segment": self.segment,
            "every": self.every if self.every != DEFAULT_EVERY else "",
            "from": self.first,
            "to": self.last,
        }
        said = urlencode({name: value for name, value in kept.items() if value}, quote_via=quote)
        return f"?{said}" if said else ""

    def cells(self, figure: Figure) -> tuple[Cell, ...]:
        """Give what is shown of a figure: of everyone, where it is not told of the segment."""
        segment = self.segment if self.is_told(figure) else ""
        shown = figure.shown(segment=segment, every=self.calendar(figure))
        return tuple(cell for cell in shown if not cell.every or self._holds(cell))

    def calendar(self, figure: Figure) -> Every:
        """Give the calendar a figure is shown by: the one chosen, or else one it was taken for."""
        there = figure.calendars
        if self.every in there or not there:
            return self.every
        return DEFAULT_EVERY if DEFAULT_EVERY in there else next(e for e in EVERY if e in there)

    def is_told(self, figure: Figure) -> bool:
        """Whether a figure is told of the segment that was chosen."""
        return not self.segment or any(cell.segment == self.segment for cell in figure.cells)

    def narrowed(self, figure: Figure) -> Figure:
        """Give the figure with what is shown of it alone, as a file holds it."""
        return figure._replace(cells=self.cells(figure))

    def _holds(self, cell: Cell) -> bool:
        return (not self.first or cell.start[:10] >= self.first) and (
            not self.last or cell.end[:10] <= self.last
        )


class Spell(NamedTuple):
    """A period that can be chosen: its days and how it is called."""

    start: str
    end: str
    name: str


def read_choice(segment: str, every: str, first: str, last: str) -> Choice:
    """Read what an address asks for; what is no calendar or no day was not chosen."""
    calendar = next((each for each in EVERY if each == every), DEFAULT_EVERY)
    return Choice(segment, calendar, _day(first), _day(last))


def spells(figures: Iterable[Figure], every: Every) -> tuple[Spell, ...]:
    """Give the periods of a calendar that any of the figures has, in order."""
    found = {
        Spell(cell.start[:10], cell.end[:10], cell.period)
        for figure in figures
        for cell in figure.cells
        if cell.every == every and cell.segment == "" and cell.start
    }
    return tuple(sorted(found))


def segments(figures: Iterable[Figure]) -> tuple[str, ...]:
    """Give every segment that any of the figures is told of, but for everyone."""
    found = {segment for figure in figures for segment in figure.segments}
    return tuple(sorted(found - {""}))


def _day(sent: str) -> str:
    try:
        return date.fromisoformat(sent).isoformat()
    except ValueError:
        return ""
