"""An analysed experiment, drawn for people at a terminal."""

from rich.console import Console
from rich.markup import escape

from outcomes.experiment.analysis import Comparison, Experiment
from outcomes.experiment.document import METHODS
from outcomes.randomised.lift import Difference
from serving.cli.console import table

_COLOUR = {"helped": "bold green", "harmed": "bold red", "cannot say": "yellow", "withheld": "red"}
_WORTHWHILE = {
    "yes": "worthwhile",
    "no": "smaller than worthwhile",
    "cannot say": "worthwhile or not: cannot say",
}


def draw(out: Console, found: Experiment) -> None:
    """Print arms, differences, segments and the verdict."""
    _arms(out, found)
    if found.withheld:
        out.print(f"\n[bold red]verdict withheld[/]: {escape(found.withheld)}", highlight=False)
        out.print("[dim]no difference is shown, because none could be believed[/]")
        _warn(out, found)
        return
    if not found.question.randomised:
        out.print()
        _warn(out, found)  # before anybody reads a figure
    out.print()
    _differences(out, found)
    _segments(out, found)
    if found.question.randomised:
        _warn(out, found)
    _methods(out, found)


def _arms(out: Console, found: Experiment) -> None:
    drawn = table("arm", "rows", "drawn", "intended", numbers=(1, 2, 3))
    whole = sum(size.units for size in found.arms.values())
    for name, size in found.arms.items():
        intended = "" if found.sample_ratio is None else f"{found.sample_ratio.expected[name]:.1%}"
        label = f"{escape(name)} [dim](control)[/]" if size.control else escape(name)
        drawn.add_row(label, f"{size.rows:,}", f"{size.units / whole:.1%}", intended)
    out.print(drawn)
    if found.question.unit:
        units = ", ".join(f"{escape(name)} {size.units:,}" for name, size in found.arms.items())
        out.print(f"[dim]drawn by {escape(found.question.unit)}: {units}[/]", highlight=False)


def _differences(out: Console, found: Experiment) -> None:
    causal = found.question.randomised
    drawn = table(
        "outcome", "arm", "control", "treated", "difference" if causal else "association",
        f"{found.question.level:.0%} interval", "verdict", "", numbers=(2, 3, 4, 5),
    )  # fmt: skip
    for each in found.comparisons:
        word = f"[{_COLOUR[each.judged.word]}]{each.judged.word}[/]"
        notes = [_WORTHWHILE[each.judged.worthwhile]] if each.judged.worthwhile else []
        if each.judged.word == "cannot say" and causal:
            notes.insert(0, each.judged.reason)
        if each.judged.word == "withheld":
            notes = [each.judged.reason]
        drawn.add_row(
            escape(each.outcome), escape(each.arm), *_cells(each.plain, each.is_share), word,
            f"[dim]{escape('; '.join(notes))}[/]",
        )  # fmt: skip
        if each.adjusted is not None:
            saved = each.adjusted.variance_reduction
            drawn.add_row(
                "", "[dim]  adjusted[/]", *_cells(each.adjusted.found, each.is_share), "",
                f"[dim]variance {-saved:+.1%}[/]",
            )  # fmt: skip
    out.print(drawn)


def _cells(found: Difference, is_share: bool) -> tuple[str, str, str, str]:
    if found.difference is None or found.low is None or found.high is None:
        return "", "", "—", "—"
    if is_share:
        return (
            f"{found.control_mean:.2%}",
            f"{found.treated_mean:.2%}",
            f"{100 * found.difference:+.2f} points",
            f"{100 * found.low:+.2f} … {100 * found.high:+.2f}",
        )
    return (
        f"{found.control_mean:.4g}",
        f"{found.treated_mean:.4g}",
        f"{found.difference:+.4g}",
        f"{found.low:+.4g} … {found.high:+.4g}",
    )


def _segments(out: Console, found: Experiment) -> None:
    if not found.segments.comparisons and not found.segments.hidden:
        return
    out.print("\n[bold]within segments[/]")
    shares = {c.outcome: c.is_share for c in found.comparisons}
    drawn = table(
        "segment",
        "outcome",
        "arm",
        escape(found.question.unit or "people"),
        "difference",
        "interval",
        "",
        numbers=(3, 4, 5),
    )
    for each in found.segments.comparisons:
        d = each.plain
        drawn.add_row(
            f"{escape(each.column)} = {escape(each.segment)}", escape(each.outcome),
            escape(each.arm), f"{d.treated_units + d.control_units:,}",
            *_cells(d, shares[each.outcome])[2:], "clear" if each.is_clear else "",
        )  # fmt: skip
    out.print(drawn)
    differing = [test for test in found.segments.interactions if test.differs]
    for test in differing:
        out.print(
            f"  {escape(test.outcome)}, {escape(test.arm)}: differs by {escape(test.column)} "
            f"(p = {test.p_holm:.2g})",
            highlight=False,
        )
    if found.segments.interactions and not differing:
        out.print("  no sign that any difference is another in one segment than in the others")
    for column, count in found.segments.hidden:
        out.print(
            f"  [dim]{escape(column)}: {count} with too few people in an arm are not shown[/]",
            highlight=False,
        )


def _warn(out: Console, found: Experiment) -> None:
    for warning in found.warnings:
        out.print(f"[yellow]![/] {escape(warning)}", highlight=False)


def _methods(out: Console, found: Experiment) -> None:
    used = dict.fromkeys(
        c.plain.method for c in found.comparisons if c.plain.difference is not None
    )
    said = [METHODS[name] for name in used]
    if any(c.adjusted is not None for c in found.comparisons):
        said.append(f"adjusted: {METHODS['cuped']}")
    if found.question.randomised and len(found.comparisons) > 1:
        said.append("verdicts know how many comparisons were made (Holm)")
    if found.segments.comparisons:
        said.append("segments know how many were looked at (Benjamini–Hochberg)")
    if found.question.randomised:
        said.append(_good(found.comparisons))
    out.print(f"[dim]{escape('; '.join(each for each in said if each))}[/]", highlight=False)


def _good(comparisons: tuple[Comparison, ...]) -> str:
    lower = list(dict.fromkeys(c.outcome for c in comparisons if c.good_is == "lower"))
    if not lower:
        return "more is good"
    if all(c.good_is == "lower" for c in comparisons):
        return "less is good"
    return f"more is good, but of {', '.join(lower)} less"
