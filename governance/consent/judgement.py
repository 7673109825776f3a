"""May this person's data be used for this purpose at this instant? A pure function of the record.

Every doubt is a no. Instants here are whole microseconds, as they lie in the table, so that a
malformed one is seen and refused instead of guessed at.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from governance.consent.purposes import Basis, PurposeRules, family_of
from governance.consent.record import OBJECTED, PERMITTING, STATES, STOPPING
from governance.pseudonym import is_pseudonym

_INDIVIDUAL = frozenset({"risk_scoring", "wellbeing_inference", "model_training"})
_OBJECTABLE = frozenset({"risk_scoring", "wellbeing_inference", "outreach", "sharing"})
_UNDER_INTEREST = frozenset({"legitimate_interest", "evaluation", "recorded_basis"})


class RawRecord(NamedTuple):
    """The newest word of a person on a purpose, as it lies in the table."""

    event_id: Any
    state: Any
    occurred_at: Any
    expires_at: Any
    evidence: Any
    explicit: Any
    notice_id: Any
    notice_version: Any
    guardian_evidence: Any


class Situation(NamedTuple):
    """Everything else that a verdict depends on."""

    objected_at: Any
    adult_from: Any
    relation: Any
    suppressed: bool
    current_notice: str | None
    last_material_version: int | None


class Facts(NamedTuple):
    """What is known of someone under one id, whichever id one asks about."""

    objected_at: Any = None
    adult_from: Any = None
    relation: Any = None


class Question(NamedTuple):
    """What is asked: a purpose, carried by a basis, in a kind of home, at an instant."""

    purpose: str
    family: str
    basis: Basis
    home_kind: str
    needs_age: bool
    now: int


def question(purpose: str, rules: PurposeRules, *, home_kind: str, now: int) -> Question:
    """Prepare to judge `purpose` for any number of people; raises `InvalidInput` if unknown."""
    family = family_of(purpose)
    basis = rules.basis(purpose, home_kind=home_kind)
    return Question(purpose, family, basis, home_kind, rules.requires_age(purpose), now)


def refusal_reason(
    asked: Question,
    customer_id: str,
    record: RawRecord | None,
    situation: Situation,
    *,
    elsewhere: Sequence[Facts] = (),
) -> str | None:
    """Give the reason for a no, or None for a yes.

    `elsewhere` is what is known of the same person under other ids. It can turn a yes into a no and
    never a no into a yes; consent itself is that of the id asked about.
    """
    reason = _refusal(asked, customer_id, record, situation)
    if reason is not None or not elsewhere:
        return reason
    return _refusal(asked, customer_id, record, _strictest(situation, elsewhere))


def _strictest(own: Situation, elsewhere: Sequence[Facts]) -> Situation:
    everywhere = [Facts(own.objected_at, own.adult_from, own.relation), *elsewhere]
    relations = [each.relation for each in everywhere if each.relation not in (None, "customer")]
    return own._replace(
        objected_at=_latest([each.objected_at for each in everywhere]),
        adult_from=_latest([each.adult_from for each in everywhere]),
        relation=relations[0] if relations else own.relation,
    )


def _latest(instants: Sequence[Any]) -> Any:
    """Give the last instant, or one that is malformed; None where none is known."""
    known = [each for each in instants if each is not None]
    malformed = [each for each in known if type(each) is not int]
    return malformed[0] if malformed else max(known, default=None)


def _refusal(
    asked: Question, customer_id: str, record: RawRecord | None, situation: Situation
) -> str | None:
    if not isinstance(customer_id, str) or not customer_id:
        return "malformed"
    if situation.suppressed:
        return "suppressed"
    if asked.home_kind == "evaluation":
        if asked.family in ("outreach", "sharing"):
            return "evaluation_home"
        if not is_pseudonym(customer_id):
            return "not_pseudonymised"
    if situation.relation not in (None, "customer") and asked.family in _INDIVIDUAL:
        return "employee" if situation.relation == "employee" else "malformed"
    return (
        _objection(asked, record, situation.objected_at)
        or _record(asked, record, situation)
        or _age(asked, record, situation.adult_from)
    )


def _objection(asked: Question, record: RawRecord | None, objected_at: Any) -> str | None:
    if objected_at is None:
        return None
    if type(objected_at) is not int:
        return "malformed"
    concerned = asked.family in _OBJECTABLE or (
        asked.family == "model_training" and not asked.basis.needs_consent
    )
    if not concerned:
        return None
    lifted = (
        record is not None
        and record.state in PERMITTING
        and bool(record.explicit)
        and type(record.occurred_at) is int
        and record.occurred_at > objected_at
    )
    return None if lifted else OBJECTED


def _record(asked: Question, record: RawRecord | None, situation: Situation) -> str | None:
    if asked.basis.kind == "contract":
        return None
    if record is not None and record.state not in STATES:
        return "malformed"
    if asked.basis.kind in _UNDER_INTEREST:
        return str(record.state) if record is not None and record.state in STOPPING else None
    if record is None:
        return "no_record"
    if record.state not in PERMITTING:
        return str(record.state)
    return _yes(asked, record, situation)


def _yes(asked: Question, record: RawRecord, situation: Situation) -> str | None:
    whole = (
        type(record.occurred_at) is int
        and type(record.expires_at) in (int, type(None))
        and isinstance(record.event_id, str)
        and isinstance(record.evidence, str)
        and record.evidence.strip()
        and record.explicit in (True, False)
        and type(record.notice_version) in (int, type(None))
    )
    if not whole:
        return "malformed"
    if record.occurred_at > asked.now:
        return "not_yet"
    if record.expires_at is not None and asked.now >= record.expires_at:
        return "expired"
    if asked.basis.kind == "explicit_consent" and not record.explicit:
        return "not_explicit"
    if _notice_changed(record, situation):
        return "notice_changed"
    return None


def _notice_changed(record: RawRecord, situation: Situation) -> bool:
    if situation.current_notice is None:
        return False
    if record.notice_id != situation.current_notice or record.notice_version is None:
        return True
    material = situation.last_material_version
    return material is not None and record.notice_version < material


def _age(asked: Question, record: RawRecord | None, adult_from: Any) -> str | None:
    if asked.basis.kind == "contract":
        return None
    if adult_from is not None and type(adult_from) is not int:
        return "malformed"
    if record is not None and record.state in PERMITTING and _guarded(record):
        return None
    if adult_from is None:
        return "age_unknown" if asked.needs_age else None
    return "minor" if asked.now < adult_from else None


def _guarded(record: RawRecord) -> bool:
    return isinstance(record.guardian_evidence, str) and bool(record.guardian_evidence.strip())
