"""What goes in and out over HTTP about the dashboard and the notes beside it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from serving.dashboard.figure import Every, Layer, Shape, Unit
from serving.http.answers import HomeKind
from serving.http.schemas import Incoming, Instant


class DashboardCell(BaseModel):
    """One number with its bounds, or a note on why there is none."""

    row: str
    period: str
    start: str
    end: str
    x: float | None
    x_to: float | None
    value: float | None
    low: float | None
    high: float | None
    people: int | None
    hidden: bool
    note: str


class DashboardFigure(BaseModel):
    """One figure of a layer as the last look found it, of the segment and calendar asked for.

    Where it is not told of them, `segment` is empty (everyone) and `every` a calendar there is;
    `every` is null where it has no calendar.
    """

    name: str
    title: str
    about: str
    shape: Shape
    unit: Unit
    scale: str
    goal: Literal["up", "down", ""]
    note: str
    segment: str
    every: Every | None
    segments: list[str]
    cells: list[DashboardCell]


class DashboardAnswer(BaseModel):
    """A layer of the dashboard; `taken_at` is null before the first look."""

    home: HomeKind
    layer: Layer
    segment: str
    every: Every
    taken_at: Instant | None
    figures: list[DashboardFigure]


class AnnotationRequest(Incoming):
    """What happened and when, naming nobody; a bare date is midnight at home."""

    text: Annotated[str, Field(min_length=1, max_length=400)]
    happened_at: Annotated[str, Field(max_length=40)]


class AnnotationAnswer(BaseModel):
    """A note; those that Keepwell itself made have no id and no writer."""

    annotation_id: str | None
    happened_at: Instant
    text: str
    written_by: str | None
    written_at: Instant | None


class AnnotationsAnswer(BaseModel):
    """Every note, in the order of what happened."""

    annotations: list[AnnotationAnswer]


class AnnotationRemoved(BaseModel):
    """A note that is gone."""

    annotation_id: str
    outcome: Literal["removed"]
