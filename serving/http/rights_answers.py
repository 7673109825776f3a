"""What goes out over HTTP about the rights people use."""

from typing import Any, Literal

from pydantic import BaseModel

from serving.http.answers import CustomerName, HistoryEvent, HomeKind, Next
from serving.http.schemas import Instant


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
