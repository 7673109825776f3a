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


class InterventionAnswer(BaseModel):
    """One contact that was proposed, held out, sent or stopped.

    `reason` is for `consent:read`, `probability` for `score:read`.
    """

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


class MessageWords(BaseModel):
    """What is said to the customer."""

    subject: str
    body: str


class EstimateReason(BaseModel):
    """One thing the records say, and whether it made the estimate higher."""

    text: str
    raised: bool


class ContactEstimate(BaseModel):
    """The score behind a contact with its 90 % interval: the chance that the customer `says`."""

    says: str
    sentence: str
    horizon_days: int
    silence_days: int
    probability: float
    low: float
    high: float
    reasons: list[EstimateReason]


class KeptRecords(BaseModel):
    """How many events of one kind are kept, and from when to when."""

    kind: str
    events: int
    first: Instant
    last: Instant


class EarlierContact(BaseModel):
    """What was decided about the same customer before."""

    created_at: Instant
    playbook: str
    channel: str
    arm: str
    status: str
    decided_by: str | None
    decided_reason: str | None


class InterventionShown(InterventionAnswer):
    """One contact as whoever decides on it sees it.

    `links` are those the message carries: `why`, for outreach `stop`, for a question `survey`.
    `estimate` is for `score:read`, `history` and `decided_before` for `consent:read`.
    """

    kind: Annotated[str, Field(alias="class")]
    action: str
    value: str
    trigger: str
    chosen_by: str
    expected_effect: float | None
    propensity: float | None
    cost: float
    currency: str
    message: MessageWords
    message_before: MessageWords | None
    pressing_phrases: list[str]
    links: dict[str, Any]
    links_problem: str | None
    estimate: ContactEstimate | None
    history: list[KeptRecords] | None
    decided_before: list[EarlierContact] | None
    contested: bool
    waited_minutes: float
    decided_at: Instant | None
    decided_by: str | None
    decided_reason: str | None


class InterventionsPage(BaseModel):
    """Interventions, the newest first."""

    results: list[InterventionAnswer]
    next: Next


class VerdictAnswer(BaseModel):
    """Whether a contact may be made, at this moment; `reason` for keys with `consent:read`.

    `not_before`: in quiet hours, when to ask again. `warnings`: what whoever said yes should think
    about, such as changed words that press people, or that nobody had opened it.
    """

    intervention_id: str
    allowed: bool
    status: str
    reason: str | None
    valid_until: Instant
    not_before: Instant | None
    warnings: list[str]
