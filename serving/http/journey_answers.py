"""What goes out over HTTP of the journey map and of reports."""

from typing import Any

from pydantic import BaseModel

from serving.http.answers import Figure, HomeKind
from serving.http.schemas import Instant


class JourneyLook(BaseModel):
    """A cell through one lens; without a value `note` says why."""

    value: Figure | None
    people: int | None
    note: str


class JourneyTold(BaseModel):
    """One thing people said, felt or did at a stage."""

    name: str
    people: int
    out_of: int
    share: Figure


class JourneyCellAnswer(BaseModel):
    """One stage and touchpoint, of everyone or one group."""

    stage: str
    touchpoint: str
    segment: str
    people: int | None
    contacts: int | None
    share: Figure | None
    looks: dict[str, JourneyLook]
    pains: list[JourneyTold]
    gains: list[JourneyTold]
    thinking: list[JourneyTold]
    doing: list[JourneyTold]
    hidden: bool
    note: str


class StageDifference(Figure):
    """By how much the worst stage differs from this one."""

    stage: str


class WorstStage(BaseModel):
    """The worst stage through one lens; null where none can be told from all others."""

    lens: str
    stage: str | None
    why: str
    compared: list[str]
    differences: list[StageDifference]


class JourneyAnswer(BaseModel):
    """The journey map of the last year of history."""

    home: HomeKind
    start: Instant
    end: Instant
    by: str | None
    people: int | None
    stages: list[str]
    lenses: dict[str, str]
    cells: list[JourneyCellAnswer]
    worst: list[WorstStage]


class ReportAnswer(BaseModel):
    """A weekly or quarterly report: three layers of figures, the journey and both indices."""

    model_config = {"extra": "allow"}

    home: HomeKind
    kind: str
    period: str
    start: Instant
    end: Instant
    made_at: Instant
    executive: dict[str, Any]
    operational: dict[str, Any]
    indices: list[dict[str, Any]]
    research: dict[str, Any]
    journey: dict[str, Any]
