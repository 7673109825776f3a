"""Puts a judged model on record: MLflow run, audit report, model card."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from features.dataset import Dataset
from governance.audit import AuditReport, render_html, to_text_json
from governance.evaluation_record import Evaluation
from governance.intervals import Interval
from governance.model_card import ModelFacts, TestResult, render_markdown
from training.blend import Plan
from training.model import RiskModel
from training.pictures import draw
from training.tracking import RunRecord, Tracking


@dataclass(frozen=True)
class Written:
    """The facts with their run's id, and where the two forms of the audit report lie."""

    facts: ModelFacts
    html: Path
    json: Path


def write_down(
    report: AuditReport,
    model: RiskModel,
    test: Dataset,
    *,
    tracking: Tracking,
    bundle: Path,
    reports: Path,
    plan: Plan,
) -> Written:
    """Open a run, write the report that names it, and log everything; ends at `candidate`."""
    facts = report.facts
    run_id = tracking.start(facts.target, f"{facts.target} {facts.model_digest[:12]}")
    try:
        facts = replace(facts, mlflow_run_id=run_id)
        report = replace(report, facts=facts)
        name = f"audit-{facts.target}-{facts.model_digest[:12]}"
        reports.mkdir(parents=True, exist_ok=True)
        html, twin = reports / f"{name}.html", reports / f"{name}.json"
        with tempfile.TemporaryDirectory() as place:
            card = Path(place) / "model_card.md"
            card.write_text(render_markdown(facts), encoding="utf-8")
            pictures = draw(Path(place), facts, model, test)
            report = replace(
                report,
                groups_picture=pictures.groups_shown,
                dependence_picture=pictures.dependence_shown,
            )
            html.write_text(render_html(report), encoding="utf-8")
            twin.write_text(to_text_json(report), encoding="utf-8")
            record = RunRecord(
                digest=facts.model_digest,
                parameters=_parameters(facts, plan),
                metrics=_metrics(facts),
                tags={
                    "home_kind": facts.home_kind,
                    "gate": report.verdict.outcome,
                    "fairness": report.fairness.outcome,
                    "proposal": facts.evaluation.proposal.outcome
                    if facts.evaluation.proposal
                    else "none",
                },
                files=[
                    (bundle, "bundle"),
                    (html, "report"),
                    (twin, "report"),
                    (card, ""),
                    *((picture, "") for picture in pictures.files),
                ],
                booster=model.trees,
                requirements=[f"lightgbm=={facts.versions['lightgbm']}"],
            )
            tracking.finish(facts.target, run_id, record)
    except BaseException:
        tracking.fail(run_id)
        raise
    return Written(facts, html, twin)


def _parameters(facts: ModelFacts, plan: Plan) -> dict[str, str]:
    return {
        "target": facts.target,
        "horizon_days": str(facts.horizon_days),
        "purpose": facts.purpose,
        "seed": str(facts.seed),
        "split": facts.split,
        "cutoffs": ", ".join(found[:10] for found in facts.cutoffs),
        "rows": str(facts.rows),
        "customers": str(facts.customers),
        "features": str(len(facts.features)),
        "data_manifest": facts.data_manifest,
        "commit": facts.commit,
        "trees": str(plan.trees),
        "penalty": str(plan.penalty),
        "tree_weight": str(plan.tree_weight),
        **{f"trees_{name}": str(value) for name, value in plan.shape._asdict().items()},
    }


def _metrics(facts: ModelFacts) -> dict[str, float]:
    found = _figures("test", facts.test)
    for name, result in facts.baselines.items():
        found |= _figures(f"baseline_{name}", result)
    for name, difference in facts.differences.items():
        found[f"auc_minus_{name}"] = difference.value
        found[f"auc_minus_{name}_low"] = difference.low
    return found | _evaluated(facts.evaluation)


def _evaluated(found: Evaluation) -> dict[str, float]:
    """Figures beyond the plain ones: paired losses, returners, season, net value, the champion."""
    figures: dict[str, Interval] = {}
    compared = dict(found.paired)
    if found.champion is not None and found.champion.difference is not None:
        compared["champion"] = found.champion.difference
        figures["auc_minus_champion"] = found.champion.difference.auc
    for name, each in compared.items():
        figures[f"log_loss_minus_{name}"] = each.log_loss
        figures[f"brier_minus_{name}"] = each.brier
    other = found.other_outcome.get("model")
    if other is not None:
        figures["returners_average_precision"] = other.average_precision
        figures["returners_lift_at_10"] = other.lift_at_10
    if found.season is not None:
        figures["observed_minus_predicted"] = found.season.gap
    if found.costs is not None:
        figures["net_value"] = found.costs.net
        figures["share_to_contact"] = found.costs.share
    plain = {} if found.proposal is None else {"complexity": float(found.proposal.complexity)}
    for name, interval in figures.items():
        plain |= {
            name: interval.value,
            f"{name}_low": interval.low,
            f"{name}_high": interval.high,
        }
    return plain


def _figures(prefix: str, result: TestResult) -> dict[str, float]:
    return {
        f"{prefix}_auc": result.auc.value,
        f"{prefix}_auc_low": result.auc.low,
        f"{prefix}_auc_high": result.auc.high,
        f"{prefix}_average_precision": result.average_precision.value,
        f"{prefix}_log_loss": result.log_loss,
        f"{prefix}_brier": result.brier,
        f"{prefix}_ece": result.ece,
        f"{prefix}_lift_at_10": result.lift_at_10,
        f"{prefix}_n": float(result.n),
        f"{prefix}_positives": float(result.positives),
        **{
            f"{prefix}_{name}_{end}": getattr(result.interval(name), end)
            for name in ("average_precision", *result.intervals)
            for end in ("low", "high")
        },
    }
