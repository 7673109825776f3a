"""A figure as a card of the dashboard: its headline, what changed, and how its picture reads."""

from typing import NamedTuple

from serving.dashboard.figure import Cell, Figure
from serving.pages.pictures.labels import MOST_LINES
from serving.pages.staff.figure_choice import Choice
from serving.pages.staff.figure_picture import alternative, as_bars, has_picture, pictured
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

SO_FAR = "so far"
"""What a figure's note says of a period that is not over."""


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


def card_of(figure: Figure, choice: Choice, *, wide: bool = False) -> Card:
    """Fill a card with what is shown of a figure."""
    cells = choice.cells(figure)
    told = [cell for cell in cells if cell.value is not None]
    single = _single(figure, told)
    draws = has_picture(figure, cells)
    query = choice.query()
    return Card(
        name=figure.name,
        title=figure.title,
        about=figure.about,
        headline=said(single.value, figure) if single else "",
        between=interval(single, figure) if single else "",
        when=_when(single, draws, figure, cells),
        change=change(cells, figure) if single and figure.shape == "trend" else None,
        lines=() if single else _lines(figure, cells, draws=draws),
        picture=_picture(figure, choice, wide=wide) if draws else "",
        small=_picture(figure, choice, wide=False) if draws else "",
        alt=alternative(figure, cells, _about(figure, choice)),
        why=why_not(figure, choice, cells),
        href=f"/staff/figures/{figure.name}{query}",
        csv=f"/staff/figures/{figure.name}.csv{query}",
    )


def why_not(figure: Figure, choice: Choice, cells: tuple[Cell, ...]) -> tuple[str, ...]:
    """Say in sentences what is not shown, and why."""
    said_of: list[str] = []
    if not choice.is_told(figure):
        said_of.append("Of everyone: this figure is not told by group.")
    if figure.calendars and choice.every not in figure.calendars:
        said_of.append(f"By {choice.calendar(figure)}: this is not told by {choice.every}.")
    if figure.note:
        said_of.append(sentence(figure.note))
    if not cells and not figure.note:
        said_of.append(
            "No period lies in the time that was chosen."
            if figure.cells
            else "Nothing to show yet."
        )
    rows = {cell.row for cell in cells}
    if figure.shape == "survival" and len(rows) > MOST_LINES:
        said_of.append(f"{MOST_LINES} of {len(rows)} curves are drawn; the table has all.")
    there = {cell.row for cell in pictured(figure, cells)}
    if as_bars(figure, cells) and len(there) < len(rows):
        said_of.append(f"{len(there)} of {len(rows)} are drawn; the table has all.")
    cells = pictured(figure, cells)
    if figure.shape == "headline":
        return (*said_of, *_verdicts(cells))
    reasons: dict[str, int] = {}
    for cell in cells:
        if cell.value is None and cell.note:
            reasons[cell.note] = reasons.get(cell.note, 0) + 1
    for reason, times in reasons.items():
        if times == len(cells):
            said_of.append(f"Not shown: {reason}.")
        else:
            said_of.append(f"{times} of {len(cells)} not shown: {reason}.")
    return tuple(said_of)


def _verdicts(cells: tuple[Cell, ...]) -> list[str]:
    """Give what each number's note says of it, by name where there are several."""
    noted = [cell for cell in cells if cell.note]
    if len(cells) == 1:
        return [sentence(cell.note) for cell in noted]
    return [sentence(f"{named(cell.row)}: {cell.note}") for cell in noted if cell.value is None]


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
    note = shown[0].note
    return f"{period(shown[0])}, {note}" if note == SO_FAR else period(shown[0])


def _lines(figure: Figure, cells: tuple[Cell, ...], *, draws: bool) -> tuple[Line, ...]:
    if figure.shape != "headline" or draws:
        return ()
    return tuple(
        Line(named(cell.row), said(cell.value, figure), interval(cell, figure), cell.note)
        for cell in cells
    )


def _picture(figure: Figure, choice: Choice, *, wide: bool) -> str:
    """Give the address of the picture; it changes with every look, so that it may be kept."""
    query = choice.query()
    look = f"look={figure.taken_at:%Y%m%dT%H%M%S}" if figure.taken_at else "look=none"
    size = "&wide=1" if wide else ""
    return f"/staff/figures/{figure.name}.svg{query}{'&' if query else '?'}{look}{size}"


def _about(figure: Figure, choice: Choice) -> str:
    by = f" by {choice.calendar(figure)}" if figure.shape == "trend" and figure.calendars else ""
    whom = choice.is_told(figure) and choice.segment
    return f"{by}, {segment_name(choice.segment)}" if whom else by
