"""The table of a figure: what its picture shows, number by number, and group by group."""

from typing import NamedTuple

from serving.dashboard.figure import Cell, Figure
from serving.pages.staff.figure_view import View
from serving.pages.staff.figure_words import interval, named, place, said
from serving.pages.staff.in_words import count

MOST_GROUPS = 60
_NUMBERS = frozenset({"value", "low", "high", "people", "x", "x_to"})


class Heading(NamedTuple):
    """A column: what stands above it, and whether it holds numbers."""

    said: str
    is_number: bool


class TableRow(NamedTuple):
    """A row: the fields as they are written, the first of which names it, and a note."""

    fields: tuple[str, ...]
    note: str


class Table(NamedTuple):
    """A figure's table with its headings."""

    headings: tuple[Heading, ...]
    rows: tuple[TableRow, ...]
    has_notes: bool


class GroupRow(NamedTuple):
    """How a figure was for one group in the last period."""

    attribute: str
    name: str
    said: str
    between: str
    people: str
    note: str
    href: str


def table_of(figure: Figure, view: View) -> Table:
    """Write what is shown of a figure as a table, under its own headings; the newest is last."""
    cells = view.cells(figure)
    return Table(
        headings=tuple(Heading(c.heading, c.field in _NUMBERS) for c in figure.columns),
        rows=tuple(
            TableRow(
                tuple(_written(cell, column.field, figure) for column in figure.columns), cell.note
            )
            for cell in cells
        ),
        has_notes=any(cell.note for cell in cells),
    )


def groups_of(figure: Figure, view: View) -> tuple[str, tuple[GroupRow, ...]]:
    """Give the last period that can be shown of everyone, and each group's figure in it.

    Of a figure that is no line over time there are no such groups.
    """
    if figure.shape != "trend" or len(figure.rows) > 1:
        return "", ()
    everyone = view._replace(segment="").cells(figure)
    last = max((c for c in everyone if c.value is not None), key=lambda c: c.start, default=None)
    if last is None:
        return "", ()
    there = [c for c in figure.cells if c.every == last.every and c.start == last.start]
    there = sorted(
        (c for c in there if c.segment),
        key=lambda c: (c.segment.partition("=")[0], -(c.people or 0), c.segment),
    )
    return last.period, tuple(_group(cell, figure, view) for cell in there[:MOST_GROUPS])


def _group(cell: Cell, figure: Figure, view: View) -> GroupRow:
    name, _, value = cell.segment.partition("=")
    query = view._replace(segment=cell.segment).query()
    return GroupRow(
        attribute=name.replace("_", " "),
        name=value,
        said=said(cell.value, figure),
        between=interval(cell, figure),
        people="" if cell.people is None else count(cell.people),
        note=cell.note,
        href=f"/staff/figures/{figure.name}{query}",
    )


def _written(cell: Cell, field: str, figure: Figure) -> str:
    value = getattr(cell, field)
    if field == "value":
        return said(value, figure)
    if value is None:
        return "–"
    if field in ("low", "high"):
        return said(value, figure, cell.value)
    if field in ("x", "x_to"):
        return place(value, figure)
    if field == "people":
        return count(value)
    if field == "row":
        return named(value)
    return str(value)
