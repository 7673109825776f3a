"""What goes out over HTTP about whether it helped."""

from pydantic import BaseModel

from serving.http.answers import Figure, HomeKind
from serving.http.schemas import Instant


class Measure(BaseModel):
    """One measure with its interval and definition; without a value where people are too few."""

    name: str
    family: str
    segment: str
    period: str
    start: Instant
    end: Instant
    value: Figure | None
    numerator: float | None
    denominator: float | None
    people: int | None
    unit: str
    hidden: bool
    note: str
    definition: str


class MeasuresAnswer(BaseModel):
    """Every measure of the last year of history."""

    start: Instant
    end: Instant
    home: HomeKind
    notes: list[str]
    measures: list[Measure]
