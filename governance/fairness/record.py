"""What a fairness audit says: groups, comparisons and the verdict they add up to."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from scipy import special

from governance.fairness.mitigation import Mitigation
from governance.fairness.proxies import Proxy
from governance.intervals import Interval, as_json, from_json

NOT_KNOWN = "not known"
"""The row of those whose attribute nobody stated: counted and shown, never compared."""

_HALF_WIDTH = 1.959963984540054  # of a 95 % interval, in standard errors


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on a gap between groups is a failure, and how many people a statement needs.

    Gaps are in shares (0.10 is ten percentage points): `max_rate_gap` for true and false positive
    rates, `max_calibration_gap` for predicted minus observed. `min_group` people are compared,
    cells below `min_cell` are not shown.
    """

    max_rate_gap: float = 0.10
    max_calibration_gap: float = 0.05
    min_group: int = 30
    min_cell: int = 5


class GroupCell(NamedTuple):
    """One group: counts and rates; all None but the names where it is too small to show.

    `positives` left in truth, `selected` were flagged by the model. selection_rate = selected ÷ n,
    tpr = flagged among positives, fpr = flagged among negatives, fnr = 1 − tpr, ppv = positives
    among flagged. A rate is None when nobody is in its denominator.
    """

    attribute: str
    group: str
    n: int | None
    positives: int | None = None
    negatives: int | None = None
    selected: int | None = None
    true_positives: int | None = None
    false_positives: int | None = None
    selection_rate: Interval | None = None
    tpr: Interval | None = None
    fpr: Interval | None = None
    fnr: Interval | None = None
    ppv: Interval | None = None

    @property
    def shown(self) -> bool:
        """Whether the group is large enough to be shown."""
        return self.n is not None


class ImpactRatio(NamedTuple):
    """Selection rate against that of the group selected most; None when not estimable."""

    attribute: str
    group: str
    reference: str
    ratio: Interval | None
    below_four_fifths: bool | None


class GroupCalibration(NamedTuple):
    """Mean predicted probability beside the observed share of one group.

    `error`: mean gap between predicted and observed over the group's bins, `chance`: what chance
    alone makes of it among so few people; None where there are too few for two bins.
    """

    attribute: str
    group: str
    n: int
    predicted: float
    observed: Interval
    error: float | None = None
    chance: float | None = None


class GroupBin(NamedTuple):
    """Of `n` people of a group with like scores: mean predicted probability, and what came."""

    attribute: str
    group: str
    n: int
    predicted: float
    observed: Interval


class SweepPoint(NamedTuple):
    """Rates of one group if everyone from `threshold` on were selected."""

    attribute: str
    group: str
    threshold: float
    selection_rate: Interval
    tpr: Interval | None = None
    fpr: Interval | None = None


class Difference(NamedTuple):
    """How far one group's rate lies from the largest group's, and from that of all groups shown.

    `from_largest` is None for the largest group itself, whose name is in `reference`, and for
    intersections; either is None when nobody is in a denominator.
    """

    attribute: str
    group: str
    measure: str
    reference: str
    from_largest: Interval | None
    from_all: Interval | None


class Thin(NamedTuple):
    """A group that is shown and yet too small for some comparison, and what exactly is thin."""

    attribute: str
    group: str
    what: str


class Finding(NamedTuple):
    """One comparison: `fail`, `pass`, or `cannot_say` when the interval spans the limit."""

    attribute: str
    group: str
    measure: str
    reference: str
    difference: Interval
    limit: float
    verdict: str
    text: str


class ByChance(NamedTuple):
    """How many of the comparisons would fail by chance alone, on average.

    `alike`: if every true gap were 0; `at_limit`: if every true gap were exactly at its limit.
    """

    comparisons: int
    alike: float
    at_limit: float


@dataclass(frozen=True, kw_only=True)
class FairnessResult:
    """pass, fail, insufficient_evidence or not_assessed, with everything it rests on.

    `unknown` is one cell per attribute, of those whose group nobody knows. `proxies` and
    `mitigations` are empty where they were not asked for or could not be.
    """

    outcome: str
    reason: str
    limits: Limits
    n: int = 0
    groups: tuple[GroupCell, ...] = ()
    intersections: tuple[GroupCell, ...] = ()
    impact_ratios: tuple[ImpactRatio, ...] = ()
    differences: tuple[Difference, ...] = ()
    calibration: tuple[GroupCalibration, ...] = ()
    bins: tuple[GroupBin, ...] = ()
    sweep: tuple[SweepPoint, ...] = ()
    findings: tuple[Finding, ...] = ()
    unknown: tuple[GroupCell, ...] = ()
    thin: tuple[Thin, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    mitigations: tuple[Mitigation, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The comparisons that lie wholly beyond their limit."""
        return tuple(finding for finding in self.findings if finding.verdict == "fail")

    @property
    def gaps(self) -> tuple[Finding, ...]:
        """The comparisons whose whole interval lies on one side of 0: alike they are not."""
        return tuple(f for f in self.findings if f.difference.low > 0 or f.difference.high < 0)

    @property
    def by_chance(self) -> ByChance:
        """How many comparisons there were and how many would fail by chance (normal errors)."""
        alike = 0.0
        for each in self.findings:
            error = (each.difference.high - each.difference.low) / (2 * _HALF_WIDTH)
            if error > 0:
                alike += 2 * float(special.ndtr(-(each.limit / error + _HALF_WIDTH)))
        n = len(self.findings)
        return ByChance(n, alike, n * float(special.ndtr(-_HALF_WIDTH)))

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON; intervals as value, low, high."""
        plain: dict[str, Any] = {
            "outcome": self.outcome,
            "reason": self.reason,
            "n": self.n,
            "limits": asdict(self.limits),
        }
        for name in _ROWS:
            plain[name] = [_plain(row) for row in getattr(self, name)]
        plain["by_chance"] = self.by_chance._asdict()
        plain["proxies"] = [each.to_json() for each in self.proxies]
        plain["mitigations"] = [each.to_json() for each in self.mitigations]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "FairnessResult":
        """Read what `to_json` wrote; rows an earlier version did not know are empty."""
        rows = {
            name: tuple(make(**_values(row)) for row in plain.get(name, ()))
            for name, make in _ROWS.items()
        }
        return cls(
            outcome=plain["outcome"],
            reason=plain["reason"],
            limits=Limits(**plain["limits"]),
            n=plain["n"],
            **rows,
            proxies=tuple(map(Proxy.from_json, plain.get("proxies", ()))),
            mitigations=tuple(map(Mitigation.from_json, plain.get("mitigations", ()))),
        )


def _unknown(group: str = NOT_KNOWN, **counts: Any) -> GroupCell:
    return GroupCell(group=group, **counts)


_ROWS: Mapping[str, Callable[..., Any]] = {
    "groups": GroupCell,
    "intersections": GroupCell,
    "impact_ratios": ImpactRatio,
    "differences": Difference,
    "calibration": GroupCalibration,
    "bins": GroupBin,
    "sweep": SweepPoint,
    "findings": Finding,
    "unknown": _unknown,
    "thin": Thin,
}


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: from_json(v) if isinstance(v, dict) else v for k, v in row.items()}


def _plain(row: Any) -> dict[str, Any]:
    found = row._asdict()
    return {k: as_json(v) if isinstance(v, Interval) else v for k, v in found.items()}
