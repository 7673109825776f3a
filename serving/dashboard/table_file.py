"""A figure as CSV: the cells that the page shows, under the page's headings, and nothing else."""

import csv
import io

from serving.dashboard.figure import DEFAULT_EVERY, Every, Figure

_MAKES_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(figure: Figure, *, segment: str = "", every: Every = DEFAULT_EVERY) -> str:
    """Give the cells of one segment and calendar as CSV, a heading first.

    A number that is held back is an empty field, and the column `note` says why. Texts that a
    spreadsheet would calculate begin with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*(column.heading for column in figure.columns), "segment", "unit", "note"])
    unit = figure.scale or figure.unit
    for cell in figure.shown(segment=segment, every=every):
        own = [_plain(getattr(cell, column.field)) for column in figure.columns]
        writer.writerow([*own, _harmless(cell.segment or "everyone"), unit, _harmless(cell.note)])
    return out.getvalue()


def file_name(figure: Figure, *, segment: str = "", every: Every = DEFAULT_EVERY) -> str:
    """Name the file after the figure and what was chosen: letters, digits, dashes."""
    parts = [figure.name, segment, every if figure.calendars else ""]
    said = "-".join(part for part in parts if part)
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in said)
    return f"{kept.strip('-')}.csv"


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return _harmless(value) if isinstance(value, str) else str(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_MAKES_A_FORMULA) else text
