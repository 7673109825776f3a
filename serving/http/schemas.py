"""What goes in and out over HTTP; pydantic lives here and in the settings, nowhere else."""

from typing import Annotated, Any, Literal, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from features.storable import text_problem
from serving.interventions.playbooks.wording import LONGEST_BODY, LONGEST_SUBJECT


def _text_of_number(value: object) -> object:
    """Take the number 17850 as the customer "17850": many systems send ids so."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


CustomerId = Annotated[str, BeforeValidator(_text_of_number), Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(max_length=200)]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""An instant as text: `2026-01-31T12:00:00.000000Z`."""
MAX_INPUTS = 100
MAX_EVENTS = 1_000


class Incoming(BaseModel):
    """What every request is: no field but the stated ones, and only text that can be stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _storable(cls, found: object) -> object:
        problem = text_problem(found) if isinstance(found, str) else None
        if problem is not None:
            raise ValueError(problem)
        return found


class ScoreInput(Incoming):
    """One customer to score."""

    customer_id: CustomerId


class ScoreRequest(Incoming):
    """Up to 100 customers; answers come in the same order."""

    inputs: Annotated[list[ScoreInput], Field(min_length=1, max_length=MAX_INPUTS)]
    targets: Annotated[list[str], Field(min_length=1, max_length=10)] = ["churn"]
    reasons: Annotated[
        int, Field(ge=0, le=20, description="How many groups of features to give as reasons.")
    ] = 3
    as_of: Annotated[
        str | None,
        Field(description="Score as things were known then; a bare date is midnight at home."),
    ] = None

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"inputs": [{"customer_id": "17850"}], "targets": ["churn"], "reasons": 3}]
        },
    )


class WhatIfRequest(Incoming):
    """What to suppose: features and their values; none lists what may be asked about."""

    target: Word = "churn"
    set: Annotated[dict[Word, float], Field(max_length=50)] = {}
    as_of: Annotated[
        str | None,
        Field(description="Ask as things were known then; a bare date is midnight at home."),
    ] = None

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"target": "churn", "set": {"order_count_90d": 3}}]},
    )


class SentEvent(BaseModel):
    """One event as it is sent; times carry a zone, and the customer's id may be a number."""

    customer_id: Annotated[str, Field(min_length=1, max_length=200)] | int
    kind: Annotated[
        str,
        Field(min_length=1, max_length=200, description="order, payment, ticket_opened, … or own."),
    ]
    occurred_at: Instant
    event_id: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Names it: sent again it changes nothing."),
    ] = None
    value: Annotated[float | None, Field(ge=-1e12, le=1e12)] = None
    currency: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    text: str | None = None
    properties: dict[str, Any] | None = None
    corrects: Annotated[
        str | None, Field(min_length=1, max_length=200, description="The id of an earlier event.")
    ] = None
    retracts: Annotated[
        str | None, Field(min_length=1, max_length=200, description="The id of an earlier event.")
    ] = None
    subject: Literal["customer", "visitor", "account", "company"] = "customer"


class EventsRequest(Incoming):
    """Up to 1,000 events. Each is checked by itself: one bad event does not hold up the others."""

    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_EVENTS)]

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "customer_id": "17850",
                            "kind": "order",
                            "event_id": "A-1001",
                            "occurred_at": "2026-01-31T12:00:00Z",
                            "value": 25.5,
                            "currency": "EUR",
                        }
                    ]
                }
            ]
        },
    )


class ReasonRequest(Incoming):
    """Why a person decided so; it goes into the record."""

    reason: Annotated[str, Field(min_length=3, max_length=2_000)]


class MessageChange(Incoming):
    """Other words for a proposed message; what is left out stays as the playbook has it."""

    subject: Annotated[str, Field(max_length=LONGEST_SUBJECT)] | None = None
    body: Annotated[str, Field(max_length=LONGEST_BODY)] | None = None


class ApprovalRequest(ReasonRequest):
    """A yes with its reason, and other words for the message where it should have some."""

    message: MessageChange | None = None


class ReviewRequestRequest(Incoming):
    """What a customer contests; without a decision everything that rests on a score waits."""

    reason: Annotated[str, Field(min_length=3, max_length=2_000)]
    decision_id: Annotated[str, Field(max_length=40)] | None = None


class ReviewDecisionRequest(Incoming):
    """What a person decided about a contested decision; the customer will read the reason."""

    outcome: Literal["upheld", "overturned"]
    reason: Annotated[str, Field(min_length=3, max_length=2_000)]


class ComplaintRequest(Incoming):
    """What a customer complains about."""

    category: Word
    text: Annotated[str, Field(min_length=3, max_length=2_000)]


class ReasonMember(BaseModel):
    """One feature's own share of a reason, in log-odds of the blend before calibration."""

    feature: str
    value: float | None
    contribution: float


