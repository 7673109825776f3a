"""`keepwell feedback`: collect, assign, act, measure again, close."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from governance.intervals import Interval
    from serving.feedback.figure import Figure
    from serving.feedback.items import FeedbackItem

_DAY = "%Y-%m-%d"
_WINDOW_DAYS = 90
_BY_COMMAND = "command line"


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("feedback")
def feedback_command() -> None:
    """What could be better, who mends it, and whether it got better."""


@feedback_command.command("suggest")
@click.option("--days", type=click.IntRange(min=1), default=_WINDOW_DAYS, show_default=True)
@click.pass_obj
def suggest_command(session: Session, days: int) -> None:
    """What an item could be opened from: stages, measures, themes, complaints."""
    from serving.feedback.suggestions import suggestions

    with session.open() as keepwell, session.step("reading what customers said and did"):
        found = suggestions(keepwell, days=days, now=_now())
        kind = keepwell.kind

    def view(out: Console) -> None:
        drawn = table("subject", "figure", "people", "what it is", numbers=(2,))
        for each in found:
            people = "" if each.people is None else f"{each.people:,}"
            drawn.add_row(
                escape(each.subject), _said(each.value, each.unit), people, escape(each.why)
            )
        out.print(drawn if found else "nothing is said or done by enough people")
        if found:
            out.print(f"\n[dim]Open one: keepwell feedback open --from {found[0].subject}[/]")

    rows = [each._asdict() | {"value": each.value.to_json()} for each in found]
    session.emit({"home": kind, "days": days, "suggestions": rows}, view)


@feedback_command.command("list")
@click.option("--status", type=click.Choice(["open", "assigned", "acted", "closed"]))
@click.option("--overdue", is_flag=True, help="Only those whose day has passed.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_command(session: Session, status: str | None, overdue: bool, limit: int) -> None:
    """Items, the newest first; those overdue are marked."""
    from serving.feedback.items import list_items

    now = _now()
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_items(conn, limit=limit, status=status)
    shown = [each for each in found if each.overdue(now) or not overdue]

    def view(out: Console) -> None:
        drawn = table("item", "what", "status", "owner", "due", "measured")
        for each in shown:
            late = each.overdue(now)
            due = "" if each.due_at is None else f"{each.due_at:{_DAY}}"
            drawn.add_row(
                each.item_id[:8],
                escape(each.title),
                each.status,
                escape(each.owner or ""),
                Text(f"{due} overdue" if late else due, "bold red" if late else ""),
                "" if each.change is None else str(each.change["verdict"]),
            )
        out.print(drawn if shown else "there is no item")

    session.emit({"items": [each.to_json(now=now) for each in shown]}, view)


@feedback_command.command("open")
@click.argument("title", required=False)
@click.option(
    "--from",
    "source",
    metavar="KIND:NAME",
    help="measure:escalation, theme:delivery, keyword:parcel, stage:support, complaints:contact.",
)
@click.option("--measure", metavar="KIND:NAME", help="What is measured again; the source if not.")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=_WINDOW_DAYS,
    show_default=True,
    help="How long the windows before and after are.",
)
@click.pass_obj
def open_command(
    session: Session, title: str | None, source: str | None, measure: str | None, days: int
) -> None:
    """Open an item and take its figure as it is now. The TITLE must name nobody."""
    from serving.feedback.desk import open_item

    with session.open() as keepwell, session.step("measuring"):
        made = open_item(
            keepwell, title=title, source=source, measure=measure, days=days, now=_now()
        )
    _emit(session, made)


@feedback_command.command("assign")
@click.argument("item")
@click.option("--owner", required=True, help="Who mends it.")
@click.option("--due", required=True, help="By which day something was done.")
@click.pass_obj
def assign_command(session: Session, item: str, owner: str, due: str) -> None:
    """Give an item an owner and a deadline."""
    from governance.instants import parse_instant
    from serving.feedback.desk import assign

    with session.open() as keepwell:
        due_at = parse_instant(due, keepwell.settings.zone)
        made = assign(keepwell, item, owner=owner, due_at=due_at, now=_now())
    _emit(session, made)


@feedback_command.command("act")
@click.argument("item")
@click.option("--what", required=True, help="What was done; name nobody.")
@click.pass_obj
def act_command(session: Session, item: str, what: str) -> None:
    """Say what was done. The window in which it is measured again begins now."""
    from serving.feedback.desk import act

    with session.open() as keepwell:
        made = act(keepwell, item, action=what, now=_now())
    _emit(session, made)


@feedback_command.command("remeasure")
@click.argument("item")
@click.pass_obj
def remeasure_command(session: Session, item: str) -> None:
    """Take the same figure over an equal window after the act, and say what changed."""
    from serving.feedback.desk import remeasure

    with session.open() as keepwell, session.step("measuring again"):
        made = remeasure(keepwell, item, now=_now())
    _emit(session, made)


@feedback_command.command("close")
@click.argument("item")
@click.option("--reason", help="Why it is closed without being measured again; name nobody.")
@click.pass_obj
def close_command(session: Session, item: str, reason: str | None) -> None:
    """Close an item that was measured again, or say why it was not."""
    from serving.feedback.desk import close

    with session.open() as keepwell:
        made = close(keepwell, item, reason=reason, by=_BY_COMMAND, now=_now())
    _emit(session, made)


@feedback_command.command("show")
@click.argument("item")
@click.pass_obj
def show_command(session: Session, item: str) -> None:
    """Show one item: where it came from, what was done, what changed."""
    from serving.feedback.citations import releases_citing
    from serving.feedback.items import load_item

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = load_item(conn, item)
        cited = releases_citing(keepwell, conn, found.item_id, now=_now())
    _emit(session, found, releases=cited)


def _emit(session: Session, item: "FeedbackItem", *, releases: int | None = None) -> None:
    now = _now()
    told = item.to_json(now=now)
    if releases is not None:
        told["releases"] = releases
    session.emit(told, lambda out: _draw(out, item, now, releases))


def _draw(out: Console, item: "FeedbackItem", now: datetime, releases: int | None) -> None:
    out.print(Text.assemble((item.title, "bold"), f"  {item.item_id}"), soft_wrap=True)
    late = " — overdue" if item.overdue(now) else ""
    again = item.remeasure_from()
    lines: list[tuple[str, object]] = [("status", item.status), ("from", item.source)]
    if item.owner is not None and item.due_at is not None:
        lines += [("owner", item.owner), ("due", f"{item.due_at:{_DAY}}{late}")]
    if item.before is not None:
        lines += [("measure", item.measure), ("before", _window(item.before))]
    if item.action is not None:
        lines.append(("done", f"{item.acted_at:{_DAY}}: {item.action}"))
    if again is not None and item.after is None and item.status == "acted":
        lines.append(("measure again", f"from {again:{_DAY}}"))
    if item.after is not None:
        lines.append(("after", _window(item.after)))
    if item.change is not None:
        d = item.change["difference"]
        span = "" if d is None else f" by {d['value']:+.3g} ({d['low']:+.3g} … {d['high']:+.3g})"
        lines += [("change", f"{item.change['verdict']}{span}"), ("", item.change["note"])]
    if item.closed_at is not None:
        lines.append(("closed", f"{item.closed_at:{_DAY}} {item.close_reason or ''}"))
    if releases is not None:
        lines.append(("releases", f"{releases} cite this item"))
    facts(out, lines)


def _window(figure: "Figure") -> str:
    span = f"{figure.start:{_DAY}} to {figure.end:{_DAY}}"
    if figure.value is None:
        return f"no figure over {span}: {figure.note}"
    people = "" if figure.people is None else f", {figure.people:,} people"
    return f"{_said(figure.value, figure.unit)} over {span}{people}"


def _said(value: "Interval", unit: str) -> str:
    if unit.startswith("share"):
        return f"{100 * value.value:.1f} % ({100 * value.low:.1f} … {100 * value.high:.1f})"
    return f"{value.value:.3g} ({value.low:.3g} … {value.high:.3g}) {unit}"
