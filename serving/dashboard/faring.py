"""The figures of how customers are faring: of those who permit that, no one else."""

from collections.abc import Callable, Sequence
from datetime import datetime

from features.wellbeing.groups import EVERYONE, INDEX
from features.wellbeing.groups import Figure as Faring
from governance.instants import from_micros
from outcomes.measures.periods import Every as Calendar
from outcomes.measures.periods import label
from serving.bootstrap import Keepwell
from serving.dashboard.figure import Cell, Column, Every, Figure
from serving.dashboard.measured import largest
from serving.wellbeing import wellbeing_of_company

_COLUMNS = (
    Column("period", "Period"),
    Column("row", "Dimension"),
    Column("value", "Points"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People heard"),
)
_Place = tuple[str, str, str, str]
_CALENDARS: tuple[Every, ...] = ("month", "quarter")


def faring(
    keepwell: Keepwell,
    attributes: Sequence[str],
    *,
    clock: Callable[[], datetime],
    progress: Callable[[str], None] = lambda said: None,
) -> Figure:
    """Take well-being by month and quarter, of everyone and by each attribute.

    Raises `InsufficientData` where nobody permits `wellbeing_inference`.
    """
    found: dict[_Place, Cell] = {}
    for every in _CALENDARS:
        for by in attributes or [""]:
            progress(f"well-being by {every}" + (f" and {by}" if by else ""))
            calendar: Calendar = every
            figures = wellbeing_of_company(
                keepwell, by=by or None, every=calendar, as_of=None, clock=clock
            ).figures
            cells = [_cell(keepwell, every, by, each) for each in figures]
            people = {cell.segment: cell.people or 0 for cell in cells if cell.value is not None}
            kept = {"", *largest(people, by)}
            for cell in cells:
                if cell.segment in kept:
                    found.setdefault(_place(cell), cell)
    return Figure(
        name="wellbeing",
        layer="operational",
        title="How customers are faring",
        unit="score",
        shape="trend",
        about="mean over people of what they said, wrote or measured within the period, on 0 to "
        "100; of those alone who permit that it is estimated; “overall” weighs the dimensions",
        columns=_COLUMNS,
        cells=tuple(sorted(found.values(), key=lambda c: (c.segment, c.every, c.start))),
        scale="0 to 100",
        note="" if found else "nobody said anything that can be measured",
        goal="up",
    )


def _place(cell: Cell) -> _Place:
    """Name where a cell stands: everyone is looked at once more with each attribute."""
    return cell.segment, cell.every, cell.start, cell.row


def _cell(keepwell: Keepwell, every: Every, by: str, found: Faring) -> Cell:
    zone = keepwell.settings.zone
    start, end = (from_micros(each).astimezone(zone) for each in (found.span.start, found.span.end))
    value = found.value
    return Cell(
        row="overall" if found.dimension == INDEX else found.dimension,
        every=every,
        period=label(start, every),
        start=f"{start:%Y-%m-%d}",
        end=f"{end:%Y-%m-%d}",
        segment="" if found.group == EVERYONE else f"{by}={found.group}",
        value=None if value is None else value.value,
        low=None if value is None else value.low,
        high=None if value is None else value.high,
        people=found.people,
        note=found.note or _why(found),
        hidden=found.hidden,
    )


def _why(found: Faring) -> str:
    if found.hidden:
        return "too few people to show"
    return "nobody was heard on this" if found.value is None else ""
