"""Fills the journey map: stages across, touchpoints down, each figure as a shape and in words."""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from features.events import KINDS
from outcomes.journey.map import Journey, JourneyCell, Look, Told
from outcomes.journey.worst import LENSES, Worst
from outcomes.measures.definition import ALL
from serving.dashboard.journey_look import YEAR, Drawn
from serving.pages.pictures.path import Step
from serving.reporting.heat import SHADES, absent, bounds, warmth, written

HOME = "/staff/journey"
LANES = (
    ("pains", "Pains", "what hurts: how texts sound, and what happened"),
    ("gains", "Gains", "what does people good"),
    ("thinking", "Thinking", "what they write about"),
    ("doing", "Doing", "what they do there"),
)
TITLES = {
    "sentiment": "how it sounds",
    "satisfaction": "satisfied",
    "effort": "effort",
    "drop_off": "drop off",
}
_SAYS = {
    "sentiment": ("badly", "rather badly", "neither way", "rather well", "well"),
    "satisfaction": ("unhappy", "rather unhappy", "so-so", "rather happy", "happy"),
    "effort": ("very hard", "hard", "some effort", "easy", "very easy"),
    "drop_off": ("very many leave", "many leave", "some leave", "rather few leave", "few leave"),
}
_STEPS = 5


class MapView(NamedTuple):
    """Which map somebody chose: a period's key and a segment such as `plan=basic`, "" for all."""

    period: str = YEAR
    segment: str = ""

    @property
    def by(self) -> str | None:
        """The attribute of the segment."""
        return self.segment.partition("=")[0] or None

    @property
    def group(self) -> str:
        """The value of the segment, `ALL` for everyone."""
        return self.segment.partition("=")[2] if self.segment else ALL

    def href(self, path: str = "", **asked: str) -> str:
        """Give the address of this choice below the map's own, with what else is asked."""
        kept = asked | {
            "period": self.period if self.period != YEAR else "",
            "segment": self.segment,
        }
        said = urlencode({name: value for name, value in kept.items() if value}, quote_via=quote)
        return f"{HOME}{path}" + (f"?{said}" if said else "")


class Mark(NamedTuple):
    """A figure through one lens: `step` 0 (bad) to 4 (good) is its shape, `says` puts it in a word.

    Without a figure `text` is empty and `says` tells why.
    """

    lens: str
    title: str
    text: str
    bounds: str
    says: str
    step: int
    people: int | None


class Box(NamedTuple):
    """One stage at one touchpoint; `size` 1 to 5 is how many people were there, as a circle."""

    people: int | None
    contacts: int | None
    share: str
    size: int
    marks: tuple[Mark, ...]
    step: int | None
    note: str
    hidden: bool


class Row(NamedTuple):
    """A touchpoint with a box per stage; None where nobody was."""

    title: str
    boxes: tuple[Box | None, ...]


class Saying(NamedTuple):
    """One thing told of a stage, with the share of people, and where their words can be read."""

    name: str
    percent: str
    people: int
    href: str


class Lane(NamedTuple):
    """What people felt, thought or did, by stage."""

    title: str
    about: str
    stages: tuple[tuple[Saying, ...], ...]


class Map(NamedTuple):
    """The whole page: stages that somebody was at, rows, lanes, and what stands out.

    `mend` is where each stage becomes a feedback item.
    """

    stages: tuple[str, ...]
    empty: tuple[str, ...]
    whole: Row
    rows: tuple[Row, ...]
    lanes: tuple[Lane, ...]
    mend: tuple[str, ...]
    worst: tuple[str, ...]
    not_worst: tuple[str, ...]
    people: int | None


class Line(NamedTuple):
    """One line of the map as a table and a file; `absent` says why there is no figure."""

    stage: str
    touchpoint: str
    people: int | None
    contacts: int | None
    share: float | None
    lens: str
    value: float | None
    low: float | None
    high: float | None
    of_people: int | None
    absent: str


def filters(drawn: Drawn) -> tuple[dict[str, str], dict[str, str]]:
    """Give what can be chosen: periods and segments, each with what it is called."""
    periods = {
        key: f"the last year ({label})" if key == YEAR else label
        for key, label in drawn.periods.items()
    }
    return periods, {"": "everyone"} | {each: each.replace("=", ": ") for each in drawn.segments}


