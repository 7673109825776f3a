"""What may go wrong for people by a model and its use, with a proposed likelihood and severity."""

from collections.abc import Iterator
from typing import NamedTuple

from governance.audit.practice import Practice
from governance.fairness.record import FairnessResult
from governance.model.card import ModelFacts, TestResult
from governance.model.gate import chance_ece

SENSITIVE = "wellbeing_inference"
"""The purpose under which something sensitive is inferred about people."""


class Risk(NamedTuple):
    """What may go wrong for people; likelihood and severity are low, medium, high or cannot say."""

    what: str
    likelihood: str
    severity: str
    because: str
    measures: str


def risks_of(
    facts: ModelFacts, fairness: FairnessResult, practice: Practice | None
) -> Iterator[Risk]:
    """Name what may go wrong, each with the rule its likelihood follows from."""
    test = facts.test
    right = min(1.0, test.lift_at_10 * test.positives / max(test.n, 1))
    yield Risk(
        "someone is taken to be leaving or struggling who is not",
        _level(1 - right, 0.2, 0.5),
        "low",
        f"of the tenth with the highest scores it did not come true for {100 * (1 - right):.0f} %",
        "reasons with every score; offers only, no disadvantage; the customer can contest it",
    )
    found = min(1.0, test.lift_at_10 / 10)
    yield Risk(
        "someone who would need help is overlooked",
        _level(1 - found, 0.2, 0.5),
        "low",
        f"the highest tenth holds {100 * found:.0f} % of those for whom it came true",
        "people can ask for help without being chosen; service duties never rest on a score",
    )
    yield _uneven(fairness)
    yield Risk(
        "a probability is taken at its word where it does not hold",
        _off(facts, test),
        "low",
        f"the average gap is {100 * test.ece:.1f} points (section 4)",
        'an interval with every score; "insufficient data" where there is too little; monitoring',
    )
    yield _pressure(practice)
    yield _sensitive(facts, fairness)
    yield Risk(
        "the score is used for something else: prices, credit, access, selling to people in need",
        "cannot say",
        "high",
        "no program can see what people do with a number they have read",
        "out of scope in writing; keys with scopes; every answer is in the log",
    )
    yield _rubber_stamp(practice)
    yield Risk(
        "data come into the wrong hands",
        "cannot say",
        "high" if facts.purpose == SENSITIVE else "medium",
        "depends on where the home stands and who may enter",
        "pseudonyms in evaluation homes; random ids in the log; keys shown once; erasure; a breach "
        "procedure",
    )


def _sensitive(facts: ModelFacts, fairness: FairnessResult) -> Risk:
    what = "something sensitive is inferred"
    measures = "explicit consent for well-being; protected attributes are kept apart"
    if facts.purpose == SENSITIVE:
        return Risk(what, "high", "high", "well-being is what it estimates", measures)
    found = [each for each in fairness.proxies if each.verdict == "proxy"]
    if not fairness.proxies:
        return Risk(what, "cannot say", "medium", "no proxy check was made (section 8)", measures)
    strong = any(each.strength == "strong" for each in found)
    likelihood = "high" if strong else "medium" if found else "low"
    because = f"the proxy check found {len(found) or 'none'} in section 8"
    return Risk(what, likelihood, "medium", because, measures)


def _uneven(fairness: FairnessResult) -> Risk:
    likelihood = {"pass": "low", "fail": "high"}.get(fairness.outcome, "cannot say")
    unsure = any(finding.verdict == "cannot_say" for finding in fairness.findings)
    if fairness.outcome == "pass" and (fairness.gaps or unsure):
        likelihood = "medium"
    return Risk(
        "groups of people are served unevenly",
        likelihood,
        "medium",
        fairness.reason or fairness.outcome.replace("_", " "),
        "audit by group before every release; the gate refuses gaps beyond the limit",
    )


def _pressure(practice: Practice | None) -> Risk:
    what = "contact becomes pressure"
    if practice is None:
        return Risk(what, "cannot say", "low", "the home's settings were not read", "see section 9")
    if practice.home_kind != "production" or practice.mode == "observe":
        return Risk(what, "low", "low", "nothing is sent from here", "contact is impossible here")
    return Risk(
        what,
        "low" if practice.max_contacts <= 2 else "medium",
        "low",
        f"at most {practice.max_contacts} contacts in {practice.per_days} days, outside ones "
        "counted",
        f"opt-in per channel; quiet from {practice.quiet_from} to {practice.quiet_until}; "
        "one-click stop without login",
    )


def _rubber_stamp(practice: Practice | None) -> Risk:
    return Risk(
        "people say yes without looking",
        "low" if practice is not None and practice.mode == "observe" else "cannot say",
        "medium",
        "approval times and override rates are in section 12",
        "reasons stand beside every proposal; a no is as easy as a yes; decisions can be contested",
    )


def _off(facts: ModelFacts, test: TestResult) -> str:
    if facts.evaluation.season is not None and facts.evaluation.season.shifted:
        return "high"
    return "low" if test.ece <= chance_ece(facts).most else "medium"


def _level(share: float, medium: float, high: float) -> str:
    return "high" if share >= high else "medium" if share >= medium else "low"
