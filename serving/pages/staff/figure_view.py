"""What somebody chose to see of the dashboard: a segment, a calendar and the days between."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from urllib.parse import quote, urlencode

from serving.dashboard.figure import DEFAULT_EVERY, EVERY, Cell, Every, Figure


class View(NamedTuple):
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
        """Give what is shown of a figure."""
        return figure.shown(
            segment=self.segment, every=self.every, first=self.first, last=self.last
        )


class Spell(NamedTuple):
    """A period that can be chosen: its days and how it is called."""

    start: str
    end: str
    name: str


def read_view(segment: str, every: str, first: str, last: str) -> View:
    """Read what an address asks for; what is no calendar or no day was not chosen."""
    calendar = next((each for each in EVERY if each == every), DEFAULT_EVERY)
    return View(segment, calendar, _day(first), _day(last))


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
