"""What goes out over HTTP about permission."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving.http.answers import CustomerName, Next
from serving.http.schemas import Instant


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
