"""What goes out over HTTP about experiments of playbooks: lift, return, plans."""

from typing import Any, Literal

from pydantic import BaseModel

from serving.http.answers import Figure, HomeKind
from serving.http.schemas import Instant

Word = Literal["helped", "harmed", "cannot say", "withheld"]


class LiftDifference(BaseModel):
    """Treated less held out; nothing where people are too few, or the verdict is withheld."""

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
    error: float | None


class OutcomeAnswer(BaseModel):
    """One outcome; `raw` is what the verdict rests on, `adjusted` uses the time before the draw."""

    outcome: str
    unit: str
    says: str
    segment: str
    horizon_days: int
    good_is: Literal["higher", "lower"]
    raw: LiftDifference
    adjusted: LiftDifference | None
    variance_reduction: float | None
    verdict: Word
    reason: str
    worthwhile: Literal["yes", "no", "cannot say"] | None
    note: str


class SampleRatioCheck(BaseModel):
    """Whether as many were held out as should have been."""

    outcome: Literal["as expected", "mismatch"]
    p_value: float
    counts: dict[str, int]
    expected: dict[str, float]


class ExposureAnswer(BaseModel):
    """The share of each arm that something else reached within the horizon."""

    what: str
    treated: Figure | None
    held_out: Figure | None
    difference: LiftDifference
    note: str


class ExperimentAnswer(BaseModel):
    """An experiment of a playbook, and whom the playbook may reach now."""

    experiment: str
    playbook: str
    target: str | None
    holdout_share: float
    started_at: Instant
    ends_at: Instant
    status: Literal["running", "ended", "stopped"]
    reason: str
    stopped_for: Literal["benefit", "harm"] | None
    ended_at: Instant | None
    resumed_at: Instant | None
    plan_digest: str | None
    looks: int
    contacts: Literal["drawn", "everyone", "nobody"]


class ExperimentsAnswer(BaseModel):
    """Every experiment there was, the newest first."""

    experiments: list[ExperimentAnswer]


class PlanPoint(BaseModel):
    """One point of a plan, and whether it was followed."""

    point: str
    followed: Literal["yes", "no", "not yet"]
    said: str


class PlanFollowed(BaseModel):
    """Whether the plan frozen before the start was followed, and what follows by its own rule."""

    plan_digest: str
    decision: Literal["scale", "stop", "neither"]
    then: str
    followed: bool
    deviations: list[str]
    points: list[PlanPoint]


class LiftAnswer(BaseModel):
    """What a playbook changed over 90 days, as drawn; `waiting` were drawn too recently.

    `intervals` says whether they hold at every look ("always valid") or at the end ("fixed").
    """

    home: HomeKind
    playbook: str
    experiment: str
    randomised: bool
    course: ExperimentAnswer | None
    other_experiments: list[str]
    horizon_days: int
    intervals: Literal["always valid", "fixed"]
    level: float
    treated: int
    held_out: int
    waiting: int
    sample_ratio: SampleRatioCheck | None
    outcomes: list[OutcomeAnswer]
    lasting: list[OutcomeAnswer]
    segments: list[OutcomeAnswer]
    exposure: list[ExposureAnswer]
    verdict: Word
    reason: str
    plan: PlanFollowed | None
    notes: list[str]


class AssumptionAnswer(BaseModel):
    """One figure a return rests on, and where it comes from."""

    name: str
    value: str
    source: str


class RoiAnswer(BaseModel):
    """The return of a playbook's experiment; the name of every figure holds its period."""

    home: HomeKind
    playbook: str
    experiment: str
    horizon_days: int
    treated: int | None
    held_out: int | None
    waiting: int
    currency: str | None
    figures: dict[str, Figure | float]
    lines: list[str]
    verdict: Literal["pays", "does not pay", "cannot say", "withheld"]
    reason: str
    assumptions: list[AssumptionAnswer]
    note: str


class PlanAnswer(BaseModel):
    """A plan as it was frozen; `plan_digest` is the sha256 of its canonical JSON."""

    plan_digest: str
    playbook: str
    frozen_at: Instant
    frozen_by: str
    experiment: str | None
    plan: dict[str, Any]


class PlansAnswer(BaseModel):
    """Every plan that was frozen, the newest first."""

    plans: list[PlanAnswer]
