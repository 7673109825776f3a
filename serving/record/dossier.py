"""One printable page about one decision: what was agreed to, what was known, why, who approved.

It also says whether computing it again gives the same. Nothing on it outlives a withdrawal: what
may no longer be read is named as such.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Connection

from features.history import Histories, read_customer
from governance.consent.notices import find_notice
from governance.consent.registry import ConsentEvent, Refusal
from governance.errors import NotFound
from governance.instants import from_micros, to_micros, to_text
from governance.log.decision import RecordedDecision, load
from governance.review.reviews import Review, find_model, reviews_of
from serving.bootstrap import Keepwell
from serving.links import person_permit
from serving.record.contact_record import contact_record
from serving.record.replay import Replay, replay
from serving.record.review_requests import contests_of
from serving.record.tellable import tellable
from serving.scoring.chance import percent


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """What the page says, as plain values; an absent part says why in its place.

    `replay` is empty where nobody asked for it.
    """

    home_kind: str
    made_at: str
    decision: Mapping[str, Any]
    customer_id: str | None
    outcome: str | None
    result: Mapping[str, Any] | None
    permission: Mapping[str, Any]
    data: Mapping[str, Any]
    model: Mapping[str, Any] | None
    approval: Mapping[str, Any] | None
    contact: Mapping[str, Any] | None
    contested: tuple[Mapping[str, Any], ...]
    replay: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return asdict(self)


def make_dossier(
    keepwell: Keepwell, decision_id: str, *, now: datetime, computed_again: bool = True
) -> Dossier:
    """Gather everything about one decision; raises `NotFound` when there is none of that id.

    What may not be told at this instant is left out as if it were forgotten. `computed_again` is
    false for whoever may not ask for a replay, or has not yet.
    """
    again = replay(keepwell, decision_id, now=now) if computed_again else None
    with keepwell.database.read() as conn:
        [found] = tellable(keepwell, conn, [load(conn, decision_id)], now=now)
        customer_id = (
            None if found.person_id is None else keepwell.persons.customer_of(conn, found.person_id)
        )
        model, approval = _model(conn, found)
        return Dossier(
            home_kind=keepwell.kind,
            made_at=to_text(now),
            decision=_decision(found),
            customer_id=customer_id,
            outcome=_predicted(keepwell, found),
            result=found.result,
            permission=_permission(keepwell, conn, found, customer_id),
            data=_data(keepwell, conn, found, customer_id, now),
            model=model,
            approval=approval,
            contact=contact_record(keepwell, conn, found, customer_id, now=now),
            contested=tuple(each.to_json(now=now) for each in contests_of(conn, decision_id)),
            replay={} if again is None else _replay(again),
        )


def write_dossier(keepwell: Keepwell, decision_id: str, *, now: datetime) -> tuple[Path, Path]:
    """Write the page and its JSON twin among the home's reports; gives both paths."""
    found = make_dossier(keepwell, decision_id, now=now)
    html = keepwell.home.reports / f"dossier-{decision_id}.html"
    twin = html.with_suffix(".json")
    html.write_text(render(found), encoding="utf-8")
    twin.write_text(json.dumps(found.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    for path in (html, twin):
        path.chmod(0o600)  # they speak of one person
    return html, twin


def render(dossier: Dossier) -> str:
    """Fill the page; it is self-contained and prints on one or two sheets."""
    return _templates().get_template("dossier.html.j2").render(d=dossier)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["minute"] = lambda text: str(text)[:16].replace("T", " ") + " UTC"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    return environment


def _predicted(keepwell: Keepwell, found: RecordedDecision) -> str | None:
    """Say what the probability is of; None where the home no longer has the target."""
    target = keepwell.targets.get(found.target or "")
    horizon_days = (found.result or {}).get("horizon_days")
    return None if target is None or horizon_days is None else target.say(int(horizon_days))


def _decision(found: RecordedDecision) -> dict[str, Any]:
    return {
        "decision_id": found.decision_id,
        "kind": found.kind,
        "outcome": found.outcome,
        "reason": found.reason,
        "purpose": found.purpose,
        "target": found.target,
        "recorded_at": to_text(found.recorded_at),
        "as_of": None if found.as_of is None else to_text(found.as_of),
        "person_id": found.person_id,
        "event_digest": found.event_digest,
        "feature_digest": found.feature_digest,
        "ledger_entry": found.ledger_seq,
        "commitment": found.leaf,
        "result_forgotten": found.result_forgotten,
        "retired_at": None if found.retired_at is None else to_text(found.retired_at),
    }


def _permission(
    keepwell: Keepwell, conn: Connection, found: RecordedDecision, customer_id: str | None
) -> dict[str, Any]:
    basis = keepwell.registry.rules.basis(found.purpose, home_kind=keepwell.kind)
    told: dict[str, Any] = {"purpose": found.purpose, "basis": basis.kind, "word": None}
    if customer_id is None:
        return {**told, "note": "nobody stands behind this decision any more, or nobody ever did"}
    spoken = [
        event
        for event in keepwell.registry.history(conn, customer_id)
        if event.purpose == found.purpose and event.recorded_at <= found.recorded_at
    ]
    if not spoken:
        return {**told, "note": "the customer had said nothing about this purpose"}
    newest = max(spoken, key=lambda event: (event.occurred_at, event.sequence))
    return {**told, "note": "", "word": _word(conn, newest)}


def _word(conn: Connection, event: ConsentEvent) -> dict[str, Any]:
    notice = None
    if event.notice_id is not None and event.notice_version is not None:
        published = find_notice(conn, event.notice_id, event.notice_version, event.notice_locale)
        notice = {
            "id": event.notice_id,
            "version": event.notice_version,
            "words": None if published is None else published.content,
        }
    return {
        "event_id": event.event_id,
        "state": event.state,
        "occurred_at": to_text(event.occurred_at),
        "mechanism": event.mechanism,
        "evidence": event.evidence,
        "explicit": event.explicit,
        "notice": notice,
    }


def _data(
    keepwell: Keepwell,
    conn: Connection,
    found: RecordedDecision,
    customer_id: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Count what was known, by kind; only for someone who still permits it."""
    nothing: dict[str, Any] = {"kinds": [], "events": 0}
    if customer_id is None or found.as_of is None or found.event_digest is None:
        return {**nothing, "note": "no history was used"}
    permit = person_permit(keepwell, conn, customer_id, found.purpose, now=now)
    if isinstance(permit, Refusal):
        return {**nothing, "note": f"may no longer be read: {permit.reason}"}
    histories = read_customer(conn, permit, customer_id)
    kinds = _kinds(histories, to_micros(found.as_of))
    return {"kinds": kinds, "events": sum(each["events"] for each in kinds), "note": ""}


def _kinds(histories: Histories, as_of: int) -> list[dict[str, Any]]:
    used = histories.visible(as_of) & ~histories.is_own_act
    counts = Counter(histories.kind[used].tolist())
    return [
        {
            "kind": histories.kinds[code],
            "events": count,
            "first": _day(histories.occurred_at[used & (histories.kind == code)].min()),
            "last": _day(histories.occurred_at[used & (histories.kind == code)].max()),
        }
        for code, count in counts.most_common()
    ]


def _day(micros: int) -> str:
    return to_text(from_micros(int(micros)))[:10]


def _model(
    conn: Connection, found: RecordedDecision
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if found.model_digest is None:
        return None, None
    try:
        record = find_model(conn, found.model_digest)
    except NotFound:
        return {"digest": found.model_digest, "known": False}, None
    model = {
        "digest": record.model_digest,
        "known": True,
        "target": record.target,
        "horizon_days": record.horizon_days,
        "created_at": to_text(record.created_at),
        "author": record.author,
        "gate": record.verdict.outcome,
        "conditions": list(record.verdict.conditions),
        "auc": record.facts.test.auc.to_json(),
        "test_people": record.facts.test.n,
    }
    approved = [
        review
        for review in reviews_of(conn, record.model_digest)
        if review.outcome == "approve" and review.signed_at <= found.recorded_at
    ]
    return model, _approval(approved[0]) if approved else None


def _approval(review: Review) -> dict[str, Any]:
    return {
        "review_id": review.review_id,
        "reviewer": review.reviewer,
        "reason": review.reason,
        "signed_at": to_text(review.signed_at),
        "expires_at": to_text(review.expires_at),
        "key_id": review.key_id,
        "signature": review.signature,
        "self_signed": review.self_signed,
    }


def _replay(found: Replay) -> dict[str, Any]:
    return {"outcome": found.outcome, "differences": list(found.differences)}
