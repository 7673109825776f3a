"""The gate: which models may be put before a reviewer."""

from typing import Any

import pytest

from governance.fairness.assess import FairnessResult, Limits, not_assessed
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.checks import LeakCheck, Shift
from governance.model.gate import GatePolicy, chance_ece, decide
from tests.governance.sample import facts, result

FAIR = FairnessResult(outcome="pass", reason="no gap", limits=Limits())
UNFAIR = FairnessResult(outcome="fail", reason="a gap in group b", limits=Limits())
THIN = FairnessResult(outcome="insufficient_evidence", reason="too few", limits=Limits())
UNSAID = not_assessed("no attributes")
NOT_LOOKED = LeakCheck("future", "not_run", "no history was kept to look at")
MOVED = (Shift("score", "shifted", Interval(0.35, 0.25, 0.5)),)
MISSING = "insufficient_evidence"
WORSE = {"recency": Interval(-0.01, -0.03, 0.01)}


@pytest.mark.parametrize(
    ("changed", "fairness", "policy", "outcome"),
    [
        ({}, FAIR, {}, "approved"),
        ({}, UNSAID, {}, "approved"),
        ({}, THIN, {}, "approved"),
        ({}, UNFAIR, {}, "refused"),
        ({}, UNSAID, {"fairness_required": True}, "insufficient_evidence"),
        ({}, THIN, {"fairness_required": True}, "insufficient_evidence"),
        ({"differences": WORSE}, FAIR, {}, "refused"),
        ({"differences": {"recency": Interval(0.03, -0.02, 0.08)}}, FAIR, {}, MISSING),
        ({"differences": {"recency": Interval(-0.005, -0.009, -0.001)}}, FAIR, {}, "approved"),
        ({"differences": {"recency": Interval(-0.02, -0.03, -0.01)}}, FAIR, {}, "refused"),
        ({"differences": WORSE}, FAIR, {"min_auc_over_baseline_low": -0.05}, "approved"),
        ({"test": result(ece=0.13)}, FAIR, {}, "approved"),  # up to 8.2 points of it are chance
        ({"test": result(ece=0.14)}, FAIR, {}, "refused"),
        ({"test": result(ece=0.09), "reliability": ()}, FAIR, {}, "refused"),
        ({"test": result(0.46)}, FAIR, {}, "refused"),
        ({"test": result(positives=12)}, FAIR, {}, "insufficient_evidence"),
        ({"test": result(positives=890)}, FAIR, {}, "insufficient_evidence"),
        ({"test": result(positives=12), "differences": WORSE}, FAIR, {}, "refused"),
        ({"leak_checks": ()}, FAIR, {}, "insufficient_evidence"),
        ({"leak_checks": (NOT_LOOKED,)}, FAIR, {}, "insufficient_evidence"),
        ({"drift": MOVED}, FAIR, {}, "approved"),
        ({"drift": MOVED}, FAIR, {"max_score_psi": 0.2}, "refused"),
        ({"drift": MOVED}, FAIR, {"max_score_psi": 0.3}, "approved"),  # the interval reaches below
        ({}, FAIR, {"min_permission_share": 0.9}, "insufficient_evidence"),  # 1,300 of 1,570 did
        ({}, FAIR, {"min_permission_share": 0.8}, "approved"),
    ],
)
def test_the_gate_decides(
    changed: dict[str, Any], fairness: FairnessResult, policy: dict[str, Any], outcome: str
) -> None:
    verdict = decide(facts(**changed), fairness, GatePolicy(**policy))
    assert verdict.outcome == outcome
    assert bool(verdict.reasons) == (outcome != "approved")


def test_what_was_not_assessed_is_a_condition() -> None:
    conditions = decide(facts(), UNSAID, GatePolicy()).conditions
    assert any("not assessed" in condition for condition in conditions)


def test_what_moved_and_who_is_missing_are_conditions() -> None:
    made = facts(drift=MOVED, permission={"permitted": 30, "refused:no_record": 70})
    conditions = decide(made, FAIR, GatePolicy()).conditions
    assert any("moved between training and test: score" in each for each in conditions)
    assert any("the 30 % of the customers who permit" in each for each in conditions)


def test_chance_alone_makes_a_calibration_error() -> None:
    """Hand-worked over p = .05, .2, .35, .6 with 100 people each, standing for 15 finer bins.

    Expected: Σ √(2p(1 − p) ÷ 100π · 15 ÷ 4) ÷ 4. At most: that + 1.645 √(Σ (1 − 2 ÷ π) p(1 − p) ÷
    100) ÷ 4.
    """
    found = chance_ece(facts())
    assert found.expected == pytest.approx(0.06122, abs=1e-5)
    assert found.most == pytest.approx(0.08158, abs=1e-5)


def test_an_error_that_may_be_chance_is_a_condition() -> None:
    conditions = decide(facts(test=result(ece=0.12)), FAIR, GatePolicy()).conditions
    assert any("cannot be told from chance" in condition for condition in conditions)


def test_every_limit_that_is_asked_goes_on_record() -> None:
    limits = GatePolicy(max_ece=0.1).thresholds
    assert limits["max_ece"] == 0.1
    assert limits["fairness_required"] == 0.0
    assert "max_score_psi" not in limits


def test_facts_survive_json() -> None:
    assert ModelFacts.from_json(facts().to_text()) == facts()
