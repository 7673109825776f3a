"""What-if questions on the command line."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, table

if TYPE_CHECKING:
    from serving.scoring.answers import WhatIfAnswer
    from serving.scoring.whatif import Chance, Moved, WhatIf


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("what-if")
@click.argument("customer")
@click.option("--target", default="churn", show_default=True)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FEATURE=VALUE",
    help="What to suppose; may be given several times. Without it: what may be asked about.",
)
@click.option("--as-of", help="Use what was known then; permission is judged now all the same.")
@click.pass_obj
def what_if_command(
    session: Session, customer: str, target: str, settings: tuple[str, ...], as_of: str | None
) -> int:
    """What the score of CUSTOMER would be if some things were otherwise.

    A comparison of customers: it does not say that changing something changes the outcome.
    """
    from governance.errors import InvalidInput
    from governance.instants import parse_instant
    from serving.scoring.scorer import Scorer
    from serving.scoring.shapes import what_if_json

    asked = _asked(settings)
    with session.open() as keepwell:
        instant = parse_instant(as_of, keepwell.settings.zone) if as_of else None
        if instant is not None and instant > _now():
            raise InvalidInput("as_of lies in the future", hint="leave it out to ask now")
        answer = Scorer(keepwell, clock=_now).what_if(
            customer, asked, target=target, as_of=instant, may_see_refusals=True
        )
        document = what_if_json(answer, keepwell.kind)
    session.emit(document, lambda out: _draw(out, answer))
    return 0 if answer.status == "answered" else 1


def _asked(settings: tuple[str, ...]) -> dict[str, float]:
    from governance.errors import InvalidInput

    asked: dict[str, float] = {}
    for each in settings:
        name, equals, value = each.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not equals or not name.strip() or number != number:
            raise InvalidInput(
                "--set needs FEATURE=VALUE with a number", hint="--set order_count_90d=3"
            )
        if name.strip() in asked:
            raise InvalidInput(f"{name.strip()} is set twice", hint="name each feature once")
        asked[name.strip()] = number
    return asked


def _draw(out: Console, found: "WhatIfAnswer") -> None:
    out.print(f"[bold]{escape(found.customer_id)}[/]  {found.status.replace('_', ' ')}")
    if found.reason:
        out.print(f"  because: {found.reason.replace('_', ' ')}", highlight=False)
    if found.answer is not None:
        _draw_answer(out, found, found.answer)
    out.print(f"  [dim]decision {found.decision_id}[/]", highlight=False)


def _draw_answer(out: Console, found: "WhatIfAnswer", answer: "WhatIf") -> None:
    within = f"{found.target} within {found.horizon_days} days"
    out.print(f"  {within}: now [bold]{_chance(answer.now)}[/]", highlight=False)
    for each in answer.contradictions:
        out.print(f"  [yellow]![/] {escape(each)}", highlight=False)
    if answer.then is not None:
        out.print(f"  {within}: then [bold]{_chance(answer.then)}[/]", highlight=False)
        for moved in answer.asked:
            out.print(f"  asked: {_moved(moved)}", highlight=False)
        for moved in answer.along:
            out.print(f"  [dim]along with it: {_moved(moved)}[/]", highlight=False)
        for group in answer.difference:
            arrow = "[red]▲[/]" if group.contribution > 0 else "[green]▼[/]"
            out.print(
                f"    {arrow} {group.contribution:+.2f} {escape(group.group)}", highlight=False
            )
    if answer.may_ask:
        drawn = table("may be asked about", "now", "seen in training", numbers=(1,))
        for can in answer.may_ask:
            drawn.add_row(can.feature, _number(can.value), f"{can.low:,.4g} to {can.high:,.4g}")
        out.print(drawn)
    for single in answer.lower:
        out.print(
            f"  {_chance(single.chance)}  {escape(single.asked.feature)} "
            f"{_number(single.asked.before)} → {_number(single.asked.after)}",
            highlight=False,
        )
    out.print(f"  {escape(answer.text)}", highlight=False)


def _chance(chance: "Chance") -> str:
    from serving.scoring.whatif import chance_in_words

    return chance_in_words(chance)


def _moved(moved: "Moved") -> str:
    unseen = "" if moved.seen_in_training else " (outside what training saw)"
    said = f"{moved.feature} {_number(moved.before)} → {_number(moved.after)}{unseen}"
    return f"{escape(said)}: {escape(moved.text)}"


def _number(value: Any) -> str:
    return "missing" if value is None else f"{value:,.4g}"
