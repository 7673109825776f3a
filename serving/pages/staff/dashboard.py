"""What fills a layer of the dashboard: what can be chosen, the cards, and when it was taken."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from serving.dashboard.figure import EVERY, LAYERS, Figure, Layer
from serving.pages.staff.figure_card import Card, card_of
from serving.pages.staff.figure_view import Spell, View, segments, spells
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

    view: View
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
        parts = [segment_name(self.view.segment), f"by {self.view.every}"]
        if self.first:
            parts.append(f"from {starts[self.first]}")
        if self.last:
            parts.append(f"until {ends[self.last]}")
        return ", ".join(parts)

    @property
    def narrowed(self) -> bool:
        """Whether anything but the view of everyone by month was chosen."""
        return self.view != View()


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
    view: View,
    *,
    taken_at: datetime | None,
    now: datetime,
    marks: str = "",
) -> Page:
    """Fill a layer with what was chosen of its figures, in their order.

    `marks` is the version of the notes that pictures show.
    """
    cards = [card_of(figure, view, marks=marks) for figure in figures]
    query = view.query()
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
        filters=filters_of(figures, view),
        taken=None if taken_at is None else taken(taken_at, now),
    )


def filters_of(figures: Sequence[Figure], view: View) -> Filters:
    """Say what can be chosen of these figures."""
    named: dict[str, list[tuple[str, str]]] = {}
    for segment in dict.fromkeys((*segments(figures), view.segment)):
        if segment:
            name, _, value = segment.partition("=")
            named.setdefault(name.replace("_", " "), []).append((segment, value))
    held = spells(figures, view.every)
    calendars = {each for figure in figures for each in figure.calendars}
    return Filters(
        view=view,
        groups=tuple(Group(name, tuple(options)) for name, options in named.items()),
        calendars=tuple(each for each in EVERY if each in calendars),
        spells=held,
        first=next((s.start for s in held if s.start >= view.first), "") if view.first else "",
        last=next((s.end for s in held[::-1] if s.end <= view.last), "") if view.last else "",
    )


def taken(at: datetime, now: datetime) -> Taken:
    """Say how long ago a look was taken."""
    age = max(now - at, timedelta(0))
    return Taken(at, _ago(age), age > _OLD)


def title_of(figure: Figure, view: View) -> str:
    """Name a figure and whom it is about."""
    if view.segment and figure.is_told(view.segment):
        return f"{figure.title}: {segment_name(view.segment)}"
    return figure.title


def _ago(age: timedelta) -> str:
    minutes = int(age / timedelta(minutes=1))
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        number = minutes // size
        if number:
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"
