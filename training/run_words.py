"""What a training run says of itself in words: parameters, tags, and a summary to read first."""

import json
from dataclasses import asdict

from features.labels import Target
from governance.audit.record import AuditReport
from governance.intervals import Interval
from governance.model.card import ModelFacts
from training.blend import Plan, Tried

_SHOWN = 5
_SIMULATED = "The customers are simulated. "


def parameters_of(facts: ModelFacts, target: Target, plan: Plan, tried: Tried) -> dict[str, str]:
    """Give what was asked for, what it was trained on, and what inner validation chose."""
    return {
        "target": facts.target,
        "horizon_days": str(facts.horizon_days),
        "horizons": ", ".join(map(str, target.horizons)),
        "target_kind": target.kind,
        "target_declaration": json.dumps(asdict(target), sort_keys=True, default=str),
        "purpose": facts.purpose,
        "seed": str(facts.seed),
        "split": facts.split,
        "test_as_of": f"{facts.test.as_of:%Y-%m-%d}",
        "cutoffs": ", ".join(found[:10] for found in facts.cutoffs),
        "rows": str(facts.rows),
        "customers": str(facts.customers),
        "features": str(len(facts.features)),
        "feature_names": ", ".join(facts.features),
        "data_manifest": facts.data_manifest,
        "model_digest": facts.model_digest,
        "lock_hash": facts.lock_hash,
        "commit": facts.commit,
        "command": facts.command,
        "trials": str(len(tried.trials)),
        "trees": str(plan.trees),
        "penalty": str(plan.penalty),
        "tree_weight": str(plan.tree_weight),
        "personal_curves": str(plan.personal),
        "calibration": plan.calibration,
        **{f"trees_{name}": str(value) for name, value in plan.shape._asdict().items()},
        **{f"version_{name}": found for name, found in facts.versions.items()},
        **{f"limit_{name}": f"{limit:g}" for name, limit in facts.thresholds.items()},
    }


def tags_of(report: AuditReport, target: Target) -> dict[str, str]:
    """Give what runs are filtered by; the test set is read once, whatever was tried before."""
    facts = report.facts
    proposal = facts.evaluation.proposal
    tags = {
        "home_kind": facts.home_kind,
        "target_kind": target.kind,
        "gate": report.verdict.outcome,
        "fairness": report.fairness.outcome,
        "proposal": "" if proposal is None else proposal.outcome,
        "proposal_reason": "" if proposal is None else proposal.reason,
        "test_set_reads": "1",
        "mlflow.source.name": facts.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": facts.commit,
        "mlflow.note.content": note_of(report, target),
    }
    return {name: value for name, value in tags.items() if value}


def note_of(report: AuditReport, target: Target) -> str:
    """Say in Markdown what came out, in the order in which a person would ask."""
    facts, verdict = report.facts, report.verdict
    test, evaluation = facts.test, facts.evaluation
    simulated = _SIMULATED if facts.home_kind == "demo" else ""
    lines = [
        f"**{facts.target}**: {target.say(facts.horizon_days)}. {simulated}"
        f"AUC {test.auc} on {test.n:,} customers at {test.as_of:%Y-%m-%d}, "
        f"{test.positives:,} of them with the outcome.",
        "",
        *(
            f"- beside {name}: AUC {_signed(each.auc)}, log loss {_signed(each.log_loss)}"
            for name, each in evaluation.paired.items()
        ),
        f"- gate: {verdict.outcome}{_because(verdict.reasons)}",
        f"- fairness: {report.fairness.outcome.replace('_', ' ')}",
    ]
    if evaluation.proposal is not None:
        said = evaluation.proposal.outcome.replace("_", " ")
        lines.append(f"- proposal: {said}: {evaluation.proposal.reason}")
    if evaluation.season is not None and evaluation.season.shifted:
        gap = _signed(evaluation.season.gap)
        lines.append(f"- season: the outcome was not as frequent as predicted: {gap}")
    lines.append(
        f"- trained on {facts.rows:,} rows of {facts.customers:,} customers at "
        f"{len(facts.cutoffs)} instants, in {_one(facts.home_kind)} home"
    )
    return "\n".join(lines)


def _signed(found: Interval) -> str:
    return f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}]"


def _because(reasons: tuple[str, ...]) -> str:
    return f" ({'; '.join(reasons[:_SHOWN])})" if reasons else ""


def _one(home_kind: str) -> str:
    return f"an {home_kind}" if home_kind == "evaluation" else f"a {home_kind}"
