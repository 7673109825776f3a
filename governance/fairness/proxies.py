"""Whether a model's features stand in for a protected attribute: what the proxy check says."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from governance.intervals import Interval, as_json, from_json

WEAK, CLEAR = 0.6, 0.75
"""AUC below which a proxy is called weak, and below which it is called clear; else strong."""


class Carrier(NamedTuple):
    """A feature by which a group can be told.

    `auc_drop`: how much worse the group is told when the feature is shuffled among held-out people.
    `score_share`: the feature's part, 0 to 1, in all that moves the model's own scores.
    """

    feature: str
    auc_drop: float
    score_share: float


class Proxy(NamedTuple):
    """Can one group be told from everyone else by the model's features, on held-out people?

    `auc`: of a pair of one inside and one outside the group, how often the first is told from the
    second; 0.5 is a coin; None where too few people are inside or outside. `verdict`: `proxy`,
    `none found` or `cannot say`. `carriers`: the features that carry it, strongest first.
    """

    attribute: str
    group: str
    auc: Interval | None
    verdict: str
    carriers: tuple[Carrier, ...] = ()

    @property
    def strength(self) -> str:
        """weak, clear or strong for a proxy, else empty."""
        if self.verdict != "proxy" or self.auc is None:
            return ""
        if self.auc.value < WEAK:
            return "weak"
        return "clear" if self.auc.value < CLEAR else "strong"

    @property
    def score_share(self) -> float:
        """The carriers' part, together, in all that moves the score."""
        return sum(each.score_share for each in self.carriers)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return self._asdict() | {
            "auc": as_json(self.auc),
            "carriers": [each._asdict() for each in self.carriers],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Proxy":
        """Read what `to_json` wrote."""
        carriers = tuple(Carrier(**each) for each in plain["carriers"])
        return cls(**{**plain, "auc": from_json(plain["auc"]), "carriers": carriers})