class Reason(BaseModel):
    """What one group of features added to the score, in log-odds of the blend before calibration.

    `contribution` is the sum over `members`; `feature`, `value` and `text` are those of the member
    that words the reason.
    """

    feature: str
    value: float | None
    contribution: float
    text: str
    group: str
    members: list[ReasonMember] = []


class HorizonScore(BaseModel):
    """How likely it is within so many days, with its 90 % interval."""

    horizon_days: int
    probability: float
    low: float
    high: float


class DaysToEvent(BaseModel):
    """In how many days it comes: by `median` in half of all cases, low to high in 90 %.

    null: later than the last horizon, about which nothing is said.
    """

    median: float | None
    low: float | None
    high: float | None


class ExpectedAmount(BaseModel):
    """The mean amount to expect, and where the amount itself will lie in 90 % of cases.

    Where hardly anyone buys, both ends are 0 and the mean lies above them.
    """

    expected: float
    low: float
    high: float
    currency: str
    horizon_days: int


class LikelyCategory(BaseModel):
    """How likely a category is, given that the event happens."""

    category: str
    probability: float


class Score(BaseModel):
    """A calibrated probability with its 90 % interval, and where it came from.

    `outcome` says in words what it is the probability of. `horizons` are there for targets with
    several, ascending: a longer one is never less likely, and the last is the main one. `days` and
    `categories` (the three likeliest) come with a next need, `value` with a lifetime value.
    """

    probability: float | None = None
    low: float | None = None
    high: float | None = None
    horizon_days: int
    outcome: str = ""
    horizons: list[HorizonScore] | None = None
    days: DaysToEvent | None = None
    value: ExpectedAmount | None = None
    categories: list[LikelyCategory] | None = None
    method: Literal["model", "rule"]
    rule: str | None = None
    model_digest: str | None = None
    decision_id: str
    reasons: list[Reason] = []


class CustomerResult(BaseModel):
    """What can be said of one customer."""

    customer_id: str
    status: Literal["scored", "insufficient_data", "refused", "not_available"]
    reason: str | None = None
    decision_id: str
    model_digest: str | None = None
    scores: dict[str, Score] = {}


class ScoreResponse(BaseModel):
    """One result per input, in the order of the inputs."""

    results: list[CustomerResult]
    num_errors: int
    as_of: Instant
    home: str


class Chance(BaseModel):
    """A calibrated probability with its 90 % interval."""

    probability: float
    low: float
    high: float


class Moved(BaseModel):
    """A feature that is otherwise: asked about, or moved along with what was."""

    feature: str
    before: float | None
    after: float | None
    text: str
    seen_in_training: bool


class GroupDifference(BaseModel):
    """By how much a group's contribution differs, in log-odds before calibration."""

    group: str
    contribution: float


class Askable(BaseModel):
    """A feature one may ask about, its value now, and the range that training saw."""

    feature: str
    about: str
    group: str
    value: float | None
    low: float
    high: float


class SingleChange(BaseModel):
    """One change within what training saw, and the chance of customers who are like that."""

    asked: Moved
    along: list[Moved]
    chance: Chance
    text: str


class WhatIfResponse(BaseModel):
    """A comparison of customers; it does not say that changing something changes the outcome."""

    customer_id: str
    status: Literal["answered", "impossible", "insufficient_data", "refused", "not_available"]
    reason: str | None = None
    target: str
    horizon_days: int
    decision_id: str
    model_digest: str | None = None
    as_of: Instant
    home: str
    now: Chance | None = None
    then: Chance | None = None
    asked: list[Moved] = []
    along: list[Moved] = []
    difference: list[GroupDifference] = []
    contradictions: list[str] = []
    may_ask: list[Askable] = []
    lower: list[SingleChange] = []
    text: str = ""


class EventResult(BaseModel):
    """What became of one event."""

    event_id: str | None
    status: Literal["written", "duplicate", "conflict", "rejected"]
    problems: list[str] = []


class EventsResponse(BaseModel):
    """One result per event, in the order they were sent."""

    results: list[EventResult]
    written: int
    duplicates: int
    conflicts: int
    rejected: int


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    errors: list[dict[str, str]] = []
    instance: str = ""


Body = TypeVar("Body", bound=BaseModel)
_REFERENCE = "#/components/schemas/{model}"


def read_body(kind: type[Body], sent: bytes) -> Body:
    """Read a request's body; raises `RequestValidationError` as FastAPI does for its own."""
    try:
        return kind.model_validate_json(sent)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [{**each, "loc": ("body", *each["loc"])} for each in found]
        ) from None


def body_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Describe a body that a handler reads by itself, for OpenAPI."""
    schema = {"$ref": _REFERENCE.format(model=kind.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def schemas_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Give the schemas that `body_of` refers to, by name."""
    schema = kind.model_json_schema(ref_template=_REFERENCE)
    return {**schema.pop("$defs", {}), kind.__name__: schema}
