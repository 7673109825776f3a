"""The audit report: what a model is, how well and how evenly it does, and what nobody measured.

Fourteen sections on paper or screen, with a verdict in plain words on the first page, and the same
content as JSON. Whatever was not measured says so. No personal data, no request to anywhere.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from governance.audit_charts import (
    comparison_chart,
    importance_chart,
    range_chart,
    reliability_chart,
)
from governance.audit_evaluation import evaluation_charts, evaluation_tables, evaluation_words
from governance.audit_forecasts import forecast_tables
from governance.audit_tables import count, fairness_tables, model_tables, percent, words
from governance.canonical import digest
from governance.errors import InvalidInput
from governance.fairness_record import FairnessResult
from governance.gate import GateVerdict, chance_ece
from governance.instants import to_text
from governance.intervals import Interval
from governance.model_card import ModelFacts

_OUTCOME = {
    "approved": "pass",
    "refused": "fail",
    "insufficient_evidence": "insufficient evidence",
}


class SignOff(NamedTuple):
    """A signed review as it is printed; signature and public key in hex verify offline."""

    outcome: str
    reviewer: str
    reason: str
    signed_at: datetime
    expires_at: datetime
    key_id: str
    signature: str
    public_key: str
    self_signed: bool


class Picture(NamedTuple):
    """A picture in the report: what it shows in words, for those who cannot see it, and its PNG.

    Nothing in it may stand for fewer people than the report's tables do.
    """

    alt: str
    png: bytes

    @property
    def data(self) -> str:
        """The picture as an address that needs nothing else."""
        return "data:image/png;base64," + b64encode(self.png).decode()


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """Everything a report is made of.

    `previous` are the facts of the last signed model for the target; `mitigations` and `harms` are
    sentences; `sign_offs` the reviews so far. `groups_picture` and `dependence_picture` show what
    the tables of section 8 say.
    """

    facts: ModelFacts
    fairness: FairnessResult
    verdict: GateVerdict
    generated_at: datetime
    previous: ModelFacts | None = None
    mitigations: tuple[str, ...] = ()
    harms: tuple[str, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()
    groups_picture: Picture | None = None
    dependence_picture: Picture | None = None

    @property
    def outcome(self) -> str:
        """pass, fail or insufficient evidence."""
        return _OUTCOME[self.verdict.outcome]


def render_html(report: AuditReport) -> str:
    """Give the report as one HTML page that needs nothing else."""
    facts = report.facts
    rates = [
        (f"{words(cell.attribute)}: {cell.group}", cell.selection_rate)
        for cell in report.fairness.groups
        if cell.selection_rate is not None
    ]
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
            plain_words=plainwords(report),
            chance=chance_ece(facts).expected,
            charts={
                "auc": comparison_chart(aucs, low=0.5, high=1.0),
                "reliability": reliability_chart(facts.reliability),
                "importance": importance_chart(facts.importance[:15]),
                "rates": range_chart(rates),
                **evaluation_charts(facts),
            },
            changes=changes(report),
            not_measured=NOT_MEASURED,
            **model_tables(facts),
            **forecast_tables(facts),
            **evaluation_tables(facts),
            **fairness_tables(report.fairness),
        )
    )


def to_json(report: AuditReport) -> dict[str, Any]:
    """Give the report's content as plain JSON."""
    return {
        "verdict": report.outcome,
        "plain_words": list(plainwords(report)),
        "stamp": stamp(report.facts.home_kind),
        "generated_at": to_text(report.generated_at),
        "model_digest": report.facts.model_digest,
        "gate": report.verdict.to_json(),
        "facts": report.facts.to_json(),
        "fairness": report.fairness.to_json(),
        "changes": list(changes(report)),
        "mitigations": list(report.mitigations),
        "harms": list(report.harms),
        "not_measured": dict(NOT_MEASURED),
        "sign_offs": [
            s._asdict() | {"signed_at": to_text(s.signed_at), "expires_at": to_text(s.expires_at)}
            for s in report.sign_offs
        ],
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
    return digest(substance)


SUBSTANCE = ("facts", "fairness", "gate")
"""The parts of a report that stay as they were when the model was judged."""

NOT_MEASURED = {
    "proxies": "Whether a feature stands in for a protected attribute was not measured.",
    "exposure": "Who was contacted and helped, by group, was not measured for this model.",
    "drift": "Whether today's customers still resemble those of the training was not measured.",
    "process": "Complaints, appeals and approval times were not measured for this model.",
}
"""What this report does not know, in the words it says so."""


def stamp(home_kind: str) -> str:
    """Give what is printed on top of every page of a home that is not for production."""
    return {
        "demo": "DEMO — simulated customers, signed by nobody but the demo itself",
        "evaluation": "EVALUATION — pseudonymised data, nobody can be contacted",
    }.get(home_kind, "")


def plainwords(report: AuditReport) -> tuple[str, ...]:
    """Give the first page's sentences, for someone who has never seen a model."""
    facts, test = report.facts, report.facts.test
    return (
        _may_it(report),
        f"It estimates {words(facts.target)} within {facts.horizon_days} days. It was tested on "
        f"{test.n:,} customers it had never seen at that time; for {test.positives:,} of them it "
        "came true.",
        _ranking(facts),
        _calibration(facts),
        *evaluation_words(facts),
        _fairness(report.fairness),
        *_answered(facts),
        _missing_people(facts),
    )


def changes(report: AuditReport) -> tuple[str, ...]:
    """Say what changed since the last signed model; empty when there was none."""
    old, new = report.previous, report.facts
    if old is None:
        return ()
    added = sorted(set(new.features) - set(old.features))
    gone = sorted(set(old.features) - set(new.features))
    return (
        f"ranking: {_of_hundred(new.test.auc)} pairs in 100 put right, was "
        f"{_of_hundred(old.test.auc)} (other customers, other time)",
        f"rows: {new.rows:,}, was {old.rows:,}; customers: {new.customers:,}, was "
        f"{old.customers:,}",
        "features added: " + (", ".join(added) or "none"),
        "features gone: " + (", ".join(gone) or "none"),
    )


def _may_it(report: AuditReport) -> str:
    if report.verdict.outcome == "approved":
        return "This model met every rule it was held against and may be put before a reviewer."
    if report.verdict.outcome == "refused":
        return "This model must not serve; the reasons are listed below."
    return "There is not enough evidence to let this model serve; what is missing is listed below."


def _ranking(facts: ModelFacts) -> str:
    said = (
        "Shown one customer for whom it came true and one for whom it did not, it points to the "
        "right one in "
        f"{_of_hundred(facts.test.auc)} of 100 pairs"
    )
    others = [
        f"{words(name)} manages {_of_hundred(result.auc)}"
        for name, result in facts.baselines.items()
    ]
    return said + ("; " + ", ".join(others) if others else "") + "."


def _calibration(facts: ModelFacts) -> str:
    chance = chance_ece(facts).expected
    off = f"Its probabilities are off by {100 * facts.test.ece:.1f} points on average"
    if facts.test.ece <= chance:
        return f"{off}, no more than chance alone makes among so few people."
    return f"{off}; chance alone would make {100 * chance:.1f} among so few people."


def _fairness(fairness: FairnessResult) -> str:
    if fairness.outcome == "pass" and fairness.gaps:
        told = "; ".join(finding.text for finding in fairness.gaps)
        return f"It does not treat every group quite alike, within the limits set: {told}."
    if fairness.outcome == "pass":
        return f"It treats the groups we could compare alike: {fairness.reason}."
    if fairness.outcome == "fail":
        return f"It does not treat groups of people alike: {fairness.reason}."
    if fairness.outcome == "not_assessed":
        return f"Whether it treats groups of people alike was NOT ASSESSED: {fairness.reason}."
    return f"Whether it treats groups of people alike cannot be said: {fairness.reason}."


def _missing_people(facts: ModelFacts) -> str:
    refused = sum(n for name, n in facts.permission.items() if name != "permitted")
    permitted = facts.permission.get("permitted", 0)
    if not facts.permission:
        return "Whose permission was missing was not recorded."
    return (
        f"It learned from {permitted:,} people who permit it; {refused:,} others are missing from "
        "it because they do not, so it may know less about people like them."
    )


def _answered(facts: ModelFacts) -> tuple[str, ...]:
    """Say how many were silent where an outcome is read off people's own reports."""
    found = facts.answered
    if found is None:
        return ()
    return (
        f"Of people who had reported enough before, {100 * found.value:.0f} % "
        f"[{100 * found.low:.0f}, {100 * found.high:.0f}] reported enough afterwards; how the "
        "others fared is not known, and they may differ.",
    )


def _of_hundred(auc: Interval) -> str:
    return f"{100 * auc.value:.1f} [{100 * auc.low:.1f}, {100 * auc.high:.1f}]"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("governance", "templates"),
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
    }
    return environment
