"""The audit report: what a model is, how well and how evenly it does, and what nobody measured.

Fourteen sections on paper or screen, with a verdict in plain words on the first page, and the same
content as JSON. Whatever was not measured says so. No personal data, no request to anywhere.
"""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from governance.audit.changes import changes_json, changes_tables, drift_tables
from governance.audit.charts import (
    comparison_chart,
    dependence_chart,
    group_chart,
    importance_chart,
    reliability_chart,
)
from governance.audit.evaluation import evaluation_charts, evaluation_tables
from governance.audit.forecasts import forecast_tables
from governance.audit.format import count, marked, percent, words
from governance.audit.groups import fairness_tables
from governance.audit.impact_assessment import assess_impact
from governance.audit.process import not_measured, process_tables
from governance.audit.record import SUBSTANCE, AuditReport
from governance.audit.tables import model_tables, provenance_tables
from governance.audit.words import first_page, plainwords
from governance.canonical import digest
from governance.errors import InvalidInput
from governance.instants import to_text
from governance.model.card import ModelFacts
from governance.model.gate import chance_ece


def render_html(report: AuditReport) -> str:
    """Give the report as one HTML page that needs nothing else."""
    facts = report.facts
    aucs = [("this model", facts.test.auc)]
    aucs += [(words(name), result.auc) for name, result in facts.baselines.items()]
    return (
        _environment()
        .get_template("audit.html.j2")
        .render(
            report=report,
            facts=facts,
            fairness=report.fairness,
            stamp=stamp(facts.home_kind),
            answers=first_page(report),
            chance=chance_ece(facts).expected,
            charts={
                "auc": comparison_chart(aucs, low=0.5, high=1.0),
                "reliability": reliability_chart(facts.reliability),
                "importance": importance_chart(facts.importance[:15]),
                "groups": group_chart(facts.groups),
                "dependence": [dependence_chart(each) for each in facts.dependence],
                **evaluation_charts(facts),
            },
            impact=assess_impact(facts, report.fairness, report.practice),
            not_measured=not_measured(report),
            report_digest=report_digest(report.substance),
            **model_tables(facts),
            **provenance_tables(report.provenance),
            **forecast_tables(facts),
            **evaluation_tables(facts),
            **fairness_tables(report.fairness),
            **changes_tables(report),
            **drift_tables(report),
            **process_tables(report),
        )
    )


def report_style(facts: ModelFacts) -> str:
    """Give the style of the page as `render_html` writes it, for whoever serves the two apart."""
    style = _environment().get_template("audit.css.j2")
    return style.render(stamp=stamp(facts.home_kind), facts=facts)


def to_json(report: AuditReport) -> dict[str, Any]:
    """Give the report's content as plain JSON."""
    return {
        "verdict": report.outcome,
        "plain_words": list(plainwords(report)),
        "stamp": stamp(report.facts.home_kind),
        "generated_at": to_text(report.generated_at),
        "model_digest": report.facts.model_digest,
        **report.substance,
        "report_digest": report_digest(report.substance),
        "impact_assessment": assess_impact(
            report.facts, report.fairness, report.practice
        ).to_json(),
        "practice": None if report.practice is None else report.practice.to_json(),
        "provenance": None if report.provenance is None else report.provenance.to_json(),
        "changes": changes_json(report),
        "drift": None if report.drift is None else report.drift.to_json(),
        "process": None if report.process is None else report.process.to_json(),
        "not_measured": not_measured(report),
        "sign_offs": [each.to_json() for each in report.sign_offs],
    }


def to_text_json(report: AuditReport) -> str:
    """Give the JSON twin as text."""
    return json.dumps(to_json(report), indent=1, sort_keys=True, allow_nan=False)


def report_digest(report_json: str | Mapping[str, Any]) -> str:
    """Give the sha256 of what a reviewer signs: facts, fairness and gate of a report's JSON.

    Process figures, sign-offs and the date of drawing are left out: a report drawn again later has
    the same digest. Raises `InvalidInput` for what is no report.
    """
    try:
        found = json.loads(report_json) if isinstance(report_json, str) else report_json
        substance = {name: found[name] for name in SUBSTANCE}
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(
            "this is not the JSON twin of an audit report",
            hint="keepwell audit MODEL writes one beside the page",
        ) from None
    return digest(json.loads(json.dumps(substance)))


def stamp(home_kind: str) -> str:
    """Give what is printed on top of every page of a home that is not for production."""
    return {
        "demo": "DEMO — simulated customers, signed by nobody but the demo itself",
        "evaluation": "EVALUATION — pseudonymised data, nobody can be contacted",
    }.get(home_kind, "")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("governance.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "instant": to_text,
        "words": words,
        "marked": marked,
    }
    return environment
