"""Differences between groups: against the largest, against all, as ratios, and held to limits."""

from collections.abc import Iterator, Sequence

from governance.fairness.record import (
    Difference,
    Finding,
    GroupCalibration,
    GroupCell,
    ImpactRatio,
    Limits,
    Thin,
)
from governance.intervals import Interval, newcombe, share_ratio

FOUR_FIFTHS = 0.8
RATES = (
    ("selection rate", "selected", "n"),
    ("true positive rate", "true_positives", "positives"),
    ("false positive rate", "false_positives", "negatives"),
    ("precision", "true_positives", "selected"),
)
"""Measure, and which counts of a cell are its hits and its denominator."""

ERROR_RATES = ("true positive rate", "false positive rate")
"""The rates that carry the verdict."""

_MIN_DENOMINATOR_SHARE = 3


def least_in_rate(limits: Limits) -> int:
    """How many people a rate needs in its denominator to be compared."""
    return max(limits.min_cell, limits.min_group // _MIN_DENOMINATOR_SHARE)


def large_enough(cells: Sequence[GroupCell], limits: Limits) -> list[GroupCell]:
    """Give the groups that may be compared at all."""
    return [cell for cell in cells if cell.n is not None and cell.n >= limits.min_group]


def largest(cells: Sequence[GroupCell]) -> GroupCell | None:
    """Give the group of most people, that others are compared with."""
    return max(cells, key=lambda cell: cell.n or 0, default=None)


def differences(shown: Sequence[GroupCell], large: Sequence[GroupCell]) -> Iterator[Difference]:
    """How far each large group lies from the largest, and from all groups shown taken together.

    From the largest by Newcombe's interval. All groups include the group itself: with w its part
    of the denominators, p − p_all = (1 − w)(p − p_others), so the interval is Newcombe's against
    the others, shrunk by 1 − w.
    """
    reference = largest(large)
    everyone = [cell for cell in shown if cell.shown]
    for cell in large:
        for measure, hits, base in RATES:
            apart = None
            if reference is not None and cell is not reference:
                apart = newcombe(*_counts(cell, hits, base), *_counts(reference, hits, base))
            yield Difference(
                cell.attribute, cell.group, measure, "" if reference is None else reference.group,
                apart, _from_all(cell, everyone, hits, base),
            )  # fmt: skip


def intersection_differences(cells: Sequence[GroupCell], limits: Limits) -> Iterator[Difference]:
    """How far the error rates of each large intersection lie from those of all that are shown."""
    for name in dict.fromkeys(cell.attribute for cell in cells):
        shown = [cell for cell in cells if cell.attribute == name and cell.shown]
        for cell in large_enough(shown, limits):
            for measure, hits, base in RATES:
                if measure in ERROR_RATES and _counts(cell, hits, base)[1] >= least_in_rate(limits):
                    apart = _from_all(cell, shown, hits, base)
                    yield Difference(name, cell.group, measure, "", None, apart)


def rate_findings(large: Sequence[GroupCell], limits: Limits) -> Iterator[Finding]:
    """Hold the error rates of every large group against those of the largest."""
    reference = largest(large)
    for cell in large:
        if reference is None or cell is reference:
            continue
        for measure, hits, base in RATES:
            if measure not in ERROR_RATES:
                continue
            ours, theirs = _counts(cell, hits, base), _counts(reference, hits, base)
            if min(ours[1], theirs[1]) < least_in_rate(limits):
                continue
            gap = newcombe(*ours, *theirs)
            if gap is not None:
                yield _finding(
                    cell.attribute, cell.group, measure, reference.group, gap, limits.max_rate_gap
                )


def calibration_findings(cells: Sequence[GroupCalibration], limits: Limits) -> Iterator[Finding]:
    """Hold each group's mean predicted probability against what was observed."""
    for cell in cells:
        o = cell.observed
        gap = Interval(
            cell.predicted - o.value, cell.predicted - o.high, cell.predicted - o.low, o.level
        )
        yield _finding(
            cell.attribute, cell.group, "calibration", "what was observed", gap,
            limits.max_calibration_gap,
        )  # fmt: skip


def impact_ratios(large: Sequence[GroupCell]) -> Iterator[ImpactRatio]:
    """Selection rates against that of the group selected most, with the four-fifths flag."""
    rated = [cell for cell in large if cell.selection_rate is not None]
    if len(rated) < 2:
        return
    best = max(rated, key=lambda cell: cell.selection_rate.value if cell.selection_rate else 0)
    for cell in rated:
        if cell is best:
            continue
        ratio = share_ratio(*_counts(cell, "selected", "n"), *_counts(best, "selected", "n"))
        below = None if ratio is None else ratio.value < FOUR_FIFTHS
        yield ImpactRatio(cell.attribute, cell.group, best.group, ratio, below)


def thin_groups(shown: Sequence[GroupCell], limits: Limits) -> Iterator[Thin]:
    """Say of every shown group that is not compared in full what exactly there is too little of."""
    least = least_in_rate(limits)
    for cell in shown:
        if cell.n is None:
            continue
        if cell.n < limits.min_group:
            what = f"{cell.n} people, {limits.min_group} are needed: not compared"
            yield Thin(cell.attribute, cell.group, what)
            continue
        for measure, _, base in RATES:
            found = _counts(cell, "n", base)[1]
            if measure in ERROR_RATES and found < least:
                came = "it came true" if base == "positives" else "it did not come true"
                what = (
                    f"{cell.n} people, but only {found} for whom {came}, {least} are needed: "
                    f"{measure} not compared"
                )
                yield Thin(cell.attribute, cell.group, what)


def _counts(cell: GroupCell, hits: str, base: str) -> tuple[int, int]:
    return int(getattr(cell, hits) or 0), int(getattr(cell, base) or 0)


def _from_all(
    cell: GroupCell, everyone: Sequence[GroupCell], hits: str, base: str
) -> Interval | None:
    s, n = _counts(cell, hits, base)
    totals = [_counts(each, hits, base) for each in everyone]
    s_all, n_all = sum(t[0] for t in totals), sum(t[1] for t in totals)
    apart = newcombe(s, n, s_all - s, n_all - n)
    if apart is None:
        return None
    others = 1 - n / n_all
    return Interval(apart.value * others, apart.low * others, apart.high * others, apart.level)


def _finding(
    attribute: str, group: str, measure: str, reference: str, gap: Interval, limit: float
) -> Finding:
    if beyond(gap, limit):
        verdict = "fail"
    elif -limit <= gap.low and gap.high <= limit:
        verdict = "pass"
    else:
        verdict = "cannot_say"
    points = f"{100 * gap.value:+.1f} points [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    text = f"{attribute.replace('_', ' ')} {group}: {measure} differs from {reference} by {points}"
    return Finding(attribute, group, measure, reference, gap, limit, verdict, text)


def beyond(gap: Interval, limit: float) -> bool:
    """Whether the whole interval lies beyond the limit, on either side."""
    return gap.low > limit or gap.high < -limit
