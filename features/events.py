"""An event: something that happened to one subject, with the instant it happened and was known."""

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from features.storable import storage_problem, text_problem
from features.surveys import complete_survey, instrument_problems
from governance.errors import InvalidInput
from governance.instants import to_micros

SUBJECTS = ("customer", "visitor", "account", "company")

KINDS = frozenset(
    [
        "profile",
        "order",
        "return",
        "payment",
        "payment_failed",
        "session",
        "page_view",
        "search",
        "cart",
        "email_delivered",
        "email_opened",
        "email_clicked",
        "email_bounced",
        "unsubscribed",
        "spam_complaint",
        "ticket_opened",
        "ticket_escalated",
        "ticket_closed",
        "chat_message",
        "call",
        "survey",
        "review",
        "referral",
        "mention",
        "community_post",
        "social",
        "plan_changed",
        "renewed",
        "cancelled",
        "goal_set",
        "goal_reached",
        "savings",
        "contact_outside",
        "spend",
        "release",
        "staff",
        "incident",
    ]
)
"""Kinds with a meaning of their own; any other name is accepted as it is."""

RESERVED_PREFIXES = ("intervention_", "rights_")
RESERVED = frozenset({"consent_changed"})

MICROS = 1_000_000
LARGEST_VALUE = 1e12
MISSING = -(2**63)
"""Stands for "no value" where values are whole millionths in 64 bits."""

