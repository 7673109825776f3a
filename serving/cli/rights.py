"""People's rights on the command line: export, erasure, objection, contested decisions, complaints.

Whoever decides does so with a key of their own; a typed name is nobody's.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from serving.cli.complaints import complaint_group, harm_group, own_key, whose
from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.record.review_requests import ReviewRequest

_DAY = "%Y-%m-%d"


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("rights")
def rights_command() -> None:
    """What people may ask for: their data, erasure, a second look, an answer."""


rights_command.add_command(complaint_group)
rights_command.add_command(harm_group)


@rights_command.command("export")
@click.argument("customer")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to FILE.json, or as a page for the customer to FILE.html.",
)
@click.pass_obj
def export_command(session: Session, customer: str, out: Path | None) -> None:
    """Everything held about one customer: exactly what erasure would delete."""
    from governance.errors import InvalidInput
    from serving.cli.console import plain
    from serving.rights.acts import export
    from serving.rights.export_page import render_export

    if out is not None and out.suffix not in (".json", ".html"):
        raise InvalidInput(
            f"{out.name} ends in neither .json nor .html", hint="name it so, to say which it is"
        )
    with session.open() as keepwell:
        found = plain(export(keepwell, customer, now=_now()))
    if out is None:
        session.emit(found, lambda screen: screen.print_json(data=found))
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, ensure_ascii=False, indent=2)
    out.touch(mode=0o600)
    out.write_text(render_export(found) if out.suffix == ".html" else text, encoding="utf-8")
    session.emit({"out": out}, lambda screen: screen.print(f"[green]✓[/] {out}", highlight=False))


@rights_command.command("erase")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase_command(session: Session, customer: str, yes: bool) -> None:
    """Erase one customer everywhere. This cannot be undone."""
    from governance.errors import InvalidInput
    from serving.rights.acts import erase

    if session.as_json and not yes:
        raise InvalidInput(
            "an erasure cannot be undone, and with --json nobody is asked", hint="say --yes"
        )
    if not yes:
        click.confirm("Erase this customer everywhere? This cannot be undone", abort=True, err=True)
    with session.open() as keepwell:
        erased = erase(keepwell, customer, now=_now())
    session.emit(
        {"outcome": "erased", **erased},
        lambda out: facts(out, [("outcome", "erased"), *erased.items()]),
    )


@rights_command.command("object")
@click.argument("customer")
@click.pass_obj
def object_command(session: Session, customer: str) -> None:
    """Record an objection (art. 21): no marketing outreach, nor scoring for it."""
    from serving.rights.acts import object_to_processing

    with session.open() as keepwell:
        done = object_to_processing(keepwell, customer, now=_now())
    session.emit(
        {"outcome": "objected", **done},
        lambda out: facts(out, [("outcome", "objected"), *done.items()]),
    )


@rights_command.group("review")
def review_group() -> None:
    """Contested decisions (art. 22), until a person has looked again."""


@review_group.command("request")
@click.argument("customer")
@click.option("--decision", help="The decision that is contested; without, all that is scored.")
@click.option("--reason", required=True, help="What the customer says.")
@click.pass_obj
def request_command(session: Session, customer: str, decision: str | None, reason: str) -> None:
    """Record that a customer contests a decision; contacts that rest on it wait."""
    from serving.rights.review_queue import request_review

    with session.open() as keepwell:
        made = request_review(keepwell, customer, reason=reason, decision_id=decision, clock=_now)
    _emit(session, made)


@review_group.command("list")
@click.option("--status", type=click.Choice(["open", "upheld", "overturned", "withdrawn"]))
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@click.option("--after", help="The last id of the page before.")
@click.pass_obj
def list_command(session: Session, status: str | None, limit: int, after: str | None) -> None:
    """The queue, oldest first; what is overdue says so."""
    from serving.record.review_requests import list_requests

    now = _now()
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_requests(conn, limit=limit, after=after, status=status)

    def view(out: Console) -> None:
        drawn = table("request", "received", "due", "status", "decided by")
        for each in found:
            due = f"{each.due_at:{_DAY}}"
            due = f"[bold red]{due} overdue[/]" if each.overdue(now) else due
            kind = f"{each.status}, appeal" if each.appeal_of else each.status
            drawn.add_row(
                each.request_id, f"{each.received_at:{_DAY}}", due, kind, each.decided_by or ""
            )
        out.print(drawn if found else "nobody contests a decision")

    session.emit({"requests": [each.to_json(now=now) for each in found]}, view)


@review_group.command("show")
@click.argument("request")
@click.pass_obj
def show_command(session: Session, request: str) -> None:
    """One request, with what the customer said and was answered."""
    from serving.record.review_requests import show_request

    with session.open() as keepwell:
        found = show_request(keepwell, request)
    told = found.to_json(now=_now())

    def view(out: Console) -> None:
        facts(out, [(name, each) for name, each in told.items() if each is not None])
        if found.request.decision_id and found.request.status == "open":
            out.print(
                f"  see what it rests on: keepwell dossier {found.request.decision_id}",
                style="dim",
                highlight=False,
            )

    session.emit(told, view)


@review_group.command("decide")
@click.argument("request")
@click.option(
    "--outcome",
    type=click.Choice(["upheld", "overturned"]),
    required=True,
    help="Whether the contested decision stands.",
)
@click.option("--reason", required=True, help="The customer will read it.")
@own_key
@click.pass_obj
def decide_command(session: Session, request: str, outcome: str, reason: str, key: str) -> None:
    """Answer a request; overturning stops every contact that rests on the decision."""
    from serving.rights.review_queue import decide

    with session.open() as keepwell:
        made = decide(
            keepwell,
            request,
            outcome=outcome,
            reason=reason,
            decider=whose(keepwell, key),
            clock=_now,
        )
    _emit(session, made)


@review_group.command("withdraw")
@click.argument("request")
@click.pass_obj
def withdraw_command(session: Session, request: str) -> None:
    """Take a request back, as the customer asks; what waited goes on."""
    from serving.rights.review_queue import withdraw_request

    with session.open() as keepwell:
        made = withdraw_request(keepwell, request, clock=_now)
    _emit(session, made)


@rights_command.command("appeal")
@click.argument("request")
@click.option("--reason", required=True, help="What the customer says.")
@click.pass_obj
def appeal_command(session: Session, request: str, reason: str) -> None:
    """Contest the answer to a request; someone else decides on it."""
    from serving.rights.review_queue import appeal

    with session.open() as keepwell:
        made = appeal(keepwell, request, reason=reason, clock=_now)
    _emit(session, made)


def _emit(session: Session, made: "ReviewRequest") -> None:
    told = made.to_json(now=_now())
    shown = [(name, each) for name, each in told.items() if each not in (None, False)]
    session.emit(told, lambda out: facts(out, shown))


@rights_command.command("processing-record")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to FILE.html, FILE.md or FILE.json.",
)
@click.pass_obj
def processing_record_command(session: Session, out: Path | None) -> None:
    """The record of processing activities (art. 30), from what this home really does."""
    from governance.errors import InvalidInput
    from serving.rights.export_page import processing_record_text, render_processing_record
    from serving.rights.processing_record import processing_record

    if out is not None and out.suffix not in (".html", ".md", ".json"):
        raise InvalidInput(
            f"{out.name} ends in none of .html, .md and .json", hint="name it so, to say which"
        )
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = processing_record(keepwell, conn, now=_now())
    if out is None:
        session.emit(
            found.to_json(),
            lambda screen: screen.print(processing_record_text(found), markup=False),
        )
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".json":
        text = json.dumps(found.to_json(), ensure_ascii=False, indent=2)
    else:
        as_page = out.suffix == ".html"
        text = render_processing_record(found) if as_page else processing_record_text(found)
    out.write_text(text, encoding="utf-8")
    session.emit(
        {"out": out, "missing": found.missing},
        lambda screen: screen.print(f"[green]✓[/] {out}", highlight=False),
    )


@rights_command.command("affected")
@click.option("--key", "key_id", required=True, help="The id of the key, as in: keys list.")
@click.option("--since", required=True, help="A date or an instant; a date is midnight at home.")
@click.pass_obj
def affected_command(session: Session, key_id: str, since: str) -> None:
    """What a key did to people, as far as the log knows: for when it was misused."""
    from governance.instants import parse_instant
    from serving.rights.affected import affected_by

    with session.open() as keepwell, keepwell.database.read() as conn:
        instant = parse_instant(since, keepwell.settings.zone)
        found = affected_by(conn, key_id, since=instant)

    def view(out: Console) -> None:
        told = found._asdict() | {"scopes": " ".join(found.scopes)}
        facts(out, [(name.replace("_", " "), each) for name, each in told.items()])
        out.print(
            "  Other reads are not logged by key: count whom its scopes reach (docs/breach.md).",
            style="dim",
            highlight=False,
        )

    session.emit({**found._asdict(), "since": instant}, view)
