"""Files for spreadsheets: texts that none of them calculates, and numbers that lose nothing."""

import csv
import io
from collections.abc import Iterable, Sequence

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would calculate a text."""
    return text.startswith(_BEGINS_A_FORMULA)


def harmless(text: str) -> str:
    """Begin a text with an apostrophe where a spreadsheet would calculate it."""
    return f"'{text}" if is_formula(text) else text


def csv_text(
    headings: Sequence[str], rows: Iterable[Iterable[object]], *, end: str = "\r\n"
) -> str:
    """Write rows as CSV below their headings; `end` ends a line.

    Nothing is an empty field, a number has all its digits, and no text is a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow([harmless(each) for each in headings])
    writer.writerows([_field(each) for each in row] for row in rows)
    return out.getvalue()


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else harmless(str(value))
