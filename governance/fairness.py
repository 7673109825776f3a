"""Does the model treat groups of people alike? Counts of our own, every rate with its interval.

fairlearn counts per group; numerators, denominators and intervals are ours, because a group
without positives has no true positive rate at all (not one of 0). A finding needs evidence: a gap
counts as a failure only when its whole 95 % interval lies beyond the limit, and "cannot say" is an
answer. Cells below five people are not shown, nor what would give them away by subtraction.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from fairlearn.metrics import MetricFrame
from numpy.typing import ArrayLike, NDArray

from governance.errors import InvalidInput
from governance.fairness_record import (
    FairnessResult,
    Finding,
    GroupCalibration,
    GroupCell,
    ImpactRatio,
    Limits,
    SweepPoint,
    Unknown,
    group_cell,
)
from governance.intervals import Interval, newcombe, share_ratio, wilson
from governance.small_cells import hidden_cells, hidden_grid

__all__ = ["FairnessResult", "GroupCell", "Limits", "assess", "not_assessed"]

FOUR_FIFTHS = 0.8
_MIN_DENOMINATOR_SHARE = 3


def not_assessed(reason: str) -> FairnessResult:
    """Say that fairness was not assessed, and why."""
    return FairnessResult(outcome="not_assessed", reason=reason, limits=Limits())


def assess(
    y_true: ArrayLike,
    score: ArrayLike,
    selected: ArrayLike,
    attributes: Mapping[str, Sequence[str | None]],
    *,
    limits: Limits | None = None,
) -> FairnessResult:
    """Compare groups of people.

    `y_true` (0/1), `score` (probability) and `selected` (flagged or not) have shape `(n,)`, one
    entry per person, and so has every attribute; None in an attribute means unknown.
    """
    limits = limits or Limits()
    truth, probability = np.asarray(y_true, dtype=bool), np.asarray(score, dtype=np.float64)
    flagged = np.asarray(selected, dtype=bool)
    _check_shapes(truth, probability, flagged, attributes)
    if not attributes:
        return not_assessed("there are no protected attributes to assess by")
    if truth.size == 0:
        return not_assessed("there is nobody in the test set")
    return _Audit(truth, probability, flagged, limits).result(attributes)


class _Audit:
    def __init__(
        self,
        truth: NDArray[np.bool_],
        probability: NDArray[np.float64],
        flagged: NDArray[np.bool_],
        limits: Limits,
    ) -> None:
        self.truth, self.probability, self.flagged = truth, probability, flagged
        self.limits = limits

    def result(self, attributes: Mapping[str, Sequence[str | None]]) -> FairnessResult:
        n = self.truth.size
        groups: list[GroupCell] = []
        unknown: list[Unknown] = []
        ratios: list[ImpactRatio] = []
        calibration: list[GroupCalibration] = []
        sweep: list[SweepPoint] = []
        findings: list[Finding] = []
        thin: list[str] = []
        for name, values in attributes.items():
            labels = np.asarray(["" if v is None else str(v) for v in values], dtype=object)
            cells = self.cells(name, labels)
            missing = int((labels == "").sum())
            sizes = {cell.group: cell.n or 0 for cell in cells} | {"": missing}
            hidden = hidden_cells(sizes, self.limits.min_cell)
            shown = [_hide(cell) if cell.group in hidden else cell for cell in cells]
            groups.extend(shown)
            unknown.append(Unknown(name, None if "" in hidden else missing))
            large = [c for c in shown if c.n is not None and c.n >= self.limits.min_group]
            ratios.extend(_impact(large))
            calibration.extend(self.calibrations(name, labels, large))
            sweep.extend(self.sweep(name, labels, large))
            found = [*self.gaps(large), *self.calibration_gaps(calibration, name)]
            findings.extend(found)
            if len(large) < 2 or not any(f.measure != "calibration" for f in found):
                thin.append(name)
        outcome, reason = _verdict(findings, thin, self.limits)
        return FairnessResult(
            outcome=outcome,
            reason=reason,
            limits=self.limits,
            n=n,
            groups=tuple(groups),
            intersections=tuple(self.intersections(attributes)),
            impact_ratios=tuple(ratios),
            calibration=tuple(calibration),
            sweep=tuple(sweep),
            findings=tuple(findings),
            unknown=tuple(unknown),
        )

    def cells(self, name: str, labels: NDArray[np.object_]) -> list[GroupCell]:
        known = labels != ""
        if not known.any():
            return []
        frame = MetricFrame(
            metrics={
                "n": lambda t, _: int(t.size),
                "positives": lambda t, _: int(t.sum()),
                "selected": lambda _, s: int(s.sum()),
                "true_positives": lambda t, s: int((t & s).sum()),
            },
            y_true=self.truth[known],
            y_pred=self.flagged[known],
            sensitive_features=labels[known],
        )
        counts = frame.by_group
        return [
            group_cell(
                name,
                str(group),
                n=int(row["n"]),
                positives=int(row["positives"]),
                selected=int(row["selected"]),
                true_positives=int(row["true_positives"]),
            )
            for group, row in counts.iterrows()
        ]

    def intersections(self, attributes: Mapping[str, Sequence[str | None]]) -> Iterator[GroupCell]:
        for (a, left), (b, right) in combinations(attributes.items(), 2):
            pairs = [
                None if x is None or y is None else (str(x), str(y))
                for x, y in zip(left, right, strict=True)
            ]
            hidden = hidden_grid(Counter(p for p in pairs if p is not None), self.limits.min_cell)
            unseen = {_pair(pair) for pair in hidden}
            labels = np.asarray(["" if p is None else _pair(p) for p in pairs], dtype=object)
            for cell in self.cells(f"{a} × {b}", labels):
                yield _hide(cell) if cell.group in unseen else cell

    def calibrations(
        self, name: str, labels: NDArray[np.object_], large: Sequence[GroupCell]
    ) -> Iterator[GroupCalibration]:
        for cell in large:
            assert cell.n is not None and cell.positives is not None  # noqa: PT018
            observed = wilson(cell.positives, cell.n)
            assert observed is not None
            predicted = float(self.probability[labels == cell.group].mean())
            yield GroupCalibration(name, cell.group, cell.n, predicted, observed)

    def sweep(
        self, name: str, labels: NDArray[np.object_], large: Sequence[GroupCell]
    ) -> Iterator[SweepPoint]:
        for threshold in np.quantile(self.probability, [0.5, 0.6, 0.7, 0.8, 0.9]):
            for cell in large:
                chosen = self.probability[labels == cell.group] >= threshold
                rate = wilson(int(chosen.sum()), chosen.size)
                if rate is not None:
                    yield SweepPoint(name, cell.group, float(threshold), rate)

    def gaps(self, large: Sequence[GroupCell]) -> Iterator[Finding]:
        if len(large) < 2:
            return
        reference = max(large, key=lambda cell: cell.n or 0)
        least = max(self.limits.min_cell, self.limits.min_group // _MIN_DENOMINATOR_SHARE)
        for cell in large:
            if cell is reference:
                continue
            for measure, hits, base in (
                ("false positive rate", "false_positives", "negatives"),
                ("true positive rate", "true_positives", "positives"),
            ):
                s1, n1 = getattr(cell, hits), getattr(cell, base)
                s2, n2 = getattr(reference, hits), getattr(reference, base)
                gap = newcombe(s1, n1, s2, n2) if min(n1, n2) >= least else None
                if gap is not None:
                    yield _finding(
                        cell.attribute, cell.group, measure, reference.group, gap,
                        self.limits.max_rate_gap,
                    )  # fmt: skip

    def calibration_gaps(
        self, calibration: Sequence[GroupCalibration], name: str
    ) -> Iterator[Finding]:
        for cell in calibration:
            if cell.attribute != name:
                continue
            o = cell.observed
            gap = Interval(
                cell.predicted - o.value, cell.predicted - o.high, cell.predicted - o.low, o.level
            )
            yield _finding(
                name, cell.group, "calibration", "what was observed", gap,
                self.limits.max_calibration_gap,
            )  # fmt: skip


def _hide(cell: GroupCell) -> GroupCell:
    return GroupCell(cell.attribute, cell.group, None)


def _pair(pair: tuple[str, str]) -> str:
    return f"{pair[0]} and {pair[1]}"


def _impact(large: Sequence[GroupCell]) -> Iterator[ImpactRatio]:
    rated = [cell for cell in large if cell.selection_rate is not None]
    if len(rated) < 2:
        return
    best = max(rated, key=lambda cell: cell.selection_rate.value if cell.selection_rate else 0)
    for cell in rated:
        if cell is best:
            continue
        ratio = share_ratio(cell.selected or 0, cell.n or 0, best.selected or 0, best.n or 0)
        below = None if ratio is None else ratio.value < FOUR_FIFTHS
        yield ImpactRatio(cell.attribute, cell.group, best.group, ratio, below)


def _finding(
    attribute: str, group: str, measure: str, reference: str, gap: Interval, limit: float
) -> Finding:
    if gap.low > limit or gap.high < -limit:
        verdict = "fail"
    elif -limit <= gap.low and gap.high <= limit:
        verdict = "pass"
    else:
        verdict = "cannot_say"
    points = f"{100 * gap.value:+.1f} points [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    text = f"{attribute.replace('_', ' ')} {group}: {measure} differs from {reference} by {points}"
    return Finding(attribute, group, measure, reference, gap, limit, verdict, text)


def _verdict(findings: Sequence[Finding], thin: Sequence[str], limits: Limits) -> tuple[str, str]:
    failed = [finding for finding in findings if finding.verdict == "fail"]
    if failed:
        worst = max(failed, key=lambda f: abs(f.difference.value) / f.limit)
        said = f"{len(failed)} of {len(findings)} comparisons lie beyond their limit"
        return "fail", f"{said}, most of all {worst.text}"
    if thin:
        names = ", ".join(thin)
        return (
            "insufficient_evidence",
            f"too few people to compare groups by {names} (a group needs {limits.min_group})",
        )
    unsure = sum(finding.verdict == "cannot_say" for finding in findings)
    within = f"no gap beyond its limit in {len(findings)} comparisons"
    return "pass", within + (f"; {unsure} of them cannot be told from the limit" if unsure else "")


def _check_shapes(
    truth: NDArray[np.bool_],
    probability: NDArray[np.float64],
    flagged: NDArray[np.bool_],
    attributes: Mapping[str, Sequence[str | None]],
) -> None:
    sizes = {"y_true": truth.size, "score": probability.size, "selected": flagged.size}
    sizes |= {name: len(values) for name, values in attributes.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InvalidInput(f"one entry per person is expected everywhere, found {found}")
