"""A figure as CSV: the cells that the page shows, under the page's headings, and nothing else."""

from collections.abc import Iterable

from serving.dashboard.figure import DEFAULT_EVERY, Cell, Every, Figure
from serving.spreadsheet import csv_text


def csv_of(figure: Figure, cells: Iterable[Cell]) -> str:
    """Give what is shown of a figure as CSV, a heading first.

    A number that is held back is an empty field, and the column `note` says why. `unit` is that of
    the values: people in a histogram, whose places have the figure's own.
    """
    unit = "people" if figure.shape == "histogram" else figure.scale or figure.unit
    return csv_text(
        [*(column.heading for column in figure.columns), "segment", "unit", "note"],
        (
            (
                *(getattr(cell, column.field) for column in figure.columns),
                cell.segment or "everyone",
                unit,
                cell.note,
            )
            for cell in cells
        ),
    )


def file_name(figure: Figure, *, segment: str = "", every: Every = DEFAULT_EVERY) -> str:
    """Name the file after the figure and what is told of it: letters, digits, dashes."""
    whom = segment if figure.is_told(segment) else ""
    parts = [figure.name, whom, figure.calendar(every) if figure.calendars else ""]
    said = "-".join(part for part in parts if part)
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in said)
    return f"{kept.strip('-')}.csv"
