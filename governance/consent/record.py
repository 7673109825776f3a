"""What a person said about one purpose, checked before it is believed.

A yes must be an affirmative act with its own evidence; a no is believed however it comes.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from governance.consent.purposes import family_of, quoted
from governance.errors import InvalidInput
from governance.instants import to_micros

PERMITTING = frozenset({"given", "renewed"})
STOPPING = frozenset({"refused", "invalidated", "revoked", "withdrawn"})
STATES = PERMITTING | STOPPING | {"requested", "deferred", "expired", "unknown"}
OBJECTED = "objected"
NOT_AN_ACT = frozenset(
    {
        "all", "assumed", "bundle", "bundled", "clause", "contract", "default", "defaulted",
        "implicit", "implied", "inactivity", "none", "prechecked", "preselected", "preticked",
        "scroll", "scrolling", "silence", "silent", "terms", "tos",
    }
)  # fmt: skip
"""Words that name no affirmative act, whatever evidence comes with them and however spelt."""
_NOT_AN_ACT_TOGETHER = ("continueduse", "prechecked", "preselected", "preticked")
_LONGEST = 2_000


@dataclass(frozen=True, kw_only=True)
class ConsentChange:
    """One person's word on one purpose.

    `occurred_at` is when it was said; None means at this moment. `mechanism` names the act
    (checkbox_ticked, button, signature, call, imported, …) and `evidence` where it can be seen
    again (a form submission, a recording, a line of the source system). `expires_at` is exclusive.
    `notice_*` say which words the person was shown. `explicit` is true only when the person
    confirmed this very purpose in so many words.
    """

    customer_id: str
    purpose: str
    state: str
    occurred_at: datetime | None = None
    actor: str = "customer"
    mechanism: str = ""
    evidence: str = ""
    explicit: bool = False
    expires_at: datetime | None = None
    notice_id: str | None = None
    notice_version: int | None = None
    notice_hash: str | None = None
    notice_locale: str | None = None
    guardian_evidence: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentEvent:
    """One recorded word; `sequence` follows the order of commits."""

    sequence: int
    event_id: str
    customer_id: str
    purpose: str
    state: str
    occurred_at: datetime
    recorded_at: datetime
    expires_at: datetime | None
    actor: str
    mechanism: str
    evidence: str
    explicit: bool
    notice_id: str | None
    notice_version: int | None
    notice_hash: str | None
    notice_locale: str | None
    guardian_evidence: str | None

    @property
    def permits(self) -> bool:
        """Whether this is a yes."""
        return self.state in PERMITTING


class Subject(NamedTuple):
    """What permission depends on besides consent: coming of age, and being staff."""

    adult_from: datetime | None = None
    relation: str = "customer"


EVENT_COLUMNS = tuple(f.name for f in fields(ConsentEvent) if f.name != "sequence")


def checked(change: ConsentChange, *, now: datetime) -> ConsentChange:
    """Give the change ready to be recorded; `occurred_at` stays None for "at this moment".

    A yes raises `InvalidInput` naming everything that is missing. A no never fails on anything but
    its customer and purpose: what is wrong with the rest is left out.
    """
    if not isinstance(change.customer_id, str) or not change.customer_id:
        raise InvalidInput("a consent needs a customer_id")
    family_of(change.purpose)
    if change.state not in STATES:
        raise InvalidInput(
            f"{quoted(change.state)} is not a state of consent",
            hint="known are " + ", ".join(sorted(STATES)),
        )
    return _checked_yes(change, now) if change.state in PERMITTING else _tidied_no(change, now)


def _checked_yes(change: ConsentChange, now: datetime) -> ConsentChange:
    problems = []
    mechanism = change.mechanism.strip().lower()
    if not mechanism:
        problems.append("it does not say by which act (mechanism)")
    elif not _is_act(mechanism):
        problems.append(f"{mechanism!r} is not an affirmative act")
    if not change.evidence.strip():
        problems.append("it has no evidence of its own")
    if not change.actor.strip():
        problems.append("it does not say who recorded it (actor)")
    if mechanism == "imported" and change.occurred_at is None:
        problems.append("an imported yes must say when it was given (occurred_at)")
    problems.extend(_time_problems(change, now))
    if (change.notice_id is None) != (change.notice_version is None):
        problems.append("notice_id and notice_version belong together")
    if problems:
        raise InvalidInput(
            f"a yes to {change.purpose} cannot be recorded: " + "; ".join(problems),
            hint="a yes is one act for one purpose, with where it can be seen again",
        )
    return change


def _is_act(mechanism: str) -> bool:
    """Whether a mechanism may name an act: not `pre-ticked`, nor `clause 4 of the contract`."""
    words = "".join(each if each.isalnum() else " " for each in mechanism).split()
    together = "".join(words)
    return NOT_AN_ACT.isdisjoint(words) and not any(
        each in together for each in _NOT_AN_ACT_TOGETHER
    )


def _time_problems(change: ConsentChange, now: datetime) -> list[str]:
    try:
        start = to_micros(change.occurred_at or now)
        end = None if change.expires_at is None else to_micros(change.expires_at)
    except InvalidInput:
        return ["its instants have no time zone"]
    if start > to_micros(now):
        return ["it lies in the future"]
    if end is not None and end <= start:
        return ["it expires before it begins"]
    return []


def _tidied_no(change: ConsentChange, now: datetime) -> ConsentChange:
    return ConsentChange(
        customer_id=change.customer_id,
        purpose=change.purpose,
        state=change.state,
        occurred_at=_past_or_none(change.occurred_at, now),
        actor=_text(change.actor) or "customer",
        mechanism=_text(change.mechanism) or "not stated",
        evidence=_text(change.evidence),
    )


def _past_or_none(instant: Any, now: datetime) -> datetime | None:
    if isinstance(instant, datetime) and instant.utcoffset() is not None and instant <= now:
        return instant
    return None


def _text(value: Any) -> str:
    return value.replace("\x00", "")[:_LONGEST] if isinstance(value, str) else ""
