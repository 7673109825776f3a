"""What goes out over HTTP about whether it helped."""

from typing import Literal

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


class LiftDifference(BaseModel):
    """Treated less held out; nothing where people are too few."""

    treated_units: int
    control_units: int
    treated_mean: float | None
    control_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    relative: float | None
    method: str
    level: float
    verdict: str


class SampleRatioCheck(BaseModel):
    """Whether as many were held out as should have been."""

    outcome: Literal["as expected", "mismatch"]
    p_value: float
    counts: dict[str, int]
    expected: dict[str, float]


class LiftAnswer(BaseModel):
    """What a playbook changed, over 90 days, as assigned; `waiting` were assigned too recently."""

    home: HomeKind
    playbook: str
    horizon_days: int
    retained: LiftDifference
    sample_ratio: SampleRatioCheck | None
    waiting: int
    note: str
