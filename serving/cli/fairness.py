"""Draws what the fairness audit found: verdict, proxies, and what was tried against gaps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from serving.cli.console import table

if TYPE_CHECKING:
    from governance.fairness.mitigation import Mitigation
    from governance.fairness.record import FairnessResult
    from governance.intervals import Interval


def draw_fairness(out: Console, found: "FairnessResult") -> None:
    """Draw the verdict with its reason, every proxy found, and a table of mitigations."""
    out.print(f"  fairness: {found.outcome.replace('_', ' ')}", highlight=False)
    if found.reason:
        out.print(f"    {found.reason}", style="dim", highlight=False, markup=False)
    for each in found.proxies:
        if each.verdict == "proxy":
            carried = ", ".join(carrier.feature for carrier in each.carriers[:3])
            out.print(
                f"    {each.strength} proxy for {each.attribute.replace('_', ' ')} {each.group}: "
                f"{carried}",
                style="dim", highlight=False, markup=False,
            )  # fmt: skip
    _draw_mitigations(out, found.mitigations)


def _draw_mitigations(out: Console, tried: "Sequence[Mitigation]") -> None:
    """Draw one row per gap: before, after, and what was paid for it; nothing when nothing was."""
    if not tried:
        return
    drawn = table(
        "tried", "gap", "before", "after", "narrowed by", "lift", "AUC", "ships", numbers=(2, 3, 4)
    )
    for each in tried:
        for gap in each.gaps:
            drawn.add_row(
                each.method,
                f"{gap.attribute.replace('_', ' ')} {gap.group} − {gap.reference}, {gap.measure}",
                _points(gap.before),
                _points(gap.after),
                _narrowed(gap.change),
                "" if each.lift is None else f"{each.lift.value:+.2f}",
                "" if each.auc is None else f"{each.auc.value:+.3f}",
                "yes" if each.ships else "no",
            )
    constraint = tried[0].constraint.replace("_", " ")
    out.print(f"\n  gaps between groups, narrowed for {constraint}, in points:")
    out.print(drawn)


def _points(found: "Interval | None") -> str:
    return "cannot say" if found is None else f"{100 * found.value:+.1f}"


def _narrowed(change: "Interval | None") -> str:
    if change is None:
        return "cannot say"
    value, low, high = (-100 * each for each in (change.value, change.high, change.low))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
