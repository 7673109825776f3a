"""One training run, from permitted rows to a candidate before its reviewers.

extract → split and leak checks → fit and calibrate → evaluate (the test set is read once) → explain
→ bundle → MLflow → fairness → gate → audit report → submit. It ends at `candidate`: only a signed
review promotes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from governance.audit.record import AuditReport
from governance.fairness.assess import FairnessResult
from governance.instants import to_text
from governance.model.card import ModelFacts
from governance.model.checks import SCORE, LeakCheck, Shift
from governance.model.gate import GateVerdict, decide
from governance.review.candidates import Candidate, find_model, submit
from governance.review.last_signed import last_signed
from governance.review.reviews import champion
from training.baselines import fit_baselines
from training.bundle import Description, save, support_of
from training.evaluation.challenge import rival_of
from training.extract import Extract, Progress, extract
from training.fairness import find_proxies, limits_of, permitted_groups, weigh
from training.foretold import simple_amounts, with_forecasts
from training.judge import TestScores, bench_of, judge
from training.leak import stop_on_leak
from training.manifest import note_training_people
from training.mitigation import mitigations, training_weights
from training.model import Vector
from training.records import Written, write_down
from training.request import TrainRequest, Workshop
from training.screen import worth_keeping
from training.target_fit import fit_risk, fit_target
from training.tracking import CANDIDATE
from training.watch.drift import compare
from training.watch.reference import REFERENCE, Reference, reference_of

_NO_OVERLAP = LeakCheck(
    "overlap", "passed", "no training row is one of the test's, or reaches into its horizon"
)
"""`extract` raises where one does."""
_WEIGHS = 0.05
"""Share of all contributions from which on a feature that moved is worth a word."""


@dataclass(frozen=True)
class TrainResult:
    """What came out of a run; `to_json` is what `keepwell train --json` prints."""

    facts: ModelFacts
    fairness: FairnessResult
    verdict: GateVerdict
    written: Written
    left_out: tuple[str, ...]
    scores: TestScores = field(repr=False)

    def to_json(self, *, seconds: float) -> dict[str, Any]:
        """Plain JSON in the shape of the interface; `seconds` is how long the run took."""
        facts = self.facts
        return {
            "target": facts.target,
            "horizon_days": facts.horizon_days,
            "model_digest": facts.model_digest,
            "mlflow_run_id": facts.mlflow_run_id,
            "rows": facts.rows,
            "customers": facts.customers,
            "features": len(facts.features),
            "features_left_out": list(self.left_out),
            "cutoffs": list(facts.cutoffs),
            "split": facts.split,
            "dropped": [vars(found) for found in facts.dropped],
            "permission": dict(facts.permission),
            "test": facts.test.to_json(),
            "baselines": {name: found.to_json() for name, found in facts.baselines.items()},
            "horizons": {str(days): found.to_json() for days, found in facts.horizons.items()},
            "configurations_tried": facts.configurations,
            "differences": {name: found.to_json() for name, found in facts.differences.items()},
            "evaluation": facts.evaluation.to_json(),
            "proposal": _plain_proposal(facts),
            "gate": self.verdict.to_json(),
            "fairness": {"outcome": self.fairness.outcome, "reason": self.fairness.reason},
            "proxies": [found.to_json() for found in self.fairness.proxies],
            "mitigations": [found.to_json() for found in self.fairness.mitigations],
            "alias": CANDIDATE,
            "report_html": str(self.written.html),
            "report_json": str(self.written.json),
            "seconds": round(seconds, 2),
        }


def train(
    request: TrainRequest,
    workshop: Workshop,
    *,
    now: datetime,
    progress: Progress = lambda _: None,
) -> TrainResult:
    """Train, judge and submit one model.

    Raises `InsufficientData` when there are too few customers, `InvalidInput` for a leak, a split
    that overlaps or wrong input. A model the gate refuses is submitted all the same, refused.
    """
    with workshop.database.read() as conn:
        data = extract(
            conn,
            workshop.registry,
            workshop.store,
            request.target,
            test_as_of=request.test_as_of,
            split_file=request.split_file,
            inside_id=request.inside_id,
            exclude=request.exclude,
            features=request.features,
            seed=request.seed,
            now=now,
            progress=progress,
        )
        rival = rival_of(_serving(conn, request.target.name, now), workshop.bundles)
        groups = None
        if request.mitigate is not None:
            groups = permitted_groups(conn, workshop.registry, {*data.train.customers}, now=now)
    leak_checks = (*stop_on_leak(data.train, data.probe), _NO_OVERLAP)
    rules = fit_baselines(data.train.values, data.train.y, data.train.definitions, request.target)
    bench = bench_of(request, data, rules, rival)
    amounts = simple_amounts(data)
    data = data.narrow(worth_keeping(data.train, seed=request.seed))
    limits = limits_of(workshop.policy)
    weight = training_weights(request.mitigate, data.train, groups, min_group=limits.min_group)
    progress(f"fitting on {len(data.train)} rows, {len(data.train.names)} features")
    fitted = fit_target(request, data.train, weight)
    model = fitted.classifier
    plain = model if weight is None else fit_risk(request, data.train)
    seen = reference_of(data.train, model.model_.probability(data.train.values))
    digest = save(fitted.model, _description(request, data, seen, now), workshop.bundles)
    progress(f"evaluating on {len(data.test)} customers")
    facts, scores = judge(request, data, model, bench, digest, now)
    facts = replace(
        facts,
        answered=data.answered_share,
        configurations=fitted.configurations
        + (0 if plain is model else plain.tried_.configurations),
        leak_checks=leak_checks,
        drift=_moved(seen, data, scores.probability, facts),
        thresholds=workshop.policy.thresholds,
    )
    facts = with_forecasts(
        facts, fitted.model, data.test, scores.probability, wide=bench.wide, simple=amounts
    )
    progress("auditing fairness")
    with workshop.database.read() as conn:
        audited = {*data.test.customers} | (set() if groups is None else {*data.train.customers})
        groups = permitted_groups(conn, workshop.registry, audited, now=now)
        before = last_signed(conn, request.target.name, other_than=digest, before=now)
    fairness = weigh(groups, data.test, scores.probability, facts.threshold, limits)
    fairness = replace(
        fairness,
        proxies=find_proxies(groups, data.test, facts.importance, limits, seed=request.seed),
    )
    if request.mitigate is not None:
        progress("holding what narrows gaps against the plain model")
        tried = mitigations(
            request.mitigate, data.train, data.test,
            plain=plain, shipped=model, groups=groups, limits=limits, seed=request.seed,
        )  # fmt: skip
        fairness = replace(fairness, mitigations=tried)
    verdict = decide(facts, fairness, workshop.policy)
    progress("writing the run to MLflow and the audit report")
    report = AuditReport(
        facts=facts, fairness=fairness, verdict=verdict, generated_at=now, before=before
    )
    written = write_down(
        report, model, data, scores,
        tracking=workshop.tracking, bundle=workshop.bundles / digest, reports=workshop.reports,
    )  # fmt: skip
    candidate = Candidate(
        written.facts,
        digest,
        verdict,
        written.json.read_text(encoding="utf-8"),
        request.submitted_by,
    )
    with workshop.database.write() as conn:
        submit(conn, workshop.ledger, candidate, now=now)
        note_training_people(conn, data.train, digest, now=now)
    return TrainResult(written.facts, fairness, verdict, written, data.left_out, scores)


def _moved(
    seen: Reference, data: Extract, probability: Vector, facts: ModelFacts
) -> tuple[Shift, ...]:
    """Say how far the test's people lie from the latest ones trained on, by features that weigh."""
    weights = {each.feature: each.mean_abs for each in facts.importance}
    found = compare(seen, data.test.values, probability, as_of=data.test_as_of, weights=weights)
    moved = [each for each in found.named("gone", "shifted", "moving") if each.weight >= _WEIGHS]
    scores = Shift(SCORE, found.scores.outcome, found.scores.psi)
    return (scores, *(Shift(each.feature, each.outcome, each.psi) for each in moved))


def _description(
    request: TrainRequest, data: Extract, seen: Reference, now: datetime
) -> Description:
    rows = data.train
    return Description(
        target=request.target.name,
        horizon_days=request.target.horizon_days,
        purpose=request.target.purpose,
        names=rows.names,
        definitions=tuple(definition.to_json() for definition in rows.definitions),
        support=support_of(rows.values),
        created_at=to_text(now),
        facts={
            "home_kind": request.home_kind,
            "rows": len(rows),
            "customers": len(np.unique(rows.customer_index)),
            "cutoffs": list(data.cutoffs),
            "data_manifest": rows.manifest_digest,
            "seed": request.seed,
            REFERENCE: seen.to_json(),
        },
    )


def _serving(conn: Any, target: str, now: datetime) -> ModelFacts | None:
    """Give the facts of the model with a valid signature for this target."""
    approval = champion(conn, target, now=now)
    return None if approval is None else find_model(conn, approval.model_digest).facts


def _plain_proposal(facts: ModelFacts) -> dict[str, Any] | None:
    found = facts.evaluation.proposal
    return None if found is None else found.to_json()
