"""The first page of the audit report: a verdict and a handful of answers anyone can read."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from governance.audit.evaluation import evaluation_words
from governance.audit.format import words
from governance.audit.record import AuditReport, SignOff
from governance.fairness.proxies import Proxy
from governance.fairness.record import FairnessResult
from governance.instants import to_text
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.gate import chance_ece


class Answer(NamedTuple):
    """A question of someone who has never seen a model, and its answer in a sentence or two."""

    question: str
    text: str


def first_page(report: AuditReport) -> tuple[Answer, ...]:
    """Answer what a reader wants to know before anything else."""
    return tuple(_answers(report))


def plainwords(report: AuditReport) -> tuple[str, ...]:
    """Give the first page's sentences alone."""
    return tuple(each.text for each in first_page(report))


def _answers(report: AuditReport) -> Iterator[Answer]:
    facts, test = report.facts, report.facts.test
    yield Answer("May it be used?", f"{_may_it(report)} {_signed(report.sign_offs)}")
    yield Answer(
        "What does it do?",
        f"It estimates {words(facts.target)} within {facts.horizon_days} days. It was tested on "
        f"{test.n:,} customers it had never seen at that time; for {test.positives:,} of them it "
        "came true.",
    )
    yield Answer("Does it put the right people first?", _ranking(facts))
    yield Answer("Does 30 % mean 30 %?", _calibration(facts))
    for text in evaluation_words(facts):
        yield Answer("What else stands out?", text)
    yield Answer("Are groups of people treated alike?", fairness_words(report.fairness))
    proxies = [each for each in report.fairness.proxies if each.strength in ("clear", "strong")]
    if proxies:
        yield Answer("Does it know groups it never sees?", _proxies(proxies))
    yield Answer("Who is missing?", " ".join((*_answered(facts), _missing_people(facts))))
    if report.drift is not None:
        yield Answer("Does it still hold?", _drift(report))


def _may_it(report: AuditReport) -> str:
    if report.verdict.outcome == "approved":
        return "This model met every rule it was held against and may be put before a reviewer."
    if report.verdict.outcome == "refused":
        return "This model must not serve; the reasons are listed below."
    return "There is not enough evidence to let this model serve; what is missing is listed below."


def _signed(sign_offs: tuple[SignOff, ...]) -> str:
    if not sign_offs:
        return "Nobody has signed it yet, so it serves nobody."
    last = sign_offs[0].review
    at = to_text(last.signed_at)[:10]
    if not sign_offs[0].fits:
        return "The signature on record does NOT fit: do not rely on it."
    if last.outcome != "approve":
        return f"{last.reviewer} rejected it on {at}; it does not serve."
    if last.self_signed:
        return "It signed itself: nobody reviewed it."
    asked = f", under conditions: {'; '.join(last.conditions)}" if last.conditions else ""
    return f"{last.reviewer} approved it on {at}{asked}, until {to_text(last.expires_at)[:10]}."


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


def fairness_words(fairness: FairnessResult) -> str:
    """Say whether groups of people are treated alike, with each gap that was found."""
    told = "; ".join(finding.text for finding in fairness.gaps)
    if fairness.outcome == "pass" and told:
        return f"It does not treat every group quite alike, within the limits set: {told}."
    if fairness.outcome == "pass":
        unsure = sum(finding.verdict == "cannot_say" for finding in fairness.findings)
        if unsure:
            return (
                "No gap beyond the limits was shown between the groups compared; in "
                f"{unsure} of {len(fairness.findings)} comparisons there are too few people to "
                "rule one out."
            )
        return f"It treats the groups we could compare alike: {fairness.reason}."
    if fairness.outcome == "fail":
        return f"It does not treat groups of people alike: {fairness.reason}."
    if fairness.outcome == "not_assessed":
        return f"Whether it treats groups of people alike was NOT ASSESSED: {fairness.reason}."
    said = f"Whether it treats groups of people alike cannot be said: {fairness.reason}."
    return f"{said} What was found: {told}." if told else said


def _proxies(found: Sequence[Proxy]) -> str:
    told = [
        f"{words(each.attribute)}: {each.group} ({each.strength}, {_of_hundred(each.auc)} of 100 "
        "pairs)"
        for each in found
        if each.auc is not None
    ]
    return (
        f"Its features give away, to someone who looks for it, who is {'; '.join(told)}. Whether "
        "that group fares differently stands in section 5, which features it is in section 8."
    )


def _missing_people(facts: ModelFacts) -> str:
    refused = sum(n for name, n in facts.permission.items() if name != "permitted")
    permitted = facts.permission.get("permitted", 0)
    if not facts.permission:
        return "Whose permission was missing was not recorded."
    if not refused:
        return (
            f"Nobody for want of permission: all {permitted:,} people may be learned from. Section "
            "3 says who was left out for other reasons."
        )
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


def _drift(report: AuditReport) -> str:
    drift = report.drift
    if drift is None:
        return ""
    at = to_text(drift.looked_at)[:10]
    said = {
        "fine": f"At the last look, {at}, nothing had moved beyond its limits.",
        "watch": f"At the last look, {at}, it should be watched",
        "retrain": f"At the last look, {at}, it no longer held and should be trained again",
    }.get(drift.status, f"At the last look, {at}, it stood at: {words(drift.status)}")
    if drift.status == "fine" or not drift.reasons:
        return said
    return f"{said}: {'; '.join(drift.reasons[:3])}."


def _of_hundred(auc: Interval) -> str:
    return f"{100 * auc.value:.1f} [{100 * auc.low:.1f}, {100 * auc.high:.1f}]"
