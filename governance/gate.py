"""May this model be put before a reviewer? Rules with reasons; "not enough evidence" is one."""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, NamedTuple

from governance.fairness_record import FairnessResult
from governance.model_card import ModelFacts


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What a model must show.

    The paired AUC difference to every baseline must have a lower bound above
    `min_auc_over_baseline_low`; calibration error beyond what chance makes in so few people must
    stay within `max_ece`; the test needs `min_test_positives` people of either outcome. With
    `fairness_required` a model whose fairness cannot be said is not approved.
    """

    min_auc_over_baseline_low: float = -0.01
    max_ece: float = 0.05
    min_test_positives: int = 30
    max_rate_gap: float = 0.10
    max_calibration_gap: float = 0.05
    min_group: int = 30
    fairness_required: bool = False


class GateVerdict(NamedTuple):
    """approved, refused or insufficient_evidence; every reason, and conditions to live with."""

    outcome: str
    reasons: tuple[str, ...]
    conditions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the shape of the interface."""
        return {
            "outcome": self.outcome,
            "reasons": list(self.reasons),
            "conditions": list(self.conditions),
        }


def decide(facts: ModelFacts, fairness: FairnessResult, policy: GatePolicy) -> GateVerdict:
    """Hold a model against the policy; refusals outweigh missing evidence."""
    refused = [*_performance(facts, policy), *_fairness_failures(fairness)]
    missing = [*_thin_test(facts, policy), *_fairness_missing(fairness, policy)]
    conditions = tuple(_conditions(facts, fairness, policy))
    if refused:
        return GateVerdict("refused", tuple(refused + missing), conditions)
    if missing:
        return GateVerdict("insufficient_evidence", tuple(missing), conditions)
    return GateVerdict("approved", (), conditions)


def chance_ece(facts: ModelFacts) -> float:
    """Give the calibration error that a perfectly calibrated model would show in these bins.

    Per bin the mean absolute deviation of a share, √(2p(1 − p) ÷ πn), weighted by its people.
    """
    people = sum(b.n for b in facts.reliability)
    if people == 0:
        return 0.0
    expected = (
        b.n * sqrt(2 * b.predicted * (1 - b.predicted) / (pi * b.n))
        for b in facts.reliability
        if b.n > 0 and 0 <= b.predicted <= 1
    )
    return sum(expected) / people


def _performance(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    found = []
    for name, difference in facts.differences.items():
        if difference.low <= policy.min_auc_over_baseline_low:
            found.append(
                f"not shown to be as good as {name}: AUC difference {difference}, its lower bound "
                f"must exceed {policy.min_auc_over_baseline_low}"
            )
    chance = chance_ece(facts)
    if facts.test.ece - chance > policy.max_ece:
        found.append(
            f"probabilities are off by {facts.test.ece:.3f} on average, {chance:.3f} of it is "
            f"chance; at most {policy.max_ece} beyond chance is allowed"
        )
    if facts.test.auc.high <= 0.5:
        found.append(f"ranks no better than a coin: AUC {facts.test.auc}")
    return found


def _thin_test(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    needed = policy.min_test_positives
    fewest = min(facts.test.positives, facts.test.n - facts.test.positives)
    if fewest >= needed:
        return []
    return [f"the test holds {fewest} people of the rarer outcome, {needed} are needed"]


def _fairness_failures(fairness: FairnessResult) -> list[str]:
    if fairness.outcome != "fail":
        return []
    found = [f"unequal treatment: {finding.text}" for finding in fairness.failures]
    return found or [f"unequal treatment: {fairness.reason}"]


def _fairness_missing(fairness: FairnessResult, policy: GatePolicy) -> list[str]:
    if not policy.fairness_required or fairness.outcome in ("pass", "fail"):
        return []
    return [f"fairness is required and was not shown: {fairness.reason}"]


def _conditions(facts: ModelFacts, fairness: FairnessResult, policy: GatePolicy) -> list[str]:
    found = []
    if fairness.outcome == "not_assessed":
        found.append(f"fairness was not assessed ({fairness.reason}): stays out of mode `act`")
    elif fairness.outcome == "insufficient_evidence":
        found.append(f"fairness cannot be said ({fairness.reason}): stays out of mode `act`")
    if not facts.differences:
        found.append("no baseline was compared with")
    if facts.contaminated_rows:
        found.append(
            f"{facts.contaminated_rows} rows were left out because we had acted within the horizon"
        )
    return found
