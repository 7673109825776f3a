"""How scores, decisions and permissions look as JSON: the same in the terminal and over HTTP."""

from typing import TYPE_CHECKING, Any

from governance.consent.registry import ConsentEvent, ConsentState
from governance.instants import to_text
from governance.log.decision import RecordedDecision
from governance.review.reviews import ModelRecord

if TYPE_CHECKING:  # whoever shapes something else starts without what scoring needs
    from serving.scoring.answers import CustomerScore, ScoreAnswer, TargetScore, WhatIfAnswer


def score_json(answer: "ScoreAnswer", home_kind: str) -> dict[str, Any]:
    """Shape the answer to a scoring request; `num_errors` counts those not answered."""
    results = [_customer_json(each) for each in answer.results]
    return {
        "results": results,
        "num_errors": sum(each["status"] in ("refused", "not_available") for each in results),
        "as_of": to_text(answer.as_of),
        "home": home_kind,
    }


def _customer_json(found: "CustomerScore") -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "customer_id": found.customer_id,
        "status": found.status,
        "decision_id": found.decision_id,
    }
    if found.reason is not None:
        shaped["reason"] = found.reason
    if found.model_digest is not None:
        shaped["model_digest"] = found.model_digest
    if found.scores:
        shaped["scores"] = {name: _score_json(each) for name, each in found.scores.items()}
    return shaped


def _score_json(found: "TargetScore") -> dict[str, Any]:
    if found.method == "rule":
        return {
            "method": "rule",
            "rule": found.rule,
            "outcome": found.outcome,
            "horizon_days": found.horizon_days,
            "decision_id": found.decision_id,
        }
    return {
        "probability": found.probability,
        "low": found.low,
        "high": found.high,
        "horizon_days": found.horizon_days,
        "outcome": found.outcome,
        **found.outlook.to_json(found.currency),
        "method": found.method,
        "model_digest": found.model_digest,
        "decision_id": found.decision_id,
        "reasons": [each.to_json() for each in found.reasons],
    }


def what_if_json(found: "WhatIfAnswer", home_kind: str) -> dict[str, Any]:
    """Shape the answer to a question about one customer."""
    shaped: dict[str, Any] = {
        "customer_id": found.customer_id,
        "status": found.status,
        "reason": found.reason,
        "target": found.target,
        "horizon_days": found.horizon_days,
        "decision_id": found.decision_id,
        "model_digest": found.model_digest,
        "as_of": to_text(found.as_of),
        "home": home_kind,
    }
    return shaped if found.answer is None else {**shaped, **found.answer.to_json()}


def decision_json(
    found: RecordedDecision, *, may_see_refusals: bool = True, sees_scores: bool = True
) -> dict[str, Any]:
    """Shape one decision; a refusal looks like an unknown customer to those who may not know."""
    outcome, reason = found.outcome, found.reason
    if outcome == "unknown" or (outcome == "refused" and not may_see_refusals):
        outcome, reason = "not_available", reason if may_see_refusals else ""
    return {
        "decision_id": found.decision_id,
        "kind": found.kind,
        "outcome": outcome,
        "reason": reason or None,
        "purpose": found.purpose,
        "target": found.target,
        "recorded_at": to_text(found.recorded_at),
        "as_of": None if found.as_of is None else to_text(found.as_of),
        "model_digest": found.model_digest,
        "event_digest": found.event_digest,
        "feature_digest": found.feature_digest,
        "result": found.result if sees_scores else None,
        "result_forgotten": found.result_forgotten,
        "ledger_entry": found.ledger_seq,
    }


def state_json(state: ConsentState) -> dict[str, Any]:
    """Shape where a person stands on one purpose."""
    return {
        "purpose": state.purpose,
        "permitted": state.permitted,
        "state": state.state,
        "reason": state.reason or None,
        "basis": state.basis,
        "event_id": state.event_id,
        "since": None if state.since is None else to_text(state.since),
        "expires_at": None if state.expires_at is None else to_text(state.expires_at),
        "notice_id": state.notice_id,
        "notice_version": state.notice_version,
    }


def consent_event_json(event: ConsentEvent) -> dict[str, Any]:
    """Shape one recorded word."""
    return {
        "event_id": event.event_id,
        "purpose": event.purpose,
        "state": event.state,
        "occurred_at": to_text(event.occurred_at),
        "recorded_at": to_text(event.recorded_at),
        "expires_at": None if event.expires_at is None else to_text(event.expires_at),
        "actor": event.actor,
        "mechanism": event.mechanism,
        "evidence": event.evidence,
        "explicit": event.explicit,
        "notice_id": event.notice_id,
        "notice_version": event.notice_version,
        "notice_hash": event.notice_hash,
        "notice_locale": event.notice_locale,
    }


def model_json(record: ModelRecord, *, serves: bool) -> dict[str, Any]:
    """Shape one submitted model; `serves` says whether it is the one that answers now."""
    return {
        "model_digest": record.model_digest,
        "target": record.target,
        "horizon_days": record.horizon_days,
        "created_at": to_text(record.created_at),
        "author": record.author,
        "home": record.home_kind,
        "mlflow_run_id": record.mlflow_run_id,
        "status": record.status,
        "serves": serves,
        "gate": record.verdict.to_json(),
        "test": record.facts.test.to_json(),
    }
