"""Does the model treat groups of people alike? Counts of our own, every rate with its interval.

Numerators, denominators and intervals are ours and not fairlearn's, because a group without
positives has no true positive rate at all (not one of 0); where it has one, both agree. A finding
needs evidence: a gap counts as a failure only when its whole 95 % interval lies beyond the limit,
and "cannot say" is an answer. A pass needs, for every attribute, a comparison of error rates that
can be told from its limit. Cells below five people are not shown, nor what would give them away by
subtraction. Intersections are shown and never decide: there are many, and most are small.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from governance.errors import InvalidInput
from governance.fairness.cells import People, count_groups, labels_of
from governance.fairness.gaps import (
    calibration_findings,
    differences,
    impact_ratios,
    intersection_differences,
    large_enough,
    rate_findings,
    thin_groups,
)
from governance.fairness.record import (
    Difference,
    FairnessResult,
    Finding,
    GroupBin,
    GroupCalibration,
    GroupCell,
    ImpactRatio,
    Limits,
    SweepPoint,
    Thin,
)
from governance.fairness.scores import calibration, sweep

__all__ = ["FairnessResult", "GroupCell", "Limits", "assess", "not_assessed"]


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
    people = People(
        np.asarray(y_true, dtype=bool),
        np.asarray(score, dtype=np.float64),
        np.asarray(selected, dtype=bool),
    )
    _check_shapes(people, attributes)
    if not attributes:
        return not_assessed("there are no protected attributes to assess by")
    if people.truth.size == 0:
        return not_assessed("there is nobody in the test set")
    groups: list[GroupCell] = []
    unknown: list[GroupCell] = []
    ratios: list[ImpactRatio] = []
    apart: list[Difference] = []
    calibrated: list[GroupCalibration] = []
    bins: list[GroupBin] = []
    swept: list[SweepPoint] = []
    findings: list[Finding] = []
    thin: list[Thin] = []
    uncompared: list[str] = []
    undecided: list[str] = []
    labelled = {name: labels_of(values) for name, values in attributes.items()}
    counted = count_groups(people, labelled, limits.min_cell)
    for name, labels in labelled.items():
        shown = counted.groups[name]
        large = large_enough(shown, limits)
        scored = list(calibration(people, labels, large, limits.min_group))
        rates = list(rate_findings(large, limits))
        groups += shown
        unknown.append(counted.unknown[name])
        ratios += impact_ratios(large)
        apart += differences(shown, large)
        calibrated += [each for each, _ in scored]
        bins += [part for _, parts in scored for part in parts]
        swept += sweep(people, labels, large)
        findings += [*rates, *calibration_findings([each for each, _ in scored], limits)]
        thin += thin_groups(shown, limits)
        if not rates:
            uncompared.append(name)
        elif all(each.verdict == "cannot_say" for each in rates):
            undecided.append(name)
    crossed = tuple(counted.intersections)
    outcome, reason = _verdict(findings, uncompared, undecided, limits)
    return FairnessResult(
        outcome=outcome,
        reason=reason,
        limits=limits,
        n=people.truth.size,
        groups=tuple(groups),
        intersections=crossed,
        impact_ratios=tuple(ratios),
        differences=(*apart, *intersection_differences(crossed, limits)),
        calibration=tuple(calibrated),
        bins=tuple(bins),
        sweep=tuple(swept),
        findings=tuple(findings),
        unknown=tuple(unknown),
        thin=tuple(thin),
    )


def _verdict(
    findings: Sequence[Finding],
    uncompared: Sequence[str],
    undecided: Sequence[str],
    limits: Limits,
) -> tuple[str, str]:
    failed = [finding for finding in findings if finding.verdict == "fail"]
    if failed:
        worst = max(failed, key=lambda f: abs(f.difference.value) / f.limit)
        said = f"{len(failed)} of {len(findings)} comparisons lie beyond their limit"
        return "fail", f"{said}, most of all {worst.text}"
    if uncompared:
        return (
            "insufficient_evidence",
            f"too few people to compare groups by {_words(uncompared)} (a group needs "
            f"{limits.min_group})",
        )
    if undecided:
        return (
            "insufficient_evidence",
            f"among so few people no error rate by {_words(undecided)} can be told from its limit",
        )
    unsure = sum(finding.verdict == "cannot_say" for finding in findings)
    within = f"no gap beyond its limit in {len(findings)} comparisons"
    return "pass", within + (f"; {unsure} of them cannot be told from the limit" if unsure else "")


def _words(names: Sequence[str]) -> str:
    return ", ".join(names).replace("_", " ")


def _check_shapes(people: People, attributes: Mapping[str, Sequence[str | None]]) -> None:
    names = ("y_true", "score", "selected")
    sizes = {name: part.size for name, part in zip(names, people, strict=True)}
    sizes |= {name: len(values) for name, values in attributes.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InvalidInput(f"one entry per person is expected everywhere, found {found}")
