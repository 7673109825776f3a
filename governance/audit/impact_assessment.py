"""A data protection impact assessment (GDPR art. 35), filled in as far as a program can know.

Likelihood and severity are proposals by stated rules; the company confirms or corrects them. What
only people can answer is listed as open, never guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from governance.audit.impact_risks import SENSITIVE, Risk, risks_of
from governance.audit.practice import Action, Practice
from governance.fairness.record import FairnessResult
from governance.model.card import ModelFacts

LARGE = 5_000
"""People from which on processing is treated as large-scale here; the law names no number."""


class Criterion(NamedTuple):
    """One of the nine signs of high risk (WP 248 rev. 01): does it apply, and why."""

    name: str
    applies: str
    because: str


@dataclass(frozen=True)
class ImpactAssessment:
    """Criteria, necessity, risks, measures in force, and what the company still has to answer."""

    criteria: tuple[Criterion, ...]
    necessity: tuple[tuple[str, str], ...]
    risks: tuple[Risk, ...]
    measures: tuple[tuple[str, str], ...]
    open: tuple[str, ...]

    @property
    def hit(self) -> int:
        """How many criteria apply; from two on an assessment is usually due."""
        return sum(each.applies == "yes" for each in self.criteria)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return {
            "criteria": [each._asdict() for each in self.criteria],
            "necessity": dict(self.necessity),
            "risks": [each._asdict() for each in self.risks],
            "measures": dict(self.measures),
            "open": list(self.open),
        }


def assess_impact(
    facts: ModelFacts, fairness: FairnessResult, practice: Practice | None
) -> ImpactAssessment:
    """Fill in the assessment from the run, the audit and the home's settings (None: unknown)."""
    return ImpactAssessment(
        criteria=tuple(_criteria(facts, practice)),
        necessity=tuple(_necessity(facts, practice)),
        risks=tuple(risks_of(facts, fairness, practice)),
        measures=() if practice is None else tuple(_measures(practice)),
        open=tuple(_open(facts, practice)),
    )


def _criteria(facts: ModelFacts, practice: Practice | None) -> Iterator[Criterion]:
    sensitive = facts.purpose == SENSITIVE
    acts = practice is not None and practice.mode == "act"
    yield Criterion("evaluation or scoring", "yes", "it estimates how a person's case will go")
    yield Criterion(
        "automated decision with legal or similar effect",
        "no" if practice is not None else "to be answered",
        "a significant act waits for a person"
        if not acts
        else "the mode is act: messages may go out without a person; acts with significant effect "
        "wait for one",
    )
    yield Criterion(
        "systematic monitoring", "yes", "the customer relationship is followed over time"
    )
    yield Criterion(
        "sensitive or highly personal data",
        "yes" if sensitive else "no",
        "well-being is inferred, under explicit consent"
        if sensitive
        else "protected attributes reach the fairness audit alone, never the model",
    )
    yield Criterion(
        "large scale",
        "yes" if facts.customers >= LARGE else "no",
        f"{facts.customers:,} people in training; counted as large from {LARGE:,}",
    )
    yield Criterion(
        "matching or combining data sets",
        "to be answered",
        "say whether sources are joined that people would not expect together (section 3)",
    )
    yield Criterion(
        "vulnerable people",
        "yes"
        if sensitive or (practice is not None and practice.age_required)
        else "to be answered",
        "minors are refused where age is required; some customers may be in distress",
    )
    yield Criterion("new technology", "yes", "machine learning on behaviour, with explanations")
    yield Criterion(
        "keeps people from a right, a service or a contract",
        "no",
        "no price, access or contract depends on the score; to use it so is out of scope",
    )