def map_of(journey: Journey, choice: MapView, *, with_words: bool) -> Map:
    """Arrange one segment of a map; with words, themes and feelings lead to what people wrote."""
    cells = {(c.stage, c.touchpoint): c for c in journey.cells if c.segment == choice.group}
    stages = tuple(stage for stage in journey.stages if (stage, ALL) in cells)
    touchpoints = dict.fromkeys(touchpoint for _, touchpoint in cells if touchpoint != ALL)
    whole = Row("the whole stage", tuple(_box(cells[stage, ALL]) for stage in stages))
    rows = tuple(
        Row(each, tuple(_box_or_none(cells.get((stage, each))) for stage in stages))
        for each in touchpoints
    )
    lanes = tuple(
        Lane(
            title,
            about,
            tuple(
                tuple(
                    _saying(each, stage, field, choice if with_words else None)
                    for each in getattr(cells[stage, ALL], field)
                )
                for stage in stages
            ),
        )
        for field, title, about in LANES
    )
    return Map(
        stages=stages,
        empty=tuple(stage for stage in journey.stages if stage not in stages),
        whole=whole,
        rows=rows,
        lanes=tuple(lane for lane in lanes if any(lane.stages)),
        mend=tuple(
            _mend(stage, box) for stage, box in zip(stages, whole.boxes, strict=True) if box
        ),
        worst=tuple(_worst(each) for each in journey.worst if each.stage is not None),
        not_worst=tuple(_worst(each) for each in journey.worst if each.stage is None),
        people=whole_people(journey, choice),
    )


def whole_people(journey: Journey, choice: MapView) -> int | None:
    """Say of how many people the map tells; None of a segment, and where they are too few."""
    return journey.people if not choice.segment else None


def lines_of(journey: Journey, choice: MapView) -> tuple[Line, ...]:
    """Give every figure of one segment as a line: per stage, touchpoint and lens."""
    return tuple(
        line for cell in journey.cells if cell.segment == choice.group for line in _lines(cell)
    )


def _lines(cell: JourneyCell) -> list[Line]:
    touchpoint = "all" if cell.touchpoint == ALL else cell.touchpoint
    share = None if cell.share is None else cell.share.value
    about = (cell.stage, touchpoint, cell.people, cell.contacts, share)
    if cell.hidden:
        return [Line(*about, "", None, None, None, None, cell.note)]
    found = []
    for lens in LENSES:
        look = cell.looks[lens.name]
        if look.value is None:
            why = look.note or absent(look)
            found.append(Line(*about, lens.name, None, None, None, None, why))
        else:
            value = look.value
            found.append(
                Line(*about, lens.name, value.value, value.low, value.high, look.people, "")
            )
    return found


def _box_or_none(cell: JourneyCell | None) -> Box | None:
    return None if cell is None else _box(cell)


def _box(cell: JourneyCell) -> Box:
    if cell.hidden:
        return Box(None, None, "", 0, (), None, cell.note, hidden=True)
    marks = tuple(_mark(lens.name, cell.looks[lens.name]) for lens in LENSES)
    felt = [each for each in marks if each.text and each.lens in ("sentiment", "satisfaction")]
    share = 0.0 if cell.share is None else cell.share.value
    return Box(
        people=cell.people,
        contacts=cell.contacts,
        share="" if cell.share is None else f"{100 * share:.0f} %",
        size=min(max(round(_STEPS * share**0.5), 1), _STEPS),
        marks=marks,
        step=felt[0].step if felt else None,
        note=cell.note,
        hidden=False,
    )


def _mark(lens: str, look: Look) -> Mark:
    if look.value is None:
        return Mark(lens, TITLES[lens], "", "", absent(look), 0, None)
    step = min(int(_STEPS * warmth(lens, look.value.value)), _STEPS - 1)
    text = written(lens, look.value.value)
    told = bounds(lens, look.value).replace(" … ", " to ")
    return Mark(lens, TITLES[lens], text, told, _SAYS[lens][step], step, look.people)


def _saying(told: Told, stage: str, field: str, view: MapView | None) -> Saying:
    href = ""
    if view is not None and told.name not in KINDS and field in ("pains", "gains", "thinking"):
        href = view.href("/words", stage=stage, about=told.name)
    percent = f"{100 * told.share.value:.0f} %"
    return Saying(told.name.replace("_", " "), percent, told.people, href)


def _mend(stage: str, box: Box) -> str:
    """Give where a stage becomes a feedback item: by its worst figure that people felt."""
    felt = [each for each in box.marks if each.text and each.lens != "drop_off"]
    worst = min(felt, key=lambda each: each.step, default=None)
    source = f"stage:{stage}" + (f":{worst.lens}" if worst else ":drop_off")
    return f"/staff/feedback/new?{urlencode({'from': source}, safe=':', quote_via=quote)}"


def _worst(worst: Worst) -> str:
    title = SHADES[worst.lens].title.capitalize()
    return f"{title}: {worst.why}."


def steps_of(journey: Journey, choice: MapView, lens: str) -> tuple[Step, ...]:
    """Give the stages in order with their figures through one lens, to be drawn."""
    found = []
    for stage in journey.stages:
        cell = journey.cell(stage, ALL, choice.group)
        if cell is None:
            continue
        value = None if cell.hidden else cell.looks[lens].value
        if value is None:
            found.append(Step(stage, None))
        else:
            scale = 100 if SHADES[lens].percent else 1
            said = written(lens, value.value)
            found.append(
                Step(stage, scale * value.value, scale * value.low, scale * value.high, said)
            )
    return tuple(found)
