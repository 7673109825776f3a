"""Complaints and harms on the command line; parts of `keepwell rights`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.access.auth import Principal
    from serving.bootstrap import Keepwell

_DAY = "%Y-%m-%d"
own_key = click.option(
    "--key",
    required=True,
    envvar="KEEPWELL_SIGNING_KEY",
    help="Your own key with the scope rights:manage; or KEEPWELL_SIGNING_KEY.",
)
"""Asks who decides: a typed name is nobody's."""


def _now() -> datetime:
    return datetime.now(UTC)


def whose(keepwell: "Keepwell", key: str) -> "Principal":
    """Find out whose key this is; raises `Unauthenticated`."""
    from serving.access.auth import authenticate

    with keepwell.database.read() as conn:
        return authenticate(conn, key, now=_now())[0]


@click.group("complaint")
def complaint_group() -> None:
    """Complaints: counted by category, the words in the customer's own history."""


@complaint_group.command("add")
@click.argument("customer")
@click.option("--category", required=True, help="contact, score, data, privacy, rights, …")
@click.option("--text", required=True, help="What the customer says.")
@click.pass_obj
def add_complaint_command(session: Session, customer: str, category: str, text: str) -> None:
    """Record a complaint."""
    from serving.rights.complaints import add_complaint

    with session.open() as keepwell:
        made = add_complaint(keepwell, customer, category=category, text=text, clock=_now)
    told = made.to_json()
    session.emit(told, lambda out: facts(out, [(n, each) for n, each in told.items() if each]))


@complaint_group.command("list")
@click.option("--status", type=click.Choice(["open", "resolved", "rejected", "withdrawn"]))
@click.pass_obj
def list_complaints_command(session: Session, status: str | None) -> None:
    """Complaints, oldest first, without their words."""
    from serving.rights.complaints import list_complaints

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_complaints(conn, status=status)

    def view(out: Console) -> None:
        drawn = table("complaint", "category", "received", "status")
        for each in found:
            received = f"{each.received_at:{_DAY}}"
            drawn.add_row(each.complaint_id, each.category, received, each.status)
        out.print(drawn if found else "nobody complained")

    session.emit({"complaints": [each.to_json() for each in found]}, view)


@complaint_group.command("close")
@click.argument("complaint")
@click.option("--outcome", type=click.Choice(["resolved", "rejected", "withdrawn"]), required=True)
@click.option("--text", required=True, help="The answer; the customer will read it.")
@own_key
@click.pass_obj
def close_complaint_command(
    session: Session, complaint: str, outcome: str, text: str, key: str
) -> None:
    """Answer a complaint and close it."""
    from serving.rights.complaints import close_complaint

    with session.open() as keepwell:
        made = close_complaint(
            keepwell,
            complaint,
            outcome=outcome,
            text=text,
            by=whose(keepwell, key),
            clock=_now,
        )
    told = made.to_json()
    session.emit(told, lambda out: facts(out, [(n, each) for n, each in told.items() if each]))


@click.group("harm")
def harm_group() -> None:
    """What a model did wrong, or might; its next report tells it."""


@harm_group.command("add")
@click.option("--target", required=True, help="Which model it is about.")
@click.option("--text", required=True, help="What happened; reports print it, so name nobody.")
@click.pass_obj
def add_harm_command(session: Session, target: str, text: str) -> None:
    """Write down a harm. Reports print the text: it must name nobody."""
    from serving.rights.complaints import note_harm

    with session.open() as keepwell:
        made = note_harm(keepwell, target, text=text, now=_now())

    def view(out: Console) -> None:
        out.print(f"[green]✓[/] noted for {escape(target)}", highlight=False)
        out.print("  Its next report prints this. Does it name somebody?", style="dim")

    session.emit({"target": made.target, "noted_at": made.noted_at, "text": made.text}, view)


@harm_group.command("list")
@click.option("--target", help="Of one model alone.")
@click.pass_obj
def list_harms_command(session: Session, target: str | None) -> None:
    """Every harm noted, oldest first."""
    from serving.rights.complaints import list_harms

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_harms(conn, target=target)

    def view(out: Console) -> None:
        drawn = table("noted", "model", "what")
        for each in found:
            drawn.add_row(f"{each.noted_at:{_DAY}}", each.target, escape(each.text))
        out.print(drawn if found else "no harm was noted")

    session.emit({"harms": [each._asdict() for each in found]}, view)
