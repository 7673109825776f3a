"""May this model be put before a reviewer? Rules with reasons; "not enough evidence" is one."""

from dataclasses import asdict, dataclass
from math import pi, sqrt
from typing import Any, NamedTuple

from governance.fairness.record import FairnessResult
from governance.intervals import Interval
from governance.model.card import ECE_BINS, ModelFacts
from governance.model.checks import SCORE

_MANY = 0.5
_ONE_SIDED = 1.6448536269514722  # 95 % quantile of the normal distribution


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What a model must show.

    The paired AUC difference to every baseline must have a lower bound above
    `min_auc_over_baseline_low`: a model that ranks worse than that is refused, one of which it
    cannot be told has not enough evidence. Calibration error beyond what chance may make in so few
    people must stay within `max_ece`; the test needs `min_test_positives` people of either outcome.
    With `fairness_required` a model whose fairness cannot be said is not approved. Every look for
    leaks must have passed. With `max_score_psi` scores that moved further between training and
    test, by their whole interval, refuse; at least `min_permission_share` of the customers must
    have permitted training.
    """

    min_auc_over_baseline_low: float = -0.01
    max_ece: float = 0.05
    min_test_positives: int = 30
    max_rate_gap: float = 0.10
    max_calibration_gap: float = 0.05
    min_group: int = 30
    fairness_required: bool = False
    max_score_psi: float | None = None
    min_permission_share: float = 0.0

    @property
    def thresholds(self) -> dict[str, float]:
        """Every limit as a number, for the record of a run; what is not asked is left out."""
        return {name: float(each) for name, each in asdict(self).items() if each is not None}


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
    refused = [
        *_performance(facts, policy),
        *_fairness_failures(fairness),
        *_drift(facts, policy),
    ]
    missing = [
        *_not_shown_as_good(facts, policy),
        *_thin_test(facts, policy),
        *_fairness_missing(fairness, policy),
        *_leak_checks_missing(facts),
        *_permission_missing(facts, policy),
    ]
    conditions = tuple(_conditions(facts, fairness, policy))
    if refused:
        return GateVerdict("refused", tuple(refused + missing), conditions)
    if missing:
        return GateVerdict("insufficient_evidence", tuple(missing), conditions)
    return GateVerdict("approved", (), conditions)


class ChanceError(NamedTuple):
    """The calibration error that a perfectly calibrated model would show: on average, and at most.

    `most` is passed by chance in 1 of 20 tests (normal approximation).
    """

    expected: float
    most: float


def chance_ece(facts: ModelFacts) -> ChanceError:
    """Say how large a calibration error chance alone makes among so few people.

    Per bin of n people at rate p a share deviates by √(2p(1 − p) ÷ πn) on average, with variance
    (1 − 2 ÷ π) p(1 − p) ÷ n; the shown bins stand for the `ECE_BINS` finer ones that were measured.
    """
    bins = [b for b in facts.reliability if b.n > 0 and 0 <= b.predicted <= 1]
    people = sum(b.n for b in bins)
    if not people:
        return ChanceError(0.0, 0.0)
    finer = ECE_BINS / len(bins)
    rates = [(b.n / people, b.predicted * (1 - b.predicted) / b.n) for b in bins]
    expected = sum(share * sqrt(2 * variance * finer / pi) for share, variance in rates)
    spread = sqrt(sum(share**2 * (1 - 2 / pi) * variance for share, variance in rates))
    return ChanceError(expected, expected + _ONE_SIDED * spread)


def _performance(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    found = []
    for name, difference in facts.differences.items():
        if _is_worse(difference, policy):
            found.append(
                f"ranks worse than {name} by more than is allowed: AUC difference {difference}, "
                f"at least {policy.min_auc_over_baseline_low} is asked for"
            )
    chance = chance_ece(facts)
    if facts.test.ece - chance.most > policy.max_ece:
        found.append(
            f"probabilities are off by {facts.test.ece:.3f} on average, at most {chance.most:.3f} "
            f"of it is chance; at most {policy.max_ece} beyond chance is allowed"
        )
    if facts.test.auc.high <= 0.5:
        found.append(f"ranks no better than a coin: AUC {facts.test.auc}")
    return found


def _is_worse(difference: Interval, policy: GatePolicy) -> bool:
    return difference.value <= policy.min_auc_over_baseline_low


def _not_shown_as_good(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    limit = policy.min_auc_over_baseline_low
    return [
        f"not shown to be as good as {name}: AUC difference {difference}, its lower bound must "
        f"exceed {limit}"
        for name, difference in facts.differences.items()
        if difference.low <= limit and not _is_worse(difference, policy)
    ]


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


def _drift(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    most = policy.max_score_psi
    return [
        f"scores moved too far between training and test: PSI {each.psi}, at most {most}"
        for each in facts.drift
        if most is not None and each.what == SCORE and each.psi and each.psi.low > most
    ]


def _leak_checks_missing(facts: ModelFacts) -> list[str]:
    if not facts.leak_checks:
        return ["nothing says that leaks were looked for"]
    return [
        f"the look for a leak was not done: {each.text}"
        for each in facts.leak_checks
        if each.outcome != "passed"
    ]


def permission_share(facts: ModelFacts) -> float | None:
    """Give the share of all customers who permitted training; None where nobody was counted."""
    asked = sum(facts.permission.values())
    return facts.permission.get("permitted", 0) / asked if asked else None


def _permission_missing(facts: ModelFacts, policy: GatePolicy) -> list[str]:
    share = permission_share(facts)
    if share is None or share >= policy.min_permission_share:
        return []
    return [
        f"{100 * share:.0f} % of the customers permitted training, at least "
        f"{100 * policy.min_permission_share:.0f} % are asked for"
    ]


def _conditions(facts: ModelFacts, fairness: FairnessResult, policy: GatePolicy) -> list[str]:
    found = []
    chance = chance_ece(facts)
    if chance.expected + policy.max_ece < facts.test.ece <= chance.most + policy.max_ece:
        found.append(
            f"probabilities are off by {facts.test.ece:.3f} on average; among so few people this "
            "cannot be told from chance: read the intervals"
        )
    if fairness.outcome == "not_assessed":
        found.append(f"fairness was not assessed ({fairness.reason}): stays out of mode `act`")
    elif fairness.outcome == "insufficient_evidence":
        found.append(f"fairness cannot be said ({fairness.reason}): stays out of mode `act`")
    proposal = facts.evaluation.proposal
    if proposal is not None and proposal.outcome == "keep_champion":
        found.append(
            f"keep the champion: {proposal.reason}; approving this one all the same is a "
            "person's own decision, with a reason of its own"
        )
    share = permission_share(facts)
    if share is not None and share < _MANY:
        found.append(
            f"it learned from the {100 * share:.0f} % of the customers who permit training and "
            "speaks for people like them"
        )
    moved = [each.what for each in facts.drift if each.outcome in ("shifted", "gone")]
    if moved:
        found.append("moved between training and test: " + ", ".join(moved[:5]))
    if not facts.differences:
        found.append("no baseline was compared with")
    if facts.contaminated_rows:
        found.append(
            f"{facts.contaminated_rows} rows were left out because we had acted within the horizon"
        )
    return found
