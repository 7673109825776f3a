"""How experiments of playbooks look on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from serving.cli.console import facts, table

_COLOURS = {
    "helped": "bold green",
    "pays": "bold green",
    "harmed": "bold red",
    "does not pay": "bold red",
    "withheld": "bold yellow",
}
_NAMES = {
    "retained": "stayed",
    "net_sales": "net sales",
    "wellbeing": "well-being",
    "stopped": "took back permission",
    "active": "active",
}


def draw_lift(out: Console, found: Mapping[str, Any]) -> None:
    """Draw a lift: the verdict first, then every outcome and what else reached people."""
    out.print(
        f"[bold]{found['playbook']}[/]  {found['experiment']}: {found['treated']:,} treated, "
        f"{found['held_out']:,} left alone, {found['waiting']:,} within their "
        f"{found['horizon_days']} days",
        highlight=False,
    )
    colour = _COLOURS.get(found["verdict"], "bold")
    out.print(f"[{colour}]{found['verdict']}[/]: {found['reason']}", highlight=False)
    for each in found["outcomes"]:
        if each["worthwhile"] is not None:
            said = f"at least the smallest worthwhile change: {each['worthwhile']}"
            out.print(f"[dim]{_name(each)}: {said}[/]", highlight=False)
    told = [each for each in found["outcomes"] if each["raw"]["treated_units"]]
    if told:
        out.print()
        _differences(out, told, f"treated − left alone, {_level(found)}")
    empty = [_name(each) for each in found["outcomes"] if not each["raw"]["treated_units"]]
    if empty:
        out.print(f"[dim]nothing to say of: {', '.join(empty)}[/]", highlight=False)
    for title, key in (("does it last", "lasting"), ("by group, exploratory", "segments")):
        shown = [each for each in found[key] if each["raw"]["difference"] is not None]
        if shown:
            out.print()
            _differences(out, shown, title, named_by=key)
    _exposure(out, found["exposure"])
    _ratio(out, found["sample_ratio"])
    _plan(out, found["plan"])
    for note in found["notes"]:
        out.print(f"[dim]{note}[/]", highlight=False)


def draw_experiments(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Draw a list of experiments."""
    if not found:
        out.print("no playbook has had an experiment: run one with a holdout_share")
        return
    drawn = table(
        "experiment", "status", "left alone", "from", "until", "contacts", "looks", "plan",
        numbers=(2, 6),
    )  # fmt: skip
    for each in found:
        status = each["status"]
        if each["stopped_for"]:
            status = f"stopped for {each['stopped_for']}"
        drawn.add_row(
            each["experiment"],
            status,
            f"{each['holdout_share']:.0%}",
            each["started_at"][:10],
            each["ends_at"][:10],
            {"drawn": "by lot"}.get(each["contacts"], each["contacts"]),
            f"{each['looks']:,}",
            "frozen" if each["plan_digest"] else "none",
        )
    out.print(drawn)


def draw_looks(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Draw what looks came to."""
    if not found:
        out.print("no experiment is running")
        return
    drawn = table("experiment", "came to", "people", "looks", "why", numbers=(2, 3))
    for each in found:
        drawn.add_row(
            each["experiment"],
            each["outcome"],
            f"{each['counted']:,}",
            f"{each['looks']:,}",
            each["reason"],
        )
    out.print(drawn)


def draw_roi(out: Console, found: Mapping[str, Any]) -> None:
    """Draw a return: three lines, the verdict, every assumption."""
    out.print(f"[bold]{found['playbook']}[/]  {found['experiment']}", highlight=False)
    for line in found["lines"]:
        out.print(f"  {line}", highlight=False)
    colour = _COLOURS.get(found["verdict"], "bold")
    out.print(f"[{colour}]{found['verdict']}[/]: {found['reason']}", highlight=False)
    out.print("\nassumed")
    facts(
        out,
        [(each["name"], f"{each['value']} ({each['source']})") for each in found["assumptions"]],
    )
    if found["note"]:
        out.print(f"[dim]{found['note']}[/]", highlight=False)


def draw_plan(out: Console, found: Mapping[str, Any]) -> None:
    """Draw a plan on one page."""
    plan = found["plan"]
    facts(
        out,
        [
            (name.replace("_", " "), ", ".join(value) if isinstance(value, list) else value)
            for name, value in plan.items()
            if value not in (None, [])
        ],
    )


def _differences(
    out: Console, rows: Sequence[Mapping[str, Any]], title: str, *, named_by: str = ""
) -> None:
    drawn = table(
        "", "treated", "left alone", "difference", "adjusted", "verdict", "",
        title=title, numbers=(1, 2, 3, 4),
    )  # fmt: skip
    for each in rows:
        raw, word = each["raw"], each["verdict"]
        colour = _COLOURS.get(word, "")
        note = each["note"]
        if named_by == "lasting":
            name = f"active at {each['horizon_days']} days"
        else:
            name = each["segment"] if named_by == "segments" else _name(each)
        drawn.add_row(
            name,
            _level_of(each, raw["treated_mean"]),
            _level_of(each, raw["control_mean"]),
            _interval(each, raw),
            "" if each["adjusted"] is None else _interval(each, each["adjusted"]),
            f"[{colour}]{word}[/]" if colour else word,
            f"[dim]{note}[/]" if note else "",
        )
    out.print(drawn, highlight=False)


def _exposure(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    told = [each for each in rows if each["treated"] is not None]
    if not told:
        return
    out.print()
    drawn = table("also reached", "treated", "left alone", numbers=(1, 2))
    for each in told:
        drawn.add_row(each["what"], _share(each["treated"]), _share(each["held_out"]))
    out.print(drawn, highlight=False)


def _ratio(out: Console, found: Mapping[str, Any] | None) -> None:
    if found is not None:
        out.print(
            f"[dim]sizes of the arms: {found['outcome']} (p = {found['p_value']:.2g})[/]",
            highlight=False,
        )


def _plan(out: Console, found: Mapping[str, Any] | None) -> None:
    if found is None:
        out.print("[dim]no measurement plan was frozen before the start[/]")
        return
    out.print()
    marks = {"yes": "[green]✓[/]", "no": "[bold red]✗[/]", "not yet": "[dim]…[/]"}
    drawn = table("", f"plan {found['plan_digest'][:12]}", "")
    for each in found["points"]:
        drawn.add_row(marks[each["followed"]], each["point"], f"[dim]{each['said']}[/]")
    out.print(drawn, highlight=False)
    then = found["then"] or "go on as planned"
    out.print(f"by the plan: [bold]{found['decision']}[/] ({then})", highlight=False)


def _name(each: Mapping[str, Any]) -> str:
    return _NAMES.get(each["outcome"], str(each["outcome"]))


def _level(found: Mapping[str, Any]) -> str:
    looked = found["intervals"] == "always valid"
    kind = "which hold at every look" if looked else "of the look at the end"
    return f"{found['level']:.0%} intervals {kind}"


def _level_of(each: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1%}" if each["unit"] == "share" else f"{value:,.2f}"


def _interval(each: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if found["difference"] is None:
        return "too few"
    scale, form = (100, "+.1f") if each["unit"] == "share" else (1, "+,.2f")
    value, low, high = (scale * found[name] for name in ("difference", "low", "high"))
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def _share(found: Mapping[str, float]) -> str:
    return f"{found['value']:.0%} [{found['low']:.0%}, {found['high']:.0%}]"
