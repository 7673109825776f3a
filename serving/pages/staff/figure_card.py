"""A figure as a card of the dashboard: its headline, what changed, and how its picture reads."""

from typing import NamedTuple

from serving.dashboard.figure import SO_FAR, Cell, Figure
from serving.pages.pictures.labels import MOST_LINES
from serving.pages.staff.figure_picture import (
    MOST_BARS,
    alternative,
    as_bars,
    has_picture,
    pictured,
)
from serving.pages.staff.figure_view import View
from serving.pages.staff.figure_words import (
    Change,
    change,
    interval,
    named,
    period,
    said,
    segment_name,
    sentence,
)

_SILENT = "cannot say"
_SAID_AGAIN = ("cannot say yet: ", "cannot say: ")


class Line(NamedTuple):
    """One of several numbers of a card: its name, the number, its interval, or why none."""

    name: str
    said: str
    between: str
    note: str


class Card(NamedTuple):
    """What a figure's card shows. Addresses end with what was chosen.

    `headline` is empty where a figure has many numbers; `when` says of which period it is; `why`
    says what is not shown and for what reason. `small` is the picture for a phone.
    """

    name: str
    title: str
    about: str
    headline: str
    between: str
    when: str
    change: Change | None
    lines: tuple[Line, ...]
    picture: str
    small: str
    alt: str
    why: tuple[str, ...]
    href: str
    csv: str


def card_of(figure: Figure, view: View, *, marks: str = "", wide: bool = False) -> Card:
    """Fill a card with what is shown of a figure; `marks` is the version of the notes drawn."""
    cells = view.cells(figure)
    told = [cell for cell in cells if cell.value is not None]
    single = _single(figure, told)
    silent = figure.shape == "headline" and not told and len(cells) < 2
    draws = has_picture(figure, cells)
    query = view.query()
    return Card(
        name=figure.name,
        title=figure.title,
        about=sentence(figure.about),
        headline=said(single.value, figure) if single else _SILENT if silent else "",
        between=interval(single, figure) if single else "",
        when=_when(single, draws, figure, cells),
        change=change(cells, figure) if single and figure.shape == "trend" else None,
        lines=() if single else _lines(figure, cells, draws=draws),
        picture=_picture(figure, view, marks, wide=wide) if draws else "",
        small=_picture(figure, view, marks, wide=False) if draws else "",
        alt=alternative(figure, cells, _about(figure, view)),
        why=why_not(figure, view, cells),
        href=f"/staff/figures/{figure.name}{query}",
        csv=f"/staff/figures/{figure.name}.csv{query}",
    )


def why_not(figure: Figure, view: View, cells: tuple[Cell, ...]) -> tuple[str, ...]:
    """Say in sentences what is not shown, and why."""
    said_of: list[str] = []
    if not figure.is_told(view.segment):
        said_of.append("Of everyone: this figure is not told by group.")
    if figure.calendars and view.every not in figure.calendars:
        said_of.append(f"By {figure.calendar(view.every)}: this is not told by {view.every}.")
    if figure.note:
        said_of.append(sentence(figure.note))
    if not cells and not figure.note:
        said_of.append(
            "No period lies in the time that was chosen."
            if figure.cells
            else "Nothing to show yet."
        )
    if figure.shape == "headline":
        return (*said_of, *_verdicts(cells))
    return (*said_of, *_undrawn(figure, cells), *_gaps(figure, cells))


def _undrawn(figure: Figure, cells: tuple[Cell, ...]) -> list[str]:
    """Say how many lines or bars the picture leaves out."""
    told = {cell.row for cell in cells if cell.value is not None}
    if figure.shape == "survival" and len(told) > MOST_LINES:
        return [f"{MOST_LINES} of {len(told)} curves are drawn; the table has all."]
    if as_bars(figure, cells) and len({c.row for c in pictured(figure, cells)}) < len(told):
        return [f"{MOST_BARS} of {len(told)} are drawn; the table has all."]
    return []


def _gaps(figure: Figure, cells: tuple[Cell, ...]) -> list[str]:
    """Count what is not shown by its reason; rows of which nothing is shown by name."""
    shown = pictured(figure, cells)
    told = {cell.row for cell in shown if cell.value is not None}
    reasons: dict[str, list[Cell]] = {}
    for cell in shown:
        if cell.value is None and cell.note:
            reasons.setdefault(cell.note, []).append(cell)
    found = []
    for reason, there in reasons.items():
        silent = [named(row) for row in dict.fromkeys(c.row for c in there) if row not in told]
        times = sum(cell.row in told for cell in there)
        if silent and any(silent) and len(silent) < len({cell.row for cell in shown}):
            found.append(sentence(f"not shown: {', '.join(silent)}: {reason}"))
        elif silent:
            found.append(sentence(f"not shown: {reason}"))
        if times:
            found.append(sentence(f"{times} of {len(shown)} not shown: {reason}"))
    return found


def _verdicts(cells: tuple[Cell, ...]) -> list[str]:
    """Give what each number's note says of it, by name where there are several."""
    noted = [cell for cell in cells if cell.note]
    if len(cells) == 1:
        return [sentence(_without(cell.note)) for cell in noted]
    told = sum(cell.value is not None for cell in cells)
    if told < 2:
        return []
    return [sentence(f"{named(cell.row)}: {cell.note}") for cell in noted if cell.value is None]


def _without(note: str) -> str:
    """Leave out what the headline of a figure that cannot be told says already."""
    for said_again in _SAID_AGAIN:
        note = note.removeprefix(said_again)
    return note


def _single(figure: Figure, told: list[Cell]) -> Cell | None:
    """Find the one number that a figure is about: the last of a line, or the only one."""
    if figure.shape == "trend" and len({cell.row for cell in told}) == 1:
        return max(told, key=lambda cell: cell.start)
    if figure.shape == "headline" and len(told) == 1 and len(figure.rows) <= 1:
        return told[0]
    return None


def _when(single: Cell | None, draws: bool, figure: Figure, cells: tuple[Cell, ...]) -> str:
    """Say which period the headline is about, or the bars; and whether it is over."""
    shown = [single] if single else list(pictured(figure, cells)) if as_bars(figure, cells) else []
    if not shown or not shown[0].start or (not single and not draws):
        return ""
    return f"{period(shown[0])}, {SO_FAR}" if shown[0].runs else period(shown[0])


def _lines(figure: Figure, cells: tuple[Cell, ...], *, draws: bool) -> tuple[Line, ...]:
    if figure.shape != "headline" or draws or len(cells) < 2:
        return ()
    return tuple(
        Line(named(cell.row), said(cell.value, figure), interval(cell, figure), cell.note)
        for cell in cells
    )


def _picture(figure: Figure, view: View, marks: str, *, wide: bool) -> str:
    """Give the address of the picture; it changes with look and notes, so it may be kept."""
    query = view.query()
    look = f"look={figure.taken_at:%Y%m%dT%H%M%S}" if figure.taken_at else "look=none"
    rest = f"{look}&notes={marks}" if marks and figure.shape == "trend" else look
    size = "&wide=1" if wide else ""
    return f"/staff/figures/{figure.name}.svg{query}{'&' if query else '?'}{rest}{size}"


def _about(figure: Figure, view: View) -> str:
    is_trend = figure.shape == "trend" and figure.calendars
    by = f" by {figure.calendar(view.every)}" if is_trend else ""
    whom = figure.is_told(view.segment) and view.segment
    return f"{by}, {segment_name(view.segment)}" if whom else by
