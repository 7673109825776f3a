"""Draws what was tried against gaps between groups."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from serving.cli.console import table

if TYPE_CHECKING:
    from governance.intervals import Interval
    from governance.mitigation_record import Mitigation


def draw_mitigations(out: Console, tried: "Sequence[Mitigation]") -> None:
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