CLOCK_TOLERANCE = timedelta(days=1)
"""How far ahead of ours a source's clock, or its time zone, may be."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def is_reserved(kind: str) -> bool:
    """Whether only Keepwell writes this kind; such events are never features.

    However it is spelt: case, spaces and look-alikes of ASCII do not make another kind of it.
    """
    if kind in RESERVED or kind.startswith(RESERVED_PREFIXES):
        return True
    spelt = unicodedata.normalize("NFKC", kind).casefold()
    plain = "".join(each for each in spelt if each.isalnum() or each == "_")
    return plain in RESERVED or plain.startswith(RESERVED_PREFIXES)


@dataclass(frozen=True)
class Event:
    """One version of one event.

    `occurred_at` is when it happened, `known_at` when this home could first have used it; both
    carry a time zone. `event_id` names the event within its customer and kind; without one the
    identity is the content and how often it came before (real files hold true duplicates).
    `corrects` or `retracts` names an earlier event of the same customer and kind. `value` is
    rounded to millionths; |value| <= 1e12.
    """

    customer_id: str
    kind: str
    occurred_at: datetime
    known_at: datetime
    event_id: str | None = None
    value: float | None = None
    currency: str | None = None
    text: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    corrects: str | None = None
    retracts: str | None = None
    subject: str = "customer"

    @property
    def value_micros(self) -> int:
        """Whole millionths of the value; `MISSING` when there is none."""
        return MISSING if self.value is None else to_value_micros(self.value)


class Problem(NamedTuple):
    """What is wrong with one field of an event someone sent; never carries the value itself."""

    field: str
    message: str


def to_value_micros(value: float) -> int:
    """Round to whole millionths, as history stores values; sums over them are exact."""
    return round(value * MICROS)


def canonical_properties(properties: Mapping[str, object]) -> str | None:
    """Write properties as JSON with sorted keys and no spaces; None when there are none."""
    if not properties:
        return None
    return json.dumps(
        properties, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def content_digest(event: Event) -> bytes:
    """Digest an event's content: the first 16 bytes of SHA-256 over its fields as netstrings.

    The customer and `known_at` are not part of it: the same event learned twice is the same
    content. `features.importing.run` computes the same digest in SQL.
    """
    value = event.value_micros
    parts = (
        event.subject,
        event.kind,
        event.event_id,
        str(to_micros(event.occurred_at)),
        None if value == MISSING else str(value),
        event.currency,
        event.text,
        canonical_properties(event.properties),
        event.corrects,
        event.retracts,
    )
    return hashlib.sha256(b"".join(map(_netstring, parts))).digest()[:16]


def event_name(event_id: str | None, digest: bytes, occurrence: int) -> str:
    """Name an event to the outside: its own id, or one made of its content and occurrence."""
    return event_id if event_id is not None else f"~{digest.hex()}.{occurrence}"


def validate(fields: Mapping[str, object], now: datetime) -> list[Problem]:
    """List everything wrong with an event as it was sent; an empty list means `parse` succeeds.

    Times must be ISO 8601 strings or `datetime`s with a zone, and not in the future (one day
    is forgiven). Reserved kinds are refused: only Keepwell writes them.
    """
    unstorable = [
        Problem(name, problem)
        for name, found in fields.items()
        if name in _FIELDS and (problem := storage_problem(found)) is not None
    ]
    if unstorable:
        return unstorable
    problems = [
        Problem(name if text_problem(name) is None else "a field", "is not a field of an event")
        for name in sorted(set(fields) - _FIELDS)
    ]
    for name in ("customer_id", "kind"):
        found = fields.get(name)
        if not isinstance(found, str) or not found.strip():
            problems.append(Problem(name, "must be a non-empty string"))
        elif len(found) > _LONGEST_NAME:
            problems.append(Problem(name, f"must be at most {_LONGEST_NAME} characters"))
    kind = fields.get("kind")
    if isinstance(kind, str) and is_reserved(kind):
        problems.append(Problem("kind", f"{kind} is written by Keepwell alone"))
    if fields.get("subject", "customer") not in SUBJECTS:
        problems.append(Problem("subject", f"must be one of {', '.join(SUBJECTS)}"))
    for name in ("event_id", "currency", "corrects", "retracts"):
        found = fields.get(name)
        if found is not None and (not isinstance(found, str) or not 0 < len(found) <= 200):
            problems.append(Problem(name, "must be a string of 1 to 200 characters"))
    if fields.get("corrects") is not None and fields.get("retracts") is not None:
        problems.append(Problem("retracts", "an event corrects or retracts another, never both"))
    if fields.get("event_id") is not None and fields.get("event_id") in (
        fields.get("corrects"),
        fields.get("retracts"),
    ):
        problems.append(Problem("event_id", "an event cannot correct or retract itself"))
    text = fields.get("text")
    if text is not None and (not isinstance(text, str) or len(text) > _LONGEST_TEXT):
        problems.append(Problem("text", f"must be a string of at most {_LONGEST_TEXT} characters"))
    problems += _time_problems(fields.get("occurred_at"), now)
    problems += _value_problems(fields.get("value"))
    problems += _property_problems(fields.get("properties"))
    if kind == "survey":
        problems += _survey_problems(fields)
    return problems


def parse(fields: Mapping[str, object], *, now: datetime) -> Event:
    """Build the event that `fields` describe, known at `now`.

    Raises `InvalidInput` naming every problem that `validate` finds.
    """
    problems = validate(fields, now)
    if problems:
        raise InvalidInput("; ".join(f"{name} {message}" for name, message in problems))
    properties = fields.get("properties") or {}
    assert isinstance(properties, Mapping)
    if fields["kind"] == "survey":
        properties = complete_survey(properties)
    value = fields.get("value")
    occurred_at = _to_instant(fields["occurred_at"])
    assert occurred_at is not None

    def text(name: str) -> str | None:
        found = fields.get(name)
        return None if found is None else str(found)

    return Event(
        customer_id=str(fields["customer_id"]),
        kind=str(fields["kind"]),
        occurred_at=occurred_at,
        known_at=now,
        event_id=text("event_id"),
        value=None if value is None else float(str(value)),
        currency=text("currency"),
        text=text("text"),
        properties=properties,
        corrects=text("corrects"),
        retracts=text("retracts"),
        subject=str(fields.get("subject", "customer")),
    )


def keepwell_event(
    kind: str,
    customer_id: str,
    *,
    event_id: str,
    occurred_at: datetime,
    known_at: datetime,
    properties: Mapping[str, object],
) -> Event:
    """Build an event about Keepwell's own act (assigned, sent, consent changed, right used).

    The only way to a reserved kind; any other kind is an error, because the world's events come
    through intake or import.
    """
    if not is_reserved(kind):
        raise InvalidInput(f"{kind!r} is not one of Keepwell's own kinds")
    return Event(
        customer_id=customer_id,
        kind=kind,
        occurred_at=occurred_at,
        known_at=known_at,
        event_id=event_id,
        properties=properties,
    )


_FIELDS = frozenset(
    [
        "customer_id",
        "kind",
        "occurred_at",
        "event_id",
        "value",
        "currency",
        "text",
        "properties",
        "corrects",
        "retracts",
        "subject",
    ]
)
_LONGEST_NAME = 200
_LONGEST_TEXT = 20_000
_LONGEST_PROPERTIES = 20_000


def _netstring(part: str | None) -> bytes:
    if part is None:
        return b"-,"
    encoded = part.encode()
    return b"%d:%b," % (len(encoded), encoded)


def _to_instant(found: object) -> datetime | None:
    if isinstance(found, str):
        try:
            return datetime.fromisoformat(found)
        except ValueError:
            return None
    return found if isinstance(found, datetime) else None


def _time_problems(found: object, now: datetime) -> list[Problem]:
    instant = _to_instant(found)
    if instant is None:
        return [Problem("occurred_at", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z")]
    if instant.utcoffset() is None:
        return [Problem("occurred_at", "has no time zone; add an offset such as Z or +01:00")]
    if instant > now + CLOCK_TOLERANCE:
        return [Problem("occurred_at", "lies in the future")]
    if instant < EARLIEST:
        return [Problem("occurred_at", "lies before 1900")]
    return []


def _value_problems(found: object) -> list[Problem]:
    if found is None:
        return []
    if isinstance(found, bool) or not isinstance(found, int | float):
        return [Problem("value", "must be a finite number")]
    if isinstance(found, float) and not math.isfinite(found):
        return [Problem("value", "must be a finite number")]
    if abs(found) > LARGEST_VALUE:
        return [Problem("value", "must lie between -1e12 and 1e12")]
    return []


def _property_problems(found: object) -> list[Problem]:
    if found is None:
        return []
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        return [Problem("properties", "must be an object with text keys")]
    try:
        written = canonical_properties(found) or ""
    except (TypeError, ValueError):
        return [Problem("properties", "must hold only what JSON can write")]
    if len(written) > _LONGEST_PROPERTIES:
        return [Problem("properties", f"must be at most {_LONGEST_PROPERTIES} characters of JSON")]
    return []


def _survey_problems(fields: Mapping[str, object]) -> list[Problem]:
    properties = fields.get("properties")
    stated = properties if isinstance(properties, Mapping) else {}
    problems = instrument_problems(stated)
    if problems:
        return [Problem("properties", message) for message in problems]
    scale = complete_survey(stated)["scale"]
    assert isinstance(scale, list | tuple)
    low, high = float(scale[0]), float(scale[1])
    value = fields.get("value")
    if isinstance(value, int | float) and not low <= value <= high:
        return [Problem("value", f"lies outside the scale {low:g} to {high:g}")]
    return []
