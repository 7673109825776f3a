"""How playbooks, and whom they choose, look on a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from serving.cli.console import facts, table
from serving.refusals import say_refusal

if TYPE_CHECKING:
    from serving.crm.contacts import PlaybookRun, Preview
    from serving.interventions.choosing.run import InterventionRun
    from serving.interventions.playbooks.home_checks import Refused
    from serving.interventions.playbooks.playbook import Playbook
    from serving.interventions.policy.policy import Candidate

_SHOWN = 10

_NOT_LOOKED_AT: Mapping[str, str] = {"unknown": "no customer of this home"}


def trigger_of(each: "Playbook") -> str:
    """Say in a few words what a playbook answers."""
    parts = []
    if each.target is not None:
        high = f"–{each.max_probability:.0%}" if each.max_probability < 1 else ""
        parts.append(f"{each.target} ≥ {each.min_probability:.0%}{high}")
    if each.reason is not None:
        parts.append(f"because of {each.reason}")
    if each.dimension is not None:
        parts.append(f"{each.dimension} ≤ {each.below:g} of 100")
    if each.stage is not None:
        noun = "day" if each.stage_days == 1 else "days"
        days = "" if each.stage_days == 0 else f", {each.stage_days} {noun} later"
        parts.append(f"{each.stage.replace('_', ' ')}{days}")
    return "; ".join(parts) or "people named by a person"


def show_playbooks(
    out: Console,
    playbooks: Sequence["Playbook"],
    warnings: Sequence[str],
    refused: Sequence["Refused"],
) -> None:
    """Draw what each playbook does for whom, then what to think about and what may not be."""
    drawn = table("playbook", "class", "does", "for whom", "held out", "asks a person")
    for each in playbooks:
        does = each.action.replace("_", " ")
        does = f"{does}: {each.survey.instrument}" if each.survey is not None else does
        drawn.add_row(
            escape(each.name),
            f"{each.kind}{', commercial' if each.commercial else ''}",
            f"{does} by {each.channel}",
            escape(trigger_of(each)),
            f"{each.holdout_share:.0%}" if each.holdout_share else "nobody",
            "yes" if each.needs_person else "no",
        )
    out.print(drawn)
    for warning in warnings:
        out.print(f"[yellow]![/] {escape(warning)}", highlight=False, soft_wrap=True)
    for no in refused:
        out.print(
            f"[bold red]✗[/] {escape(no.playbook)} sells something, and the {no.status} model of "
            f"{escape(no.target)} ({no.model_digest[:12]}…) reads how people are faring: "
            f"{escape(', '.join(no.features))}",
            highlight=False,
            soft_wrap=True,
        )
    if refused:
        out.print(
            "  → take commercial out, or train a model without these features", soft_wrap=True
        )


def show_preview(out: Console, found: "Preview", currency: str) -> None:
    """Draw who would be chosen, why the others would not, and what it would cost."""
    chosen = found.judged.eligible
    facts(
        out,
        [
            ("playbook", f"{found.playbook.name}: {trigger_of(found.playbook)}"),
            ("mode", found.mode + ("; a run contacts nobody" if found.mode == "observe" else "")),
            ("would be chosen", f"{len(chosen):,}"),
            ("would cost", f"{found.cost:,.2f} {currency}"),
            *([("expected to help", _expected(found))] if chosen else []),
        ],
    )
    if chosen:
        drawn = table("customer", "because", numbers=())
        for each in chosen[:_SHOWN]:
            drawn.add_row(escape(each.customer_id), escape(_because(each)))
        out.print()
        out.print(drawn)
        if len(chosen) > _SHOWN:
            out.print(f"[dim]and {len(chosen) - _SHOWN:,} more; --json names them all[/]")
    show_left_alone(
        out,
        Counter(found.judged.refused.values()),
        outside=len(found.judged.outside),
        not_looked_at=found.not_looked_at,
        sensitive=found.sensitive_features,
    )


def show_run(out: Console, found: "PlaybookRun", counts: Mapping[str, int]) -> None:
    """Draw what came of a run."""
    run = found.done
    facts(
        out,
        [
            ("playbook", f"{run.playbook}: {trigger_of(found.playbook)}"),
            ("mode", run.mode.effective + (f" ({run.mode.why})" if run.mode.why else "")),
            *((name.replace("_", " "), f"{count:,}") for name, count in counts.items()),
            *_how_chosen(run),
        ],
    )
    show_left_alone(
        out,
        run.refused,
        outside=run.outside,
        not_looked_at=found.not_looked_at,
        sensitive=found.sensitive_features,
    )


def _how_chosen(run: "InterventionRun") -> Iterator[tuple[str, str]]:
    """Say by what people were chosen, how good the choice is, and whether it fell evenly."""
    by = ", ".join(f"{count:,} by {how}" for how, count in run.count_chosen_by().items())
    yield "chosen", by or "nobody"
    if run.choice.binding:
        gap = run.choice.optimality_gap
        close = "proved best" if gap == 0 else f"within {100 * gap:.2g} % of the best possible"
        yield "the choice", f"{close}, counted in {run.choice.unit}"
    if run.choice.explored:
        yield "drawn at random", f"{run.choice.explored:,} of {run.choice.explorable:,} left over"
    if run.exposure.outcome == "uneven":
        yield "groups", "contacts fall unevenly on groups: they wait for a person"


def show_left_alone(
    out: Console,
    refused: Mapping[str, int],
    *,
    outside: int,
    not_looked_at: Mapping[str, int],
    sensitive: Sequence[str],
) -> None:
    """Draw why everyone else was left alone, the most frequent reason first."""
    rows = [(say_refusal(reason), count) for reason, count in refused.items()]
    for reason, count in not_looked_at.items():
        said = _NOT_LOOKED_AT.get(reason) or say_refusal(reason)
        rows.append((f"{said}; not looked at", count))
    rows += [("the playbook is not meant for them", outside)]
    drawn = table("left alone because", "people", numbers=(1,))
    for why, count in sorted(rows, key=lambda row: -row[1]):
        if count:
            drawn.add_row(escape(why), f"{count:,}")
    if drawn.row_count:
        out.print()
        out.print(drawn)
    if sensitive:
        told = escape(", ".join(sensitive))
        out.print(f"[bold red]✗[/] its model reads how people are faring: {told}", soft_wrap=True)


def _because(each: "Candidate") -> str:
    parts = [] if each.probability is None else [f"{each.probability:.0%} {each.target}"]
    if each.level is not None:
        parts.append(f"{each.trigger.replace('_', ' ')} {each.level:.0f}")
    elif each.trigger != "score":
        parts.append(each.trigger.partition(" ")[0].replace("_", " "))
    return ", ".join(parts)


def _expected(found: "Preview") -> str:
    effect, helped = found.playbook.expected_effect, found.expected
    if effect is None or helped is None:
        return "not stated"
    return f"{helped:,.1f} people, at the {100 * effect:g} points the playbook expects"
