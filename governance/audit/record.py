"""Everything an audit report is made of: what was judged, who signed, what happened since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from governance.audit.practice import Practice
from governance.audit.process_record import EthicsFigures
from governance.audit.provenance import Provenance
from governance.fairness.record import FairnessResult
from governance.instants import to_text
from governance.intervals import Interval, as_json
from governance.model.card import ModelFacts
from governance.model.gate import GateVerdict
from governance.signing.record import Review

_OUTCOME = {
    "approved": "pass",
    "refused": "fail",
    "insufficient_evidence": "insufficient evidence",
}
SUBSTANCE = ("facts", "fairness", "gate")
"""The parts of a report that stay as they were when the model was judged; a review signs them."""


def verdict_word(gate_outcome: str) -> str:
    """Say a gate's outcome as a report does: pass, fail or insufficient evidence."""
    return _OUTCOME[gate_outcome]


class SignOff(NamedTuple):
    """A signed review as it is printed; with the public key (hex) it verifies without a database.

    `fits` says whether it did when the report was drawn; `enrolled` who stands behind the key.
    """

    review: Review
    public_key: str
    enrolled: str
    fits: bool

    def to_json(self) -> dict[str, Any]:
        """Give every field that was signed, and what verifies it."""
        review = self.review
        return review._asdict() | {
            "conditions": list(review.conditions),
            "signed_at": to_text(review.signed_at),
            "expires_at": to_text(review.expires_at),
            "public_key": self.public_key,
            "enrolled": self.enrolled,
            "fits": self.fits,
        }


class Before(NamedTuple):
    """The last signed model of the target before this one, with its audit and who signed it."""

    facts: ModelFacts
    fairness: FairnessResult | None
    reviewer: str
    signed_at: datetime


class FeatureDrift(NamedTuple):
    """How far one feature has moved since training (population stability index)."""

    feature: str
    status: str
    psi: Interval | None


class DriftStanding(NamedTuple):
    """Where the last look left the model: `status` is fine, watch or retrain, with its reasons.

    `score_psi` is that of the scores; `auc` and `gap` are those realised since, where they are
    known. `features` are those that are not steady.
    """

    looked_at: datetime
    status: str
    reasons: tuple[str, ...]
    people: int
    score_psi: Interval | None
    features: tuple[FeatureDrift, ...]
    auc: Interval | None
    gap: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return {
            "looked_at": to_text(self.looked_at),
            "status": self.status,
            "reasons": list(self.reasons),
            "people": self.people,
            "score_psi": as_json(self.score_psi),
            "features": [f._asdict() | {"psi": as_json(f.psi)} for f in self.features],
            "auc": as_json(self.auc),
            "gap": as_json(self.gap),
        }


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What a report says, and from what.

    `stored` holds facts, fairness and gate as they were written when the model was judged; a report
    that is drawn again repeats them letter by letter. `before` is the last signed model. What is
    None was not measured, and the report says so.
    """

    facts: ModelFacts
    fairness: FairnessResult
    verdict: GateVerdict
    generated_at: datetime
    stored: Mapping[str, Any] | None = None
    before: Before | None = None
    sign_offs: tuple[SignOff, ...] = ()
    practice: Practice | None = None
    provenance: Provenance | None = None
    drift: DriftStanding | None = None
    process: EthicsFigures | None = None

    @property
    def outcome(self) -> str:
        """pass, fail or insufficient evidence."""
        return verdict_word(self.verdict.outcome)

    @property
    def substance(self) -> dict[str, Any]:
        """Facts, fairness and gate as plain JSON: what a reviewer signs."""
        if self.stored is not None:
            return {name: self.stored[name] for name in SUBSTANCE}
        return {
            "facts": self.facts.to_json(),
            "fairness": self.fairness.to_json(),
            "gate": self.verdict.to_json(),
        }