def _necessity(facts: ModelFacts, practice: Practice | None) -> Iterator[tuple[str, str]]:
    yield (
        "What is processed",
        f"events of the customer relationship, as {len(facts.features)} features (sections 8, 14)",
    )
    yield "Of whom", f"{facts.customers:,} customers who permit it; all others are left out"
    basis = "the home's settings say"
    if practice is not None:
        found = {each.purpose: each.basis for each in practice.bases}
        basis = "; ".join(
            f"{name.replace('_', ' ')}: {found[name].replace('_', ' ')}"
            for name in (facts.purpose, "model_training")
            if name in found
        )
    yield "On what basis", basis
    better = [
        f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}] pairs in 100 "
        f"put right against {name.replace('_', ' ')}"
        for name, found in facts.differences.items()
    ]
    yield (
        "Would something milder do",
        "a simple rule would be milder; this model gains " + "; ".join(better)
        if better
        else "not shown: no simpler rule was compared with",
    )
    yield (
        "Data kept to what is needed",
        (
            "features that say nothing about training rows are left out; the smallest model within "
            "one standard error of the best is the one that ships"
        ),
    )


def _measures(practice: Practice) -> Iterator[tuple[str, str]]:
    for each in practice.bases:
        said = each.basis.replace("_", " ")
        yield (
            f"permission for {each.purpose.replace('_', ' ')}",
            said + (f": {each.statement}" if each.statement else ""),
        )
    yield (
        "mode",
        {
            "observe": "observe: scores are seen, nothing is proposed or sent",
            "advise": "advise: every contact waits for a person",
            "act": "act: contacts within the playbooks go out; significant ones wait for a person",
        }.get(practice.mode, practice.mode),
    )
    for action in practice.actions:
        yield f"playbook {action.name.replace('_', ' ')}", _action(action)
    yield (
        "limits on contact",
        f"{practice.max_contacts} in {practice.per_days} days; quiet from {practice.quiet_from} "
        f"until {practice.quiet_until}",
    )
    yield "data leave to", ", ".join(practice.recipients) or "nobody"
    for kept in practice.retention:
        yield f"kept: {kept.what}", kept.how_long
    yield "texts of customers", "kept" if practice.keep_text else "not kept"
    yield (
        "age",
        "unknown age is refused for " + ", ".join(practice.age_required)
        if practice.age_required
        else "not asked for; minors who are known are refused without their guardian's word",
    )
    yield (
        "protected attributes",
        ", ".join(practice.protected) + ": for the fairness audit alone"
        if practice.protected
        else "none are held",
    )
    yield (
        "review",
        f"{_some(practice.reviewers, 'key')} may sign; a model is looked at again after "
        f"{practice.review_after_days} days; when it no longer holds it "
        + ("stops answering" if practice.on_stale == "stop" else "goes on and says so"),
    )
    yield "smallest published group", f"{practice.min_people} people"


def _action(found: Action) -> str:
    parts = [found.channel, "waits for a person" if found.needs_person else "without a person"]
    if found.holdout_share:
        parts.append(f"{100 * found.holdout_share:.0f} % held out for {found.holdout_days} days")
    if found.commercial:
        parts.append("sells something: never on well-being, sentiment or stress")
    return "; ".join(parts)


def _open(facts: ModelFacts, practice: Practice | None) -> Iterator[str]:
    yield "What the company wants to achieve, and why customers gain by it"
    yield "Whether people would expect this use; what they said when they were asked (art. 35.9)"
    yield "Whether the proposed likelihoods and severities are right, and which risks are missing"
    yield "Advice of the data protection officer, with date and name (art. 35.2)"
    yield "Who decides whether the remaining risk is acceptable; whether the authority is consulted"
    if practice is not None and not practice.controller:
        yield "Name and address of the controller: not stated in [controller] of keepwell.toml"
    if practice is not None and practice.recipients:
        yield "Contracts with those the data leave to (art. 28), and where they stand"
    if practice is not None and not practice.retention:
        yield "How long data are kept: nothing is stated in [retention] of keepwell.toml"


def _some(n: int, what: str) -> str:
    return f"1 {what}" if n == 1 else f"{n or 'no'} {what}s"
