"""Looks at the models that serve: has the world moved, do the scores still hold, may they go on?

One look reads everyone who permits being scored (of very many a sample), compares them with what
the model was trained on, asks what is to be expected of their scores and what became of earlier
ones, and writes down where the model stands. No figure about anyone comes out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import structlog
from sqlalchemy import Connection

from features.labels import Target
from features.links import counted_for
from governance.errors import (
    ConfigurationError,
    InsufficientData,
    IntegrityBroken,
    NotFound,
)
from governance.instants import to_text
from governance.model.card import ModelFacts
from governance.proof import Approval, Permit
from governance.review.candidates import find_model
from governance.review.reviews import champion as approval_of
from serving.bootstrap import Keepwell
from serving.scoring.champions import open_bundle
from serving.scoring.home_clock import home_clock
from serving.scoring.staleness import Monitored, keep
from serving.watching.look import Look
from serving.watching.realised import Outcomes, outcomes_of
from serving.watching.retraining import LeftSince, left_since
from serving.watching.scored_now import ScoredNow, score_now
from training.tracking import Tracking
from training.watch.drift import Drift, compare
from training.watch.performance import Realised, expect, nothing_realised, realise
from training.watch.reference import REFERENCE, Reference
from training.watch.standing import Finding, Limits, age, drifted, realised, stand

_UNREADABLE = (ConfigurationError, IntegrityBroken, NotFound)

log = structlog.get_logger("keepwell.monitoring")

Clock = Callable[[], datetime]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Seen:
    """Everything one look has read; `broken` says why the model itself could not be."""

    facts: ModelFacts
    approval: Approval
    as_of: datetime
    reference: Reference | None = None
    scored: ScoredNow | None = None
    outcomes: Outcomes | None = None
    left: LeftSince | None = None
    broken: str = ""

    def permits(self) -> tuple[Permit, ...]:
        read = () if self.scored is None else tuple(self.scored.permits.values())
        return read if self.outcomes is None else (*read, self.outcomes.permit)


def monitor(
    keepwell: Keepwell,
    target: Target,
    *,
    clock: Clock,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Look:
    """Look at the model that serves `target`, and keep what was found.

    Without `as_of` a production home looks at the wall clock, others where their history ends. A
    look at another instant is told and logged, but it is not where the model stands now.
    Whoever withdraws meanwhile is taken out of every figure before it is kept. Raises
    `InsufficientData` when no model is approved.
    """
    with keepwell.database.read() as conn:
        seen = _read(keepwell, conn, target, as_of, now=clock(), progress=progress)
    gone: frozenset[str] = frozenset()
    while True:
        progress("comparing")
        look = _look(keepwell, target, seen, gone, now=clock())
        with keepwell.database.write() as conn:
            changed = _changed(keepwell, conn, seen.permits())
            if changed <= gone:
                _keep(keepwell, conn, look, seen.permits(), stands=as_of is None)
                break
        gone = changed
    if as_of is None:
        _mirror(keepwell, look)
    return look


def limits_of(keepwell: Keepwell) -> Limits:
    """Read the limits a model must keep from the home's settings."""
    stated = keepwell.settings.monitoring
    return Limits(
        review_after_days=stated.review_after_days,
        max_feature_psi=stated.max_feature_psi,
        max_score_psi=stated.max_score_psi,
        max_auc_loss=stated.max_auc_loss,
        max_gap=stated.max_gap,
    )


def _read(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    as_of: datetime | None,
    *,
    now: datetime,
    progress: Progress,
) -> _Seen:
    approval = approval_of(conn, target.name, now=now)
    if approval is None:
        raise InsufficientData(
            f"no model is approved for {target.name}",
            hint=f"keepwell train {target.name}, then keepwell review approve {target.name}",
        )
    facts = find_model(conn, approval.model_digest).facts
    instant = as_of if as_of is not None else home_clock(keepwell, conn, now=now)
    left = left_since(keepwell, conn, approval, now=now)
    seen = _Seen(facts, approval, instant, left=left)
    try:
        champion = open_bundle(keepwell.home, approval.model_digest)
    except _UNREADABLE as error:
        return replace(seen, broken=error.message)
    stated = champion.model.description.facts.get(REFERENCE)
    progress("reading histories")
    scored = score_now(keepwell, conn, target, champion, instant, now=now)
    outcomes = None
    if target.kind != "given":
        progress("reading what became of earlier scores")
        outcomes = outcomes_of(
            keepwell,
            conn,
            keepwell.target(target.name, horizon_days=facts.horizon_days),
            approval.model_digest,
            tested_at=facts.test.as_of,
            as_of=instant,
            now=now,
        )
    reference = None if stated is None else Reference.from_json(stated)
    return replace(seen, reference=reference, scored=scored, outcomes=outcomes)


