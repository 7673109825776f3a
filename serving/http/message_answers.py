"""What comes out over HTTP about messages, and about addresses that are held."""

from typing import Literal

from pydantic import BaseModel

from serving.http.answers import Next
from serving.http.schemas import Instant
from serving.interventions.delivery.message_desk import MessageStatus


class MessageAnswer(BaseModel):
    """One message: why it ended, how often it was tried and what was answered last.

    `unknown` is an e-mail whose answer nobody saw: it may have arrived and is not sent again.
    """

    message_id: str
    intervention_id: str | None
    type: str
    transport: Literal["webhook", "email"]
    status: MessageStatus
    reason: str
    attempts: int
    replays: int
    last_status: int | None
    created_at: Instant
    due_at: Instant
    on_wire_at: Instant | None
    stop_asked_at: Instant | None
    finished_at: Instant | None


class MessagesPage(BaseModel):
    """Messages, the newest first."""

    results: list[MessageAnswer]
    next: Next


class MessageReplayed(BaseModel):
    """Whether a dead message waits to be sent again; if not, `reason` says why."""

    message_id: str
    queued: bool
    reason: str


class AddressHeld(BaseModel):
    """An address is held or let go of; it is never given back."""

    customer_id: str
    channel: str
    outcome: Literal["held", "removed"]
