"""What goes out over HTTP, beside scores: the shapes the handlers really give, for OpenAPI.

Handlers answer with plain JSON; tests hold every answer against these, field by field.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving.http.schemas import Instant

CustomerName = Annotated[str, Field(description="The customer's id, as you sent it.")]
Next = Annotated[
    str | None, Field(description="Pass it as `after` for the next page; null on the last.")
]
HomeKind = Literal["production", "demo", "evaluation"]


class Figure(BaseModel):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class DecisionAnswer(BaseModel):
    """One decision as it stands in the record; `result` goes when the permission goes."""

    decision_id: str
    kind: str
    outcome: str
    reason: str | None
    purpose: str
    target: str | None
    recorded_at: Instant
    as_of: Instant | None
    model_digest: str | None
    event_digest: str | None
    feature_digest: str | None
    result: dict[str, Any] | None
    result_forgotten: bool
    ledger_entry: int


class ContestableDecision(DecisionAnswer):
    """A decision, and how far it is contested: null, open, upheld, overturned or withdrawn."""

    contested: str | None


class ReplayAnswer(BaseModel):
    """What came of computing a decision again; no score is told."""

    decision_id: str
    outcome: Literal["same", "differs", "cannot_say"]
    differences: list[str]


class Gate(BaseModel):
    """What the gate said of a model, with every reason."""

    outcome: Literal["approved", "refused", "insufficient_evidence"]
    reasons: list[str]
    conditions: list[str]


class TestFigures(BaseModel):
    """How good a model was on customers it had not seen, at a later day."""

    as_of: Instant
    n: int
    positives: int
    auc: Figure
    average_precision: Figure
    log_loss: float
    brier: float
    ece: float
    lift_at_10: float
    intervals: dict[str, Figure]


class ModelAnswer(BaseModel):
    """One submitted model; `serves` says whether it is the one that answers now."""

    model_digest: str
    target: str
    horizon_days: int
    created_at: Instant
    author: str
    home: HomeKind
    mlflow_run_id: str | None
    status: str
    serves: bool
    gate: Gate
    test: TestFigures


class ModelsPage(BaseModel):
    """Models, the newest first."""

    results: list[ModelAnswer]
    next: Next


class CustomerRow(BaseModel):
    """One customer in a list."""

    customer_id: CustomerName


class CustomersPage(BaseModel):
    """Customers in order of id."""

    results: list[CustomerRow]
    next: Next


class HistoryEvent(BaseModel):
    """One version of one event; `customer_id` names another id of the same person, where it was."""

    customer_id: str | None = None
    event_id: str
    kind: str
    occurred_at: Instant
    known_at: Instant
    superseded_at: Instant | None
    value: float | None
    currency: str | None = None
    text: str | None = None
    corrects: str | None = None
    retracts: str | None = None
    subject: str | None = None
    properties: dict[str, Any]


class ConsentStanding(BaseModel):
    """Where a customer stands on one purpose, and why."""

    purpose: str
    permitted: bool
    state: str
    reason: str | None
    basis: str | None
    event_id: str | None
    since: Instant | None
    expires_at: Instant | None
    notice_id: str | None
    notice_version: int | None


class ReviewRequestAnswer(BaseModel):
    """A request for a second look; `upheld` and `overturned` speak of the contested decision."""

    request_id: str
    decision_id: str | None
    appeal_of: str | None
    received_at: Instant
    due_at: Instant
    status: Literal["open", "upheld", "overturned", "withdrawn"]
    decided_by: str | None
    decided_at: Instant | None
    overdue: bool


class ReviewRequestRecorded(ReviewRequestAnswer):
    """A request that was just recorded."""

    outcome: Literal["recorded"]


class ReviewRequestShown(ReviewRequestAnswer):
    """A request with what was said; null once the customer was erased."""

    customer_id: str | None
    reason: str | None
    answer: str | None


class ReviewRequestsPage(BaseModel):
    """Requests for a second look, the oldest first."""

    results: list[ReviewRequestAnswer]
    next: Next


class InterventionAnswer(BaseModel):
    """One contact that was proposed, held out, sent or stopped; `reason` for `consent:read`."""

    intervention_id: str
    customer_id: CustomerName
    playbook: str
    channel: str
    arm: Literal["treated", "holdout"]
    status: str
    reason: str | None
    probability: float | None
    decision_id: str
    score_decision_id: str | None
    needs_person: bool
    created_at: Instant
    valid_until: Instant
    sent_at: Instant | None


class InterventionsPage(BaseModel):
    """Interventions, the newest first."""

    results: list[InterventionAnswer]
    next: Next


class VerdictAnswer(BaseModel):
    """Whether a contact may be made, at this moment; `reason` for keys with `consent:read`."""

    intervention_id: str
    allowed: bool
    status: str
    reason: str | None
    valid_until: Instant


class CustomerAnswer(BaseModel):
    """A customer's history (newest 200 events first), permissions, decisions and contacts."""

    customer_id: CustomerName
    home: HomeKind
    events: list[HistoryEvent]
    events_total: int
    consents: list[ConsentStanding]
    decisions: list[DecisionAnswer]
    review_requests: list[ReviewRequestAnswer]
    interventions: list[InterventionAnswer]


