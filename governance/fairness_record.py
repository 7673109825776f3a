"""What a fairness audit says: groups, comparisons and the verdict they add up to."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from governance.intervals import Interval, as_json, from_json, wilson


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
    """Mean predicted probability beside the observed share of one group."""

    attribute: str
    group: str
    n: int
    predicted: float
    observed: Interval


class SweepPoint(NamedTuple):
    """Selection rate of one group if everyone from `threshold` on were selected."""

    attribute: str
    group: str
    threshold: float
    selection_rate: Interval


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


class Unknown(NamedTuple):
    """How many people's attribute is not known; None when too few to show."""

    attribute: str
    n: int | None


@dataclass(frozen=True, kw_only=True)
class FairnessResult:
    """pass, fail, insufficient_evidence or not_assessed, with everything it rests on."""

    outcome: str
    reason: str
    limits: Limits
    n: int = 0
    groups: tuple[GroupCell, ...] = ()
    intersections: tuple[GroupCell, ...] = ()
    impact_ratios: tuple[ImpactRatio, ...] = ()
    calibration: tuple[GroupCalibration, ...] = ()
    sweep: tuple[SweepPoint, ...] = ()
    findings: tuple[Finding, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The comparisons that lie wholly beyond their limit."""
        return tuple(finding for finding in self.findings if finding.verdict == "fail")

    @property
    def gaps(self) -> tuple[Finding, ...]:
        """The comparisons whose whole interval lies on one side of 0: alike they are not."""
        return tuple(f for f in self.findings if f.difference.low > 0 or f.difference.high < 0)

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
        )


_ROWS: Mapping[str, Callable[..., Any]] = {
    "groups": GroupCell,
    "intersections": GroupCell,
    "impact_ratios": ImpactRatio,
    "calibration": GroupCalibration,
    "sweep": SweepPoint,
    "findings": Finding,
    "unknown": Unknown,
}


def group_cell(
    attribute: str, group: str, *, n: int, positives: int, selected: int, true_positives: int
) -> GroupCell:
    """Make the cell of one group from its four counts."""
    negatives, false_positives = n - positives, selected - true_positives
    return GroupCell(
        attribute=attribute,
        group=group,
        n=n,
        positives=positives,
        negatives=negatives,
        selected=selected,
        true_positives=true_positives,
        false_positives=false_positives,
        selection_rate=wilson(selected, n),
        tpr=wilson(true_positives, positives),
        fpr=wilson(false_positives, negatives),
        fnr=wilson(positives - true_positives, positives),
        ppv=wilson(true_positives, selected),
    )


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: from_json(v) if isinstance(v, dict) else v for k, v in row.items()}


def _plain(row: Any) -> dict[str, Any]:
    found = row._asdict()
    return {k: as_json(v) if isinstance(v, Interval) else v for k, v in found.items()}
