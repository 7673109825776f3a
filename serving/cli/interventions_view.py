"""How one proposed contact, and how people decided on all, look on a terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from serving.cli.console import facts

if TYPE_CHECKING:
    from governance.intervals import Interval
    from serving.approval.proposal import Proposal
    from serving.interventions.deciding.attention import Oversight
    from serving.notice.own_data import Records

_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%d %H:%M"
_FEW = 5


def draw_proposal(out: Console, found: "Proposal") -> None:
    """Draw what whoever decides has to know, the message last."""
    view = found.view
    out.print(
        f"[bold]{escape(view.playbook)}[/] by {escape(view.channel)} to "
        f"{escape(view.customer_id)}: {view.status.replace('_', ' ')}",
        highlight=False,
    )
    facts(out, _standing(found))
    _draw_why(out, found)
    _draw_history(out, found)
    _draw_message(out, found)


def _standing(found: "Proposal") -> list[tuple[str, object]]:
    view = found.view
    waited = f"{found.waited.total_seconds() / 3600:,.1f} h"
    told: list[tuple[str, object]] = [
        ("id", view.intervention_id),
        ("waits since" if found.waits else "proposed", f"{view.created_at:{_MINUTE}} ({waited})"),
        ("valid until", f"{view.valid_until:{_MINUTE}} UTC"),
        ("for the customer", view.value or "not stated"),
        ("cost", f"{found.cost:,.2f} {found.currency}"),
        ("expected effect", _effect(found)),
        ("chosen by", found.chosen_by or "rule"),
    ]
    if found.contested:
        told.append(("contested", "the customer asked for a second look"))
    if found.decided_at is not None:
        told.append(("decided", f"{found.decided_at:{_MINUTE}} by {found.decided_by}"))
        told.append(("because", found.decided_reason or ""))
    return told


def _effect(found: "Proposal") -> str:
    if found.expected_effect is None:
        return "not known: no experiment or person says"
    return f"{100 * found.expected_effect:+.1f} points"


def _draw_why(out: Console, found: "Proposal") -> None:
    estimate = found.estimate
    if estimate is None:
        out.print("  why: no estimate, or it may not be told any more", style="dim")
        return
    says = estimate.says or "does what it estimates"
    chance = f"{estimate.probability:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"
    line = Text.assemble("  ", ("why", "bold"), f": {chance} that the customer {says}")
    out.print(line, highlight=False)
    for each in estimate.reasons:
        sign = "+" if each.raised else "−"
        out.print(f"    {sign} {escape(each.text)}", highlight=False)


def _draw_history(out: Console, found: "Proposal") -> None:
    if found.records is None:
        out.print("  history: may not be shown", style="dim")
    elif found.records:
        told = ", ".join(map(_span, found.records[:_FEW]))
        out.print(Text.assemble("  ", ("history", "bold"), f": {told}"), highlight=False)
    for before in found.earlier[:_FEW]:
        who = f" by {before.decided_by}: {before.decided_reason}" if before.decided_by else ""
        out.print(
            f"  before: {before.created_at:{_DAY}} {escape(before.playbook)}, "
            f"{before.status.replace('_', ' ')}{escape(who)}",
            highlight=False,
            style="dim",
        )


def _span(each: "Records") -> str:
    kind = each.kind.replace("_", " ")
    return f"{each.events:,} {kind} ({each.first:{_DAY}} to {each.last:{_DAY}})"


def _draw_message(out: Console, found: "Proposal") -> None:
    out.print("  [bold]what would leave[/]" if found.waits else "  [bold]the message[/]")
    out.print(Padding(Text(found.words.subject, style="bold"), (0, 0, 0, 4)))
    out.print(Padding(Text(found.words.body.strip()), (0, 0, 0, 4)))
    for name, link in found.links.items():
        line = Text.assemble("    ", (f"{name}: ", "dim"), str(link["url"]))
        out.print(line, highlight=False, soft_wrap=True)
    if found.links_problem:
        out.print(f"    [red]{escape(found.links_problem)}[/]", highlight=False)
    if found.words_before is not None:
        out.print("    its words were changed; the playbook had:", style="dim")
        out.print(Padding(Text(found.words_before.subject, style="dim"), (0, 0, 0, 4)))
        out.print(Padding(Text(found.words_before.body.strip(), style="dim"), (0, 0, 0, 4)))
    if found.pressing:
        phrases = ", ".join(found.pressing)
        out.print(f"    [yellow]it may press people: {escape(phrases)}[/]", highlight=False)


def draw_rate(out: Console, found: "Oversight", days: int) -> None:
    """Draw how people decided on what was proposed in the last days."""
    facts(
        out,
        [
            ("proposed within", f"{days} days"),
            ("waiting", f"{found.waiting:,}"),
            ("decided", f"{found.decided:,}"),
            ("let go as proposed", f"{found.approved:,}"),
            ("changed", f"{found.changed:,}"),
            ("rejected", f"{found.rejected:,}"),
            ("overridden", _share(found.override_rate)),
            ("waited, median", _number(found.median_minutes, "min")),
            ("lay before a person, median", _number(found.median_seconds, "s")),
            ("under ten seconds, or unopened", _share(found.quick_rate)),
        ],
    )


def _share(found: "Interval | None") -> str:
    if found is None:
        return "nothing was decided"
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _number(found: float | None, unit: str) -> str:
    return "nothing was decided" if found is None else f"{found:,.0f} {unit}"
