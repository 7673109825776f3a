"""How a figure of the dashboard is written: its numbers with units, its periods, its change."""

from collections.abc import Callable, Iterable
from datetime import date
from math import hypot
from typing import NamedTuple

from serving.dashboard.figure import Cell, Figure, Unit
from serving.pages.staff.in_words import THIN, count, number

_MINUS = "\u2212"
_HIDDEN = "not shown"
_MINUTES = 120
"""From so many seconds on, minutes are easier to read."""


def said(value: float | None, figure: Figure, of: float | None = None) -> str:
    """Write a value with its unit; `not shown` where there is none. Histograms count people.

    Units and digits are those of the value; of the end of an interval, those of the value it is
    `of`.
    """
    if value is None:
        return _HIDDEN
    if figure.shape == "histogram":
        return count(value)
    size = abs(value if of is None else of)
    number = _number(value, figure.unit, size)
    unit = _unit(figure, size)
    return f"{number}{THIN}{unit}" if unit else number


def interval(cell: Cell, figure: Figure) -> str:
    """Write the ends of an interval, `80.1 to 84.3 %`; nothing where there is none."""
    if cell.value is None or cell.low is None or cell.high is None:
        return ""
    size = abs(cell.value)
    return f"{_number(cell.low, figure.unit, size)} to {said(cell.high, figure, cell.value)}"


def place(x: float, figure: Figure) -> str:
    """Write a place on the horizontal axis: a chance in percent, anything else as it is."""
    if figure.unit == "share" and figure.shape != "survival":
        return f"{100 * x:.3g}{THIN}%"
    return f"{x:g}"


def axis(figure: Figure, cells: Iterable[Cell]) -> Callable[[float], str]:
    """Give how numbers stand at the axis of a picture: short, and all in one unit."""
    minutes = max((abs(cell.value or 0) for cell in cells), default=0) >= _MINUTES

    def write(value: float) -> str:
        if figure.unit == "share" and figure.shape != "histogram":
            return f"{100 * value:g}{THIN}%"
        if figure.unit == "seconds":
            return f"{value / 60:.3g}{THIN}min" if minutes else f"{value:g}{THIN}s"
        if abs(value) >= 1e6:
            return f"{value / 1e6:g}{THIN}M"
        return f"{value / 1e3:g}{THIN}k" if abs(value) >= 1e4 else f"{value:g}"

    return lambda value: write(round(value, 9)).replace("-", _MINUS)


def period(cell: Cell) -> str:
    """Write a period as short as a picture needs: `May 26`, `Q2 26`, `4 May`."""
    if not cell.start:
        return cell.period
    day = date.fromisoformat(cell.start[:10])
    if cell.every == "quarter":
        return f"Q{(day.month + 2) // 3} {day:%y}"
    return f"{day:%b %y}" if cell.every == "month" else f"{day.day} {day:%b}"


def named(row: str) -> str:
    """Write the name of a line, bar or curve as words."""
    return row.replace("_", " ")


def when(cell: Cell) -> str:
    """Write a period as part of a sentence: `in May 26`, `in the week of 4 May`, `on 4 May`."""
    if cell.every == "week":
        return f"in the week of {period(cell)}"
    return f"in {period(cell)}" if cell.every else f"on {period(cell)}"


class Change(NamedTuple):
    """What came of a figure since the period before; `tone` is good, bad or empty."""

    said: str
    tone: str


def change(cells: tuple[Cell, ...], figure: Figure) -> Change | None:
    """Compare the last figure of a line with the one before it.

    A period that still runs is not compared. It is a clear change where the interval of the
    difference leaves out zero; its ends are put together from those of the two (Newcombe 1998, as
    if the two were of different people).
    """
    told = [cell for cell in cells if cell.value is not None]
    if len(told) < 2 or told[-1].runs:
        return None
    before, last = told[-2], told[-1]
    was, now = before.value or 0.0, last.value or 0.0
    earlier = f"{said(was, figure)} {when(before)}"
    up = now > was
    if now == was or not _is_clear(*((before, last) if up else (last, before))):
        return Change(f"no clear change from {earlier}", "")
    good = figure.goal and (figure.goal == "up") == up
    return Change(
        f"{'up' if up else 'down'} from {earlier}",
        ("good" if good else "bad") if figure.goal else "",
    )


def sentence(text: str) -> str:
    """Write a reason as a sentence of its own."""
    said_so = text[:1].upper() + text[1:]
    return said_so if said_so.endswith((".", "!", "?")) or not said_so else f"{said_so}."


def segment_name(segment: str) -> str:
    """Write a segment for people: `Germany (country)`."""
    name, _, value = segment.partition("=")
    return f"{value} ({name.replace('_', ' ')})" if value else "Everyone"


def _is_clear(lower: Cell, higher: Cell) -> bool:
    """Whether the higher figure less the lower one is more than chance would make of them."""
    up, down = higher.value or 0.0, lower.value or 0.0
    if higher.low is None or lower.high is None:
        return False
    return up - down > hypot(up - higher.low, lower.high - down)


def _number(value: float, unit: Unit, size: float) -> str:
    match unit:
        case "share":
            return number(100 * value)
        case "money":
            return count(value) if size >= 100 else number(value, 2)
        case "points":
            return number(value, signed=True)
        case "count":
            return count(value) if size >= 100 or value == round(value) else number(value)
        case "seconds":
            return number(value / 60) if size >= _MINUTES else count(value)
        case "hours" | "days":
            return number(value)
    return number(value, 1 if size >= 10 else 2)


def _unit(figure: Figure, size: float) -> str:
    match figure.unit:
        case "share":
            return "%"
        case "money":
            return figure.scale
        case "seconds":
            return "min" if size >= _MINUTES else "s"
        case "hours":
            return "h"
        case "points" | "days" as unit:
            return unit
    return ""
