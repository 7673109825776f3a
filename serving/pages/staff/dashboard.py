"""What fills a layer of the dashboard: what can be chosen, the cards, and when it was taken."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from serving.dashboard.figure import EVERY, LAYERS, Figure, Layer
from serving.pages.staff.figure_card import Card, card_of
from serving.pages.staff.figure_choice import Choice, Spell, segments, spells
from serving.pages.staff.figure_words import segment_name

_OLD = timedelta(days=2)
TITLES: dict[Layer, tuple[str, str]] = {
    "executive": ("Is it working?", "What was kept, what is at stake, and how sure we are."),
    "operational": ("How people fare", "Risk and well-being, how the work goes, and permission."),
    "research": ("How sure are we?", "Models held to what came true, cohorts, and people’s words."),
}


class Group(NamedTuple):
    """Segments of one attribute, as they can be chosen: pairs of what is sent and what is read."""

    name: str
    options: tuple[tuple[str, str], ...]


class Filters(NamedTuple):
    """What can be chosen, and what is."""

    choice: Choice
    groups: tuple[Group, ...]
    calendars: tuple[str, ...]
    spells: tuple[Spell, ...]
    first: str
    last: str

    @property
    def chosen(self) -> str:
        """Say what was chosen, as a printed page must."""
        starts = {s.start: s.name for s in self.spells}
        ends = {s.end: s.name for s in self.spells}
        parts = [segment_name(self.choice.segment), f"by {self.choice.every}"]
        if self.first:
            parts.append(f"from {starts[self.first]}")
        if self.last:
            parts.append(f"until {ends[self.last]}")
        return ", ".join(parts)

    @property
    def narrowed(self) -> bool:
        """Whether anything but the view of everyone by month was chosen."""
        return self.choice != Choice()


class Taken(NamedTuple):
    """When the look was taken, and how long ago that is in words."""

    at: datetime
    age: str
    is_old: bool


class Page(NamedTuple):
    """A layer: `tiles` are single numbers, `cards` have pictures or many; `silent` have neither."""

    layer: Layer
    heading: str
    lead: str
    tabs: tuple[tuple[str, str], ...]
    current: str
    tiles: tuple[Card, ...]
    cards: tuple[Card, ...]
    silent: tuple[Card, ...]
    filters: Filters
    taken: Taken | None


def page_of(
    layer: Layer,
    figures: Sequence[Figure],
    choice: Choice,
    *,
    taken_at: datetime | None,
    now: datetime,
    marks: str = "",
) -> Page:
    """Fill a layer with what was chosen of its figures, in their order.

    `marks` is the version of the notes that pictures show.
    """
    cards = [card_of(figure, choice, marks=marks) for figure in figures]
    query = choice.query()
    heading, lead = TITLES[layer]
    return Page(
        layer=layer,
        heading=heading,
        lead=lead,
        tabs=tuple((each.capitalize(), f"/staff/dashboard/{each}{query}") for each in LAYERS),
        current=f"/staff/dashboard/{layer}{query}",
        tiles=tuple(card for card in cards if not card.picture and card.headline),
        cards=tuple(card for card in cards if card.picture or card.lines),
        silent=tuple(c for c in cards if not (c.picture or c.lines or c.headline)),
        filters=filters_of(figures, choice),
        taken=None if taken_at is None else taken(taken_at, now),
    )


def filters_of(figures: Sequence[Figure], choice: Choice) -> Filters:
    """Say what can be chosen of these figures."""
    named: dict[str, list[tuple[str, str]]] = {}
    for segment in dict.fromkeys((*segments(figures), choice.segment)):
        if segment:
            name, _, value = segment.partition("=")
            named.setdefault(name.replace("_", " "), []).append((segment, value))
    held = spells(figures, choice.every)
    calendars = {each for figure in figures for each in figure.calendars}
    return Filters(
        choice=choice,
        groups=tuple(Group(name, tuple(options)) for name, options in named.items()),
        calendars=tuple(each for each in EVERY if each in calendars),
        spells=held,
        first=next((s.start for s in held if s.start >= choice.first), "") if choice.first else "",
        last=next((s.end for s in held[::-1] if s.end <= choice.last), "") if choice.last else "",
    )


def taken(at: datetime, now: datetime) -> Taken:
    """Say how long ago a look was taken."""
    age = max(now - at, timedelta(0))
    return Taken(at, _ago(age), age > _OLD)


def title_of(figure: Figure, choice: Choice) -> str:
    """Name a figure and whom it is about."""
    if choice.segment and choice.is_told(figure):
        return f"{figure.title}: {segment_name(choice.segment)}"
    return figure.title


def _ago(age: timedelta) -> str:
    minutes = int(age / timedelta(minutes=1))
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        number = minutes // size
        if number:
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"
