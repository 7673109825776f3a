"""One value of an upload file, as the CRM's importer expects it and no spreadsheet runs it."""

import re
from datetime import UTC, datetime
from typing import Any

from serving.crm.fields import Field, System
from serving.spreadsheet import harmless, is_formula

NULL = "#N/A"
"""What empties a field in Salesforce's Bulk API; an empty cell is skipped there."""
_NUMBER = re.compile(r"[+-]?\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_COURSE = re.compile(r"(\b(?:more than|fewer than|as many as) in the \d+ days before) \([^()]*\)$")


def is_safe_key(customer_id: str) -> bool:
    """Whether an id can stand in a CSV as it is: no spreadsheet takes it for a formula.

    An id must not be changed, so that it still finds its record; a number with a sign is none.
    """
    if _CONTROL.search(customer_id):
        return False
    return not is_formula(customer_id) or bool(_NUMBER.fullmatch(customer_id))


def cell(field: Field, value: Any, system: System) -> str:
    """Write one value; what is missing empties the field."""
    if value is None or (isinstance(value, float) and value != value):
        return NULL if system == "salesforce" else ""
    match field.kind:
        case "share":
            return f"{100 * value:.2f}" if system == "salesforce" else f"{value:.6f}"
        case "instant":
            return _instant(value)
        case "flag":
            return "true" if value else "false"
        case "key":
            return str(value)
        case _:
            return plain_text(str(value), field.length)


def _instant(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def in_words(reason: str) -> str:
    """Give a reason without the figure from -1 to 1 whose meaning its words say already."""
    return _COURSE.sub(r"\1", reason)


def plain_text(text: str, longest: int) -> str:
    """Give one line without a formula, cut where it is too long for the field."""
    line = harmless(_CONTROL.sub(" ", text).strip())
    return line if len(line) <= longest else line[: longest - 1] + "…"
