"""Puts a judged model on record: MLflow run, audit report, model card."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from governance.audit.card_page import render_card_html, render_markdown
from governance.audit.record import AuditReport
from governance.audit.report import render_html, to_text_json
from governance.model.card import ModelFacts
from training.blend import Tried
from training.evaluation_plots import (
    draw_calibrations,
    draw_costs,
    draw_ranking,
    draw_rates,
    draw_reliability,
)
from training.extract import Extract
from training.fit import RiskClassifier
from training.judge import TestScores
from training.manifest import inputs_of, manifest_of
from training.pictures import draw
from training.run_figures import metrics_of, series_of
from training.run_record import RunRecord
from training.run_words import parameters_of, tags_of
from training.search_log import search_table, trials_of
from training.tracking import Tracking

PLOTS = "plots"


@dataclass(frozen=True)
class Written:
    """The facts with their run's id, and where the two forms of the audit report lie."""

    facts: ModelFacts
    html: Path
    json: Path


def write_down(
    report: AuditReport,
    model: RiskClassifier,
    data: Extract,
    scores: TestScores,
    *,
    tracking: Tracking,
    bundle: Path,
    reports: Path,
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
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            card = place / "model_card.md"
            judged = facts, report.fairness, report.verdict
            card.write_text(render_markdown(*judged), encoding="utf-8")
            card_page = card.with_suffix(".html")
            card_page.write_text(render_card_html(*judged), encoding="utf-8")
            manifest = place / "dataset_manifest.json"
            manifest.write_text(json.dumps(manifest_of(data), indent=1), encoding="utf-8")
            search = place / "search.json"
            search.write_text(search_table(model.tried_, model.plan_), encoding="utf-8")
            pictures = draw(place, facts, model.model_, data.test)
            html.write_text(render_html(report), encoding="utf-8")
            twin.write_text(to_text_json(report), encoding="utf-8")
            plots = _plots(place, facts, scores, model.tried_, model.plan_.calibration)
            target = data.train.target
            record = RunRecord(
                digest=facts.model_digest,
                parameters=parameters_of(facts, target, model.plan_, model.tried_),
                metrics=metrics_of(facts),
                tags=tags_of(report, target),
                files=[
                    (bundle, "bundle"),
                    (html, "report"),
                    (twin, "report"),
                    (card, ""),
                    (card_page, ""),
                    (manifest, ""),
                    (search, ""),
                    *((picture, PLOTS) for picture in (*pictures, *plots)),
                ],
                booster=model.model_.trees,
                requirements=[f"lightgbm=={facts.versions['lightgbm']}"],
                series=series_of(facts),
                inputs=inputs_of(data, facts),
            )
            trials = trials_of(model.tried_, model.plan_)
            tracking.finish(facts.target, run_id, record, trials)
    except BaseException:
        tracking.fail(run_id)
        raise
    return Written(facts, html, twin)


def _plots(
    place: Path, facts: ModelFacts, scores: TestScores, tried: Tried, calibration: str
) -> Iterator[Path]:
    """Name a file for each thing there is to draw of the evaluation, drawn when asked for."""
    evaluation = facts.evaluation
    if facts.reliability:
        draw_reliability(place / "reliability.png", facts.reliability)
        yield place / "reliability.png"
    every = {"this model": scores.probability, **scores.baselines}
    draw_ranking(place / "roc_pr.png", scores.y, every)
    yield place / "roc_pr.png"
    if evaluation.costs is not None:
        draw_costs(place / "cost_curve.png", evaluation.costs)
        yield place / "cost_curve.png"
    if evaluation.season is not None:
        draw_rates(place / "rate_by_cutoff.png", evaluation.season)
        yield place / "rate_by_cutoff.png"
    if tried.calibrations:
        draw_calibrations(place / "calibrations.png", tried.calibrations, calibration)
        yield place / "calibrations.png"