def _look(
    keepwell: Keepwell, target: Target, seen: _Seen, gone: frozenset[str], *, now: datetime
) -> Look:
    limits = limits_of(keepwell)
    findings = age(
        signed_at=seen.approval.signed_at,
        expires_at=seen.approval.expires_at,
        now=now,
        limits=limits,
    )
    if seen.left is not None and seen.left.gone:
        findings.append(Finding("fine", seen.left.said))  # due with its next review: see `age`
    random = np.random.default_rng(seen.facts.seed)
    drift, expected, people = None, None, 0
    if seen.scored is None:
        findings.append(Finding("retrain", f"it cannot be used: {seen.broken}"))
    else:
        scored = seen.scored.without(gone)
        people = len(scored.customers)
        expected = expect(scored.probability, random)
        if seen.reference is None:
            text = "it was trained before references were kept: what has drifted cannot be told"
            findings.append(Finding("watch", text))
        else:
            drift = _drift(seen, seen.reference, scored, limits)
            findings += drifted(drift, limits)
    came = _realised(target, seen, gone, random, limits)
    findings += realised(came)
    return Look(
        target=target.name,
        model_digest=seen.approval.model_digest,
        as_of=seen.as_of,
        monitored_at=now,
        standing=stand(findings),
        people=people,
        withdrew=len(gone),
        drift=drift,
        expected=expected,
        realised=came,
        scores_since=None if seen.outcomes is None else seen.outcomes.since,
        scores_until=None if seen.outcomes is None else seen.outcomes.until,
    )


def _drift(seen: _Seen, reference: Reference, scored: ScoredNow, limits: Limits) -> Drift:
    weights = {each.feature: each.mean_abs for each in seen.facts.importance}
    return compare(
        reference,
        scored.values,
        scored.probability,
        as_of=seen.as_of,
        weights=weights or None,
        unseen={name: float(np.mean(flags)) for name, flags in scored.unseen.items() if len(flags)},
        shifted_psi=limits.max_feature_psi,
        shifted_score_psi=limits.max_score_psi,
    )


def _realised(
    target: Target,
    seen: _Seen,
    gone: frozenset[str],
    random: np.random.Generator,
    limits: Limits,
) -> Realised:
    if target.kind == "given":
        return nothing_realised("does_not_apply", "the label came with the data, and no later one")
    if seen.outcomes is None:
        return nothing_realised("cannot_say_yet", "the model cannot be read")
    found = seen.outcomes.without(gone)
    return realise(
        found.y,
        found.probability,
        found.treated,
        seen.facts.test,
        random,
        max_auc_loss=limits.max_auc_loss,
        max_gap=limits.max_gap,
    )


def _changed(keepwell: Keepwell, conn: Connection, permits: tuple[Permit, ...]) -> frozenset[str]:
    """Name whoever changed their mind on any purpose since it was read, and whom they count for."""
    changed: frozenset[str] = frozenset()
    for permit in permits:
        changed |= keepwell.registry.changed_since(conn, permit)
    return changed | counted_for(conn, changed)


def _keep(
    keepwell: Keepwell,
    conn: Connection,
    look: Look,
    permits: tuple[Permit, ...],
    *,
    stands: bool,
) -> None:
    status, at = look.standing.status, look.monitored_at
    if stands:
        keep(conn, Monitored(look.target, look.model_digest, at, status, look.to_json()))
    body = {
        "target": look.target,
        "model_digest": look.model_digest,
        "as_of": to_text(look.as_of),
        "status": status,
        "permission_sequence": max((each.sequence for each in permits), default=0),
    }
    keepwell.ledger.append(conn, "monitored", body, now=look.monitored_at)


def _mirror(keepwell: Keepwell, look: Look) -> None:
    """Write the figures onto the model's run in MLflow, where it has one."""
    figures: dict[str, float | None] = {
        "people": float(look.people),
        "expected_auc": None if look.expected is None else look.expected.auc.value,
        "realised_auc": None if look.realised.auc is None else look.realised.auc.value,
        "realised_gap": None if look.realised.gap is None else look.realised.gap.value,
    }
    if look.drift is not None:
        scores = look.drift.scores
        figures["weighted_psi"] = look.drift.weighted_psi
        figures["score_psi"] = None if scores.psi is None else scores.psi.value
        figures["drifted_features"] = float(len(look.drift.named("shifted", "gone")))
    told = {f"monitor_{name}": value for name, value in figures.items() if value is not None}
    try:
        Tracking(keepwell.home.mlruns).monitored(
            look.target, look.model_digest, told, status=look.standing.status, at=look.monitored_at
        )
    except Exception as error:  # noqa: BLE001 - what was found is kept; MLflow only mirrors it
        log.warning("MLflow was not told", target=look.target, kind=type(error).__name__)
