"""Permissions on the command line: one customer, or a file with each person's own evidence."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("consent")
def consent_command() -> None:
    """Who permitted what: grant, withdraw, show, receipt, import."""


@consent_command.command("grant")
@click.argument("customer")
@click.argument("purpose")
@click.option("--mechanism", required=True, help="The act: checkbox_ticked, button, call …")
@click.option("--evidence", required=True, help="Where that act can be seen again.")
@click.option("--explicit", is_flag=True, help="The person confirmed this purpose in words.")
@click.option("--actor", default="operator", show_default=True, help="Who records it.")
@click.option("--expires", help="When it ends: a date, or an instant with its zone.")
@click.option("--notice", "notice_id", help="The notice the person was shown.")
@click.option("--notice-version", type=int)
@click.pass_obj
def grant_command(
    session: Session,
    customer: str,
    purpose: str,
    mechanism: str,
    evidence: str,
    explicit: bool,
    actor: str,
    expires: str | None,
    notice_id: str | None,
    notice_version: int | None,
) -> int:
    """Record one person's yes to one purpose, with the act and where it can be seen again."""
    from governance.consent_record import ConsentChange
    from governance.instants import parse_instant
    from serving.consents import change_consent

    with session.open() as keepwell:
        event = change_consent(
            keepwell,
            ConsentChange(
                customer_id=keepwell.inside_id(customer),
                purpose=purpose,
                state="given",
                actor=actor,
                mechanism=mechanism,
                evidence=evidence,
                explicit=explicit,
                expires_at=parse_instant(expires, keepwell.settings.zone) if expires else None,
                notice_id=notice_id,
                notice_version=notice_version,
            ),
            clock=_now,
        )
        with keepwell.database.read() as conn:
            stands = keepwell.registry.state(conn, event.customer_id, purpose, now=_now())

    def view(out: Console) -> None:
        out.print(f"[green]✓[/] {purpose} given; event {event.event_id}")
        if not stands.permitted:
            out.print(f"[yellow]![/] recorded, but it permits nothing: {stands.reason}")
            if stands.reason == "not_explicit":
                out.print("  → the person confirms this purpose in words: --explicit")

    session.emit(
        {
            "granted": int(stands.permitted),
            "refused": int(not stands.permitted),
            "reasons": {} if stands.permitted else {purpose: stands.reason},
            "event_id": event.event_id,
        },
        view,
    )
    return 0 if stands.permitted else 1


@consent_command.command("withdraw")
@click.argument("customer")
@click.argument("purpose")
@click.pass_obj
def withdraw_command(session: Session, customer: str, purpose: str) -> None:
    """Take one permission back, at once. It needs nothing but who and what."""
    from serving.consents import withdraw

    with session.open() as keepwell:
        event = withdraw(
            keepwell, keepwell.inside_id(customer), purpose, actor="operator", clock=_now
        )
    session.emit(
        {"outcome": "withdrawn", "event_id": event.event_id},
        lambda out: out.print(f"[green]✓[/] {purpose} withdrawn; event {event.event_id}"),
    )


@consent_command.command("show")
@click.argument("customer")
@click.pass_obj
def show_command(session: Session, customer: str) -> None:
    """Where a customer stands on every purpose, and everything they ever said."""
    with session.open() as keepwell, keepwell.database.read() as conn:
        known = keepwell.inside_id(customer)
        states = keepwell.registry.states(conn, known, now=_now())
        history = keepwell.registry.history(conn, known)

    def view(out: Console) -> None:
        drawn = table("purpose", "permitted", "state", "carried by", "why not")
        for each in states:
            mark = "[green]yes[/]" if each.permitted else "no"
            drawn.add_row(each.purpose, mark, each.state, each.basis, each.reason)
        out.print(drawn)
        for event in history:
            out.print(
                f"  [dim]{event.occurred_at:%Y-%m-%d %H:%M}[/]  {escape(event.purpose)} "
                f"{event.state} [dim]({escape(event.mechanism)}; event {event.event_id})[/]",
                highlight=False,
            )

    session.emit(
        {
            "purposes": [each._asdict() for each in states],
            "history": history,
            "granted": sum(each.permitted for each in states),
            "refused": sum(not each.permitted for each in states),
            "reasons": {each.purpose: each.reason for each in states if each.reason},
        },
        view,
    )


@consent_command.command("receipt")
@click.argument("customer")
@click.argument("event_id", required=False)
@click.pass_obj
def receipt_command(session: Session, customer: str, event_id: str | None) -> None:
    """The receipt of one recorded word (the newest, if none is named), as DPV JSON-LD."""
    from governance.errors import NotFound
    from governance.receipts import receipt

    with session.open() as keepwell, keepwell.database.read() as conn:
        history = keepwell.registry.history(conn, keepwell.inside_id(customer))
        chosen = [e for e in history if event_id is None or e.event_id == event_id]
        if not chosen:
            raise NotFound(
                "there is no such recorded word", hint="see: keepwell consent show CUSTOMER"
            )
        document = receipt(conn, chosen[-1], keepwell.registry.rules, home_kind=keepwell.kind)
    session.emit(document, lambda out: out.print_json(data=document))


@consent_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_command(session: Session, file: Path) -> None:
    """Bring in a file of answers; a yes without its own evidence is refused, the rest comes in."""
    from serving.consent_files import read_consents
    from serving.consents import record_all

    with session.open() as keepwell:
        read = read_consents(file, zone=keepwell.settings.zone, rename=keepwell.inside_id)
        with session.step(f"recording {len(read.changes):,} answers"):
            done = record_all(keepwell, read.changes, clock=_now)
    reasons = {**read.unreadable, **done.reasons}
    refused = done.refused + sum(read.unreadable.values())

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("recorded", f"{done.recorded:,}"),
                ("of them a yes", f"{done.granted:,}"),
                ("known already", f"{done.known:,}"),
                ("refused", f"{refused:,}"),
            ],
        )
        for reason, count in reasons.items():
            out.print(f"  [yellow]![/] {count:,} × {escape(reason)}", highlight=False)

    session.emit(
        {
            "granted": done.granted,
            "recorded": done.recorded,
            "known": done.known,
            "refused": refused,
            "reasons": reasons,
        },
        view,
    )
