"""What the person behind a notice reads after a code: the message, the estimate, their records.

Reasons are told as what the records say, which can be wrong and be put right, and never as what to
buy: `plain` is what the person reads of one, `text` what an approver reads. What permission no
longer covers is not told, and said to be gone.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from features.history import Histories, read_customer
from features.labels import Target
from governance.consent.registry import Refusal
from governance.errors import NotFound
from governance.instants import from_micros, to_micros
from governance.log.decision import RecordedDecision, load
from serving.bootstrap import Keepwell
from serving.interventions.deciding.views import interventions_of
from serving.interventions.playbooks.wording import Words
from serving.links import person_permit
from serving.notice.contact import Found
from serving.notice.plain_reasons import Plain, plain
from serving.record.review_requests import open_of
from serving.record.tellable import tellable


class Reason(NamedTuple):
    """One thing the records say, and whether it made the estimate higher."""

    text: str
    raised: bool
    plain: Plain


class Estimate(NamedTuple):
    """The score behind a contact: a chance with its 90 % interval that `says` comes true.

    `sentence` names what it says where pages have words for it in every language, else it is empty;
    `kind` is the kind of event and `silence_days` how long a silence is meant there.
    `reasons` are the strongest first, by what each adds in log-odds.
    """

    says: str
    sentence: str
    kind: str
    horizon_days: int
    silence_days: int
    probability: float
    low: float
    high: float
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON as an approver reads it; each reason with its text and direction."""
        told = {name: value for name, value in self._asdict().items() if name != "kind"}
        reasons = [{"text": each.text, "raised": each.raised} for each in self.reasons]
        return told | {"reasons": reasons}


class Records(NamedTuple):
    """How many events of one kind are kept, and from when to when they happened."""

    kind: str
    events: int
    first: datetime
    last: datetime


class Earlier(NamedTuple):
    """One contact among all that were decided about this person."""

    created_at: datetime
    action: str
    channel: str
    status: str


class OwnData(NamedTuple):
    """What one person may read; `estimate` is None where there was none or it is no longer kept.

    `contested` says that a person already looks at it again.
    """

    created_at: datetime
    sent_at: datetime | None
    words: Words
    changed_by_person: bool
    estimate: Estimate | None
    records: tuple[Records, ...]
    contacts: tuple[Earlier, ...]
    contested: bool


def own_data(keepwell: Keepwell, conn: Connection, found: Found, *, now: datetime) -> OwnData:
    """Gather what is told to the person behind a contact; the caller has checked their code."""
    row: Any = found.row
    person = keepwell.persons.find(conn, found.customer_id)
    message: Mapping[str, str] = json.loads(row.message)
    return OwnData(
        created_at=row.created_at,
        sent_at=row.sent_at,
        words=Words(message.get("subject", ""), message.get("body", "")),
        changed_by_person=row.message_before is not None,
        estimate=estimate_of(keepwell, conn, row.score_decision_id, now=now),
        records=records_of(keepwell, conn, found.customer_id, now=now) or (),
        contacts=tuple(
            Earlier(each.created_at, each.action, each.channel, each.status)
            for each in interventions_of(conn, found.customer_id)
            if each.arm == "treated"
        ),
        contested=person is not None and bool(open_of(conn, person)),
    )


def estimate_of(
    keepwell: Keepwell, conn: Connection, decision_id: str | None, *, now: datetime
) -> Estimate | None:
    """Read the score behind a contact, as far as it may be told at this instant."""
    if decision_id is None:
        return None
    try:
        [decided] = tellable(keepwell, conn, [load(conn, decision_id)], now=now)
    except NotFound:
        return None
    result = decided.result or {}
    if "probability" not in result:
        return None
    horizon_days = int(result["horizon_days"])
    target = keepwell.targets.get(decided.target or "")
    return Estimate(
        says="" if target is None else target.say(horizon_days),
        sentence="" if target is None else _sentence(target),
        kind="" if target is None else target.event_kind,
        horizon_days=horizon_days,
        silence_days=0 if target is None else target.silence_days or 0,
        probability=float(result["probability"]),
        low=float(result["low"]),
        high=float(result["high"]),
        reasons=tuple(reasons_in(decided)),
    )


def _sentence(target: Target) -> str:
    """Name what a target says, where it can be said in a few fixed words."""
    of_orders = target.event_kind == "order"
    if target.kind in ("inactivity", "silence"):
        return target.kind if of_orders else f"{target.kind}_of"
    if target.kind == "contract":
        return "contract" if target.reason == "any" else f"contract_{target.reason}"
    if target.kind in ("next_need", "clv") or (target.kind == "event" and not target.where):
        return "event_order" if of_orders else "event_of"
    return {"wellbeing_decline": "decline", "sentiment_shift": "tone"}.get(target.kind, "")


def reasons_in(decided: RecordedDecision) -> list[Reason]:
    """Give a score's reasons in words, the strongest first."""
    told = [each for each in (decided.result or {}).get("reasons", ()) if each.get("text")]
    told.sort(key=lambda each: -abs(each["contribution"]))
    return [
        Reason(
            str(each["text"]),
            each["contribution"] > 0,
            plain(str(each.get("group", "")), str(each["text"])),
        )
        for each in told
    ]


def records_of(
    keepwell: Keepwell, conn: Connection, customer_id: str, *, now: datetime
) -> tuple[Records, ...] | None:
    """Count what is kept of one person by kind, the most frequent first.

    None where showing a history is not permitted (`operations`).
    """
    permit = person_permit(keepwell, conn, customer_id, "operations", now=now)
    if isinstance(permit, Refusal):
        return None
    histories = read_customer(conn, permit, customer_id)
    return _counted(histories, to_micros(now)) if len(histories) else ()


def _counted(histories: Histories, now: int) -> tuple[Records, ...]:
    shown = histories.visible(now) & ~histories.is_own_act
    at, kind = histories.occurred_at[shown], histories.kind[shown]
    return tuple(
        Records(
            histories.kinds[code],
            count,
            from_micros(int(at[kind == code].min())),
            from_micros(int(at[kind == code].max())),
        )
        for code, count in Counter(kind.tolist()).most_common()
    )