class ConsentWord(BaseModel):
    """One recorded word of a customer on one purpose."""

    event_id: str
    purpose: str
    state: str
    occurred_at: Instant
    recorded_at: Instant
    expires_at: Instant | None
    actor: str
    mechanism: str
    evidence: str
    explicit: bool
    notice_id: str | None
    notice_version: int | None
    notice_hash: str | None
    notice_locale: str | None


class SubjectKnown(BaseModel):
    """When a customer comes of age, and whether they are staff."""

    adult_from: Instant | None
    relation: str | None


class ConsentsAnswer(BaseModel):
    """Where a customer stands on every purpose, and what they said, in the order it was said."""

    customer_id: CustomerName
    subject: SubjectKnown
    consents: list[ConsentStanding]
    history: list[ConsentWord]
    next: Next


class ConsentRecorded(ConsentWord):
    """The recorded word; what it permits is told to keys with `consent:read`."""

    customer_id: CustomerName
    permitted: bool | None = None
    reason: str | None = None


class ConsentWithdrawn(BaseModel):
    """A withdrawal, in force since `effective_at`."""

    customer_id: CustomerName
    purpose: str
    state: Literal["withdrawn"]
    event_id: str
    effective_at: Instant


class EverythingWithdrawn(BaseModel):
    """Everything was stopped; `events` by purpose, for keys with `consent:read`."""

    customer_id: CustomerName
    state: Literal["withdrawn"]
    events: dict[str, str]


class SubjectAnswer(BaseModel):
    """What is known of the customer now, for keys with `consent:read`."""

    customer_id: CustomerName
    adult_from: Instant | None = None
    relation: str | None = None


class Receipt(BaseModel):
    """A consent receipt in JSON-LD (ISO/IEC TS 27560 as DPV profiles it)."""

    model_config = {"extra": "allow"}

    context: Annotated[Any, Field(alias="@context")]


class NoticeWords(BaseModel):
    """A notice's words in one language, and their digest."""

    words: str
    sha256: str


class NoticeAnswer(BaseModel):
    """One published version of a notice; `languages` by locale."""

    notice_id: str
    version: int
    purposes: list[str]
    current_for: list[str]
    material: bool
    expires_after_days: int | None
    published_at: Instant
    languages: dict[str, NoticeWords]


class NoticesPage(BaseModel):
    """Published notices."""

    results: list[NoticeAnswer]
    next: Next


class NoticePublished(BaseModel):
    """What was just published, in one language."""

    notice_id: str
    version: int
    locale: str
    sha256: str
    published_at: Instant


class PreferenceLink(BaseModel):
    """The address at which the customer decides, until it ends."""

    url: str
    expires_at: Instant


class StopLink(BaseModel):
    """An address that stops, and the e-mail headers that offer it in one click (RFC 8058)."""

    url: str
    headers: dict[str, str]


class ExportAnswer(BaseModel):
    """Everything held about a customer: exactly what erasure would delete."""

    model_config = {"extra": "allow"}

    customer_id: CustomerName
    home: HomeKind
    exported_at: Instant
    person_id: str | None
    events: list[HistoryEvent]
    consents: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    interventions: list[dict[str, Any]]
    review_requests: list[ReviewRequestAnswer]
    complaints: list[dict[str, Any]]
    kept_answers: list[dict[str, Any]]
    suppression: dict[str, Any] | None
    merged: list[dict[str, Any]]
    about_processing: dict[str, Any]


class ErasureDone(BaseModel):
    """How much was erased, and until when a re-import will not bring the customer back."""

    outcome: Literal["erased"]
    erased_at: Instant
    events: int
    consents: int
    scores: int
    interventions: int
    merged_ids: int
    kept_out_until: Instant


class ObjectionDone(BaseModel):
    """The objection, in force since `effective_at`."""

    outcome: Literal["objected"]
    event_id: str
    effective_at: Instant


class ComplaintRecorded(BaseModel):
    """A complaint that was just recorded."""

    outcome: Literal["recorded"]
    complaint_id: str
    category: str
    received_at: Instant
    status: str
    closed_at: Instant | None


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
