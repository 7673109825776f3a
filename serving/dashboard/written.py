"""The figures of what people write about; texts themselves are kept nowhere.

Whoever may read samples is shown them live: `serving.text.sample_home`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from governance.intervals import Interval
from outcomes.measures.definition import ALL
from outcomes.measures.periods import Every as Calendar
from outcomes.themes import ThemeFigure
from serving.bootstrap import Keepwell
from serving.dashboard.figure import FEW, Cell, Column, Every, Figure
from serving.dashboard.measured import largest
from serving.text import home_themes, rules_for

_CALENDARS: tuple[Every, ...] = ("month", "quarter")
_COLUMNS = (
    Column("period", "Period"),
    Column("row", "Theme"),
    Column("value", "Value"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)


def written(
    keepwell: Keepwell,
    attributes: Sequence[str],
    *,
    now: datetime,
    progress: Callable[[str], None] = lambda said: None,
) -> tuple[Figure, ...]:
    """Take how many write about each theme and how that sounds, by month and quarter, by group.

    Raises `InsufficientData` where nothing was imported.
    """
    rules = rules_for(keepwell.home.root)
    found: dict[tuple[Cell, Cell], None] = {}
    for every in _CALENDARS:
        for by in attributes or [""]:
            progress(f"themes by {every}" + (f" and {by}" if by else ""))
            calendar: Calendar = every
            told = home_themes(keepwell, now=now, every=calendar, by=by or None, rules=rules)
            pairs = [_pair(every, by, each) for each in told.figures]
            people = {s.segment: s.people or 0 for s, _ in pairs if s.value is not None}
            kept = {"", *largest(people, by)}
            found |= dict.fromkeys(pair for pair in pairs if pair[0].segment in kept)
    shares = [share for share, _ in found]
    moods = [mood for _, mood in found]
    return (
        _figure(
            "themes",
            "What people write about",
            "people who wrote about a theme ÷ people who wrote anything in the period",
            shares,
        ),
        _figure(
            "theme_sentiment",
            "How it sounds",
            "mean over people of how their texts about a theme sound, −1 to 1; of those alone who "
            "permit that it is judged",
            moods,
        )._replace(unit="score", scale="−1 to 1", goal="up"),
    )


def _figure(name: str, title: str, about: str, cells: Sequence[Cell]) -> Figure:
    told = any(cell.value is not None or cell.hidden for cell in cells)
    return Figure(
        name=name,
        layer="research",
        title=title,
        unit="share",
        shape="bars",
        about=about,
        columns=_COLUMNS,
        cells=tuple(sorted(cells, key=_place)) if told else (),
        note="" if told else "nobody wrote anything that could be told of",
    )


def _place(cell: Cell) -> tuple[str, str, str, float, str]:
    return cell.segment, cell.every, cell.start, -(cell.value or 0), cell.row


def _pair(every: Every, by: str, found: ThemeFigure) -> tuple[Cell, Cell]:
    """Give the share of a theme and how it sounds, each as a cell."""
    place = Cell(
        row=found.theme.replace("_", " "),
        every=every,
        period=found.period.label,
        start=f"{found.period.start:%Y-%m-%d}",
        end=f"{found.period.end:%Y-%m-%d}",
        segment="" if found.segment == ALL else f"{by}={found.segment}",
        note=FEW if found.hidden else found.note,
        hidden=found.hidden,
    )
    share = _with(place, found.share, found.people)
    mood = _with(place, found.sentiment, found.measured)
    if mood.value is None and not mood.hidden:
        mood = mood._replace(note="not measured: too few who permit it, or an unknown language")
    return share, mood


def _with(place: Cell, value: Interval | None, people: int | None) -> Cell:
    if value is None:
        return place._replace(people=None)
    return place._replace(value=value.value, low=value.low, high=value.high, people=people)
