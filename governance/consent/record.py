"""What a person said about one purpose, checked before it is believed.

A yes must be an affirmative act with its own evidence; a no is believed however it comes.
"""

import unicodedata
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from governance.consent.purposes import family_of, quoted
from governance.errors import InvalidInput
from governance.instants import to_micros

PERMITTING = frozenset({"given", "renewed"})
STOPPING = frozenset({"refused", "invalidated", "revoked", "withdrawn"})
STATES = PERMITTING | STOPPING | {"requested", "deferred", "expired", "unknown"}
OBJECTED = "objected"
ACTS = frozenset(
    {
        "app_setting", "button", "call", "call_recorded", "chat_reply", "checkbox_ticked",
        "checkbox_ticked_and_button", "double_opt_in", "email_reply", "esignature",
        "form_submitted", "imported", "in_person", "letter", "paper_form", "preference_centre",
        "qr_scanned_and_confirmed", "signature", "sms_reply", "toggle_switched",
    }
)  # fmt: skip
"""The affirmative acts a yes can rest on; what is none of them is not believed."""
_PLACEHOLDERS = frozenset(
    {
        "empty", "false", "missing", "n.a", "n/a", "na", "nan", "nil", "no", "none",
        "not applicable", "not available", "not known", "not stated", "null", "pending", "tba",
        "tbd", "todo", "true", "undefined", "unknown", "x", "xx", "xxx", "yes",
    }
)  # fmt: skip
_SHORTEST_EVIDENCE = 3
_LONGEST = 2_000


@dataclass(frozen=True, kw_only=True)
class ConsentChange:
    """One person's word on one purpose.

    `occurred_at` is when it was said; None means at this moment. `mechanism` names the act,
    of a yes one of `ACTS` (checkbox_ticked, button, signature, call, imported, …), and `evidence`
    where it can be seen again (a form submission, a recording, a line of the source system).
    `expires_at` is exclusive.
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
    mechanism = _plain(change.mechanism).replace(" ", "_").replace("-", "_")
    if not mechanism:
        problems.append("it does not say by which act (mechanism)")
    elif not mechanism.isascii():
        problems.append("its mechanism is not an affirmative act in plain letters, a to z")
    elif mechanism not in ACTS:
        problems.append(f"its mechanism is not an affirmative act: {', '.join(sorted(ACTS))}")
    if not change.evidence.strip():
        problems.append("it has no evidence of its own")
    elif not is_evidence(change.evidence):
        problems.append("its evidence does not say where the act can be seen again")
    if change.guardian_evidence and not is_evidence(change.guardian_evidence):
        problems.append("guardian_evidence does not say where the agreement can be seen again")
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
    return replace(change, mechanism=mechanism)


def is_evidence(text: str) -> bool:
    """Whether a text may say where an act can be seen again: no `n/a`, `-`, `yes` nor `tbd`."""
    said = _plain(text)
    letters = sum(each.isalnum() for each in said)
    bare = said.strip(".,;:!?-_/()[]{}<>\"'* ")
    return len(said) >= _SHORTEST_EVIDENCE and letters > 0 and bare not in _PLACEHOLDERS


def same_evidence(text: str) -> str:
    """Give what two texts share that name the same evidence, however they are spelt."""
    return _plain(text)


def _plain(text: str) -> str:
    """Write a text without differences of width, case, invisible characters and spaces."""
    spelt = unicodedata.normalize("NFKC", text).casefold()
    seen = "".join(each for each in spelt if unicodedata.category(each) != "Cf")
    return " ".join(seen.split())


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
