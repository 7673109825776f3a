"""What every message to the webhook holds: one model per type, and what each is for.

The bodies that are sent are made of these models, and the OpenAPI document describes them from the
same. Adding a field is safe for receivers; renaming or removing one is not.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from governance.instants import to_text

REQUESTED = "intervention.requested"
CANCELLED = "intervention.cancelled"
SCORE_CHANGED = "score.changed"
SCORE_WITHDRAWN = "score.withdrawn"
CONSENT_CHANGED = "consent.changed"
STEP_UP = "step_up.requested"
TEST = "webhook.test"

_INSTANT = "an instant in UTC, ISO 8601"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ContactText(_Data):
    """What to say to the customer."""

    subject: str
    body: str


class StopLink(_Data):
    """The link that stops this kind of message, and the e-mail headers of RFC 8058."""

    url: str
    headers: Mapping[str, str]


class EndingLink(_Data):
    """A link about this one contact: why it was made, or where the customer answers."""

    url: str
    expires_at: str = Field(description=_INSTANT)


class InterventionRequested(_Data):
    """Contact this customer, unless `confirm_before_sending` says no; it holds no score.

    What is sent carries `why`, and for outreach `stop`: put both into the message.
    """

    intervention_id: str
    decision_id: str
    customer_id: str
    playbook: str
    kind: Literal["service", "outreach"] = Field(alias="class")
    channel: str
    message: ContactText
    valid_until: str = Field(description=_INSTANT)
    confirm_before_sending: str = Field(description="POST here immediately before sending")
    language: str | None = Field(
        default=None, description="what the customer last read a notice in, where that is known"
    )
    why: EndingLink | None = Field(
        default=None, description="the notice: why this person, which data, what they can do"
    )
    stop: StopLink | None = None
    survey: EndingLink | None = Field(
        default=None, description="where the customer answers, where the message asks something"
    )


class InterventionCancelled(_Data):
    """A request that was or may have been handed over no longer holds: contact nobody for it."""

    intervention_id: str
    cancelled_at: str = Field(description=_INSTANT)


class ScoreChanged(_Data):
    """A score moved by as much as the settings say since it was last told; use it until it ends.

    `low` and `high` are a 90 % interval of `probability`.
    """

    customer_id: str
    target: str
    probability: float
    low: float
    high: float
    previous_probability: float
    horizon_days: int
    purposes: tuple[str, ...] = Field(
        description="what it rests on; delete it when any of them is withdrawn"
    )
    decision_id: str
    model_digest: str
    as_of: str = Field(description=_INSTANT)
    expires_at: str = Field(description=_INSTANT + "; delete the score then")


class ScoreWithdrawn(_Data):
    """Delete every score of this customer that was made for this purpose."""

    customer_id: str
    purpose: str
    withdrawn_at: str = Field(description=_INSTANT)


class ConsentChanged(_Data):
    """A customer said something about a purpose; `permitted` is what holds from then on."""

    customer_id: str
    purpose: str
    state: str
    permitted: bool
    occurred_at: str = Field(description=_INSTANT)
    expires_at: str | None = Field(default=None, description=_INSTANT)
    event_id: str = Field(description="the same word is never told under another id")


class StepUpRequested(_Data):
    """Send this code at once to the address you hold for the customer, to no other, and forget it.

    Whoever gives it back may read what is held about the customer.
    """

    customer_id: str
    code: str
    message: ContactText = Field(description="the words to send it with; they hold the code")
    language: str
    valid_until: str = Field(description=_INSTANT + "; send nothing afterwards")


class WebhookTest(_Data):
    """Nothing happened: somebody tried whether messages arrive."""

    sent_by: str


MESSAGES: Mapping[str, type[_Data]] = {
    REQUESTED: InterventionRequested,
    CANCELLED: InterventionCancelled,
    SCORE_CHANGED: ScoreChanged,
    SCORE_WITHDRAWN: ScoreWithdrawn,
    CONSENT_CHANGED: ConsentChanged,
    STEP_UP: StepUpRequested,
    TEST: WebhookTest,
}
"""Every type of message there is, with the model of its `data`."""


def message_body(kind: str, data: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Give what is signed and sent: `type`, `timestamp`, `data`, checked against the type's model.

    Raises pydantic's `ValidationError` for data the type does not have.
    """
    checked = MESSAGES[kind].model_validate(dict(data))
    told = checked.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"type": kind, "timestamp": to_text(now), "data": told}


def message_schema(kind: str) -> dict[str, Any]:
    """Give the JSON schema of a whole message of this type."""
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": MESSAGES[kind].model_json_schema(by_alias=True),
        },
    }
