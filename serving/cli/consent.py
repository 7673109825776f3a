"""Permissions on the command line: what one customer says, and where they stand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.consent_papers import (
    coverage_command,
    import_command,
    notice_group,
    receipt_command,
    record_command,
)
from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from governance.consent.registry import ConsentState

F = TypeVar("F", bound=Callable[..., Any])


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("consent")
def consent_command() -> None:
    """Who permitted what: yes and no, notices, proof, files, counts."""


for _each in (notice_group, record_command, receipt_command, import_command, coverage_command):
    consent_command.add_command(_each)


def _yes_options(command: F) -> F:
    """What a yes needs, and what it may say beside."""
    for option in (
        click.option("--guardian-evidence", help="Where a guardian's agreement can be seen."),
        click.option("--locale", "notice_locale", help="The language it was shown in."),
        click.option("--notice-version", type=int),
        click.option("--notice", "notice_id", help="The notice the person was shown."),
        click.option("--expires", help="When it ends: a date, or an instant with its zone."),
        click.option("--actor", default="operator", show_default=True, help="Who records it."),
        click.option("--explicit", is_flag=True, help="The person confirmed it in so many words."),
        click.option("--evidence", required=True, help="Where that act can be seen again."),
        click.option("--mechanism", required=True, help="The act: checkbox_ticked, button, call …"),
        click.argument("purpose"),
        click.argument("customer"),
    ):
        command = option(command)
    return command


@consent_command.command("grant")
@_yes_options
@click.pass_obj
def grant_command(session: Session, /, **said: Any) -> int:
    """Record one person's yes to one purpose, with the act and where it can be seen again.

    A notice published here fills in its words' digest and language, and when the yes ends.
    """
    return _say_yes(session, "given", **said)


@consent_command.command("renew")
@_yes_options
@click.pass_obj
def renew_command(session: Session, /, **said: Any) -> int:
    """Record that a person says yes anew, for instance to changed words; needs what a yes needs."""
    return _say_yes(session, "renewed", **said)


def _say_yes(
    session: Session, state: str, customer: str, purpose: str, expires: str | None, **said: Any
) -> int:
    from governance.consent.record import ConsentChange
    from governance.instants import parse_instant
    from serving.permission.consents import change_consent

    with session.open() as keepwell:
        zone = keepwell.settings.zone
        change = ConsentChange(
            customer_id=keepwell.inside_id(customer),
            purpose=purpose,
            state=state,
            expires_at=parse_instant(expires, zone) if expires else None,
            **said,
        )
        event = change_consent(keepwell, change, clock=_now)
        with keepwell.database.read() as conn:
            stands = keepwell.registry.state(conn, event.customer_id, purpose, now=_now())

    def view(out: Console) -> None:
        until = _day(event.expires_at, zone)
        held = f" until {until}" if until else ""
        out.print(f"[green]✓[/] {purpose} {state}{held}; event {event.event_id}")
        if not stands.permitted:
            out.print(f"[yellow]![/] recorded, but it permits nothing: {stands.reason}")
            if stands.reason in _HINTS:
                out.print(f"  → {_HINTS[stands.reason]}")

    session.emit(
        {
            "granted": int(stands.permitted),
            "refused": int(not stands.permitted),
            "reasons": {} if stands.permitted else {purpose: stands.reason},
            "event_id": event.event_id,
            "expires_at": event.expires_at,
        },
        view,
    )
    return 0 if stands.permitted else 1


_HINTS = {
    "not_explicit": "the person confirms this purpose in words: --explicit",
    "objected": "the person objected; only a yes in so many words lifts it: --explicit",
    "notice_changed": "name the notice in force: keepwell consent notice list",
    "minor": "someone who looks after them agrees: --guardian-evidence",
    "age_unknown": "say when they come of age: keepwell consent subject CUSTOMER --adult-from DATE",
}


@consent_command.command("refuse")
@click.argument("customer")
@click.argument("purpose")
@click.option("--mechanism", default="", help="How it was said.")
@click.option("--evidence", default="", help="Where that can be seen again.")
@click.pass_obj
def refuse_command(
    session: Session, customer: str, purpose: str, mechanism: str, evidence: str
) -> None:
    """Record that a person was asked and said no. It needs nothing but who and what."""
    from governance.consent.record import ConsentChange
    from serving.permission.consents import change_consent

    with session.open() as keepwell:
        change = ConsentChange(
            customer_id=keepwell.inside_id(customer),
            purpose=purpose,
            state="refused",
            actor="operator",
            mechanism=mechanism,
            evidence=evidence,
        )
        event = change_consent(keepwell, change, clock=_now)
    session.emit(
        {"outcome": "refused", "event_id": event.event_id},
        lambda out: out.print(f"[green]✓[/] {purpose} refused; event {event.event_id}"),
    )


@consent_command.command("withdraw")
@click.argument("customer")
@click.argument("purpose", required=False)
@click.option("--all", "everything", is_flag=True, help="Every purpose that can be stopped.")
@click.pass_obj
def withdraw_command(
    session: Session, customer: str, purpose: str | None, everything: bool
) -> None:
    """Take one permission back, or all, at once. It needs nothing but who and what."""
    from serving.permission.consents import withdraw, withdraw_all

    if everything == (purpose is not None):
        raise click.UsageError("name the purpose to withdraw, or --all")
    with session.open() as keepwell:
        inside = keepwell.inside_id(customer)
        if purpose is None:
            events = withdraw_all(keepwell, inside, actor="operator", clock=_now)
        else:
            events = (withdraw(keepwell, inside, purpose, actor="operator", clock=_now),)

    def view(out: Console) -> None:
        for event in events:
            out.print(f"[green]✓[/] {event.purpose} withdrawn; event {event.event_id}")
        if not events:
            out.print("[green]✓[/] nothing was going on that could be stopped")

    told: dict[str, Any] = {"outcome": "withdrawn"}
    if purpose is None:
        told["events"] = {event.purpose: event.event_id for event in events}
    else:
        told["event_id"] = events[0].event_id
    session.emit(told, view)


@consent_command.command("object")
@click.argument("customer")
@click.pass_obj
def object_command(session: Session, customer: str) -> None:
    """Record an objection (art. 21): no marketing outreach, nor the scoring done for it."""
    from serving.rights.acts import object_to_processing

    with session.open() as keepwell:
        done = object_to_processing(keepwell, customer, now=_now())
    session.emit(
        {"outcome": "objected", **done},
        lambda out: out.print(f"[green]✓[/] objected; event {done['event_id']}"),
    )


@consent_command.command("subject")
@click.argument("customer")
@click.option("--adult-from", help="The day they come of age.")
@click.option("--birth-date", help="Their birthday; only the day they come of age is kept.")
@click.option(
    "--employee/--no-employee", "employee", default=None, help="Staff are never scored one by one."
)
@click.pass_obj
def subject_command(
    session: Session,
    customer: str,
    adult_from: str | None,
    birth_date: str | None,
    employee: bool | None,
) -> None:
    """Say when a customer comes of age and whether they are staff, or show what is known."""
    from governance.errors import InvalidInput
    from governance.instants import parse_instant
    from serving.permission.consents import birthday, describe_subject

    if adult_from is not None and birth_date is not None:
        raise click.UsageError("give --adult-from or --birth-date, not both")
    relation = None if employee is None else "employee" if employee else "customer"
    with session.open() as keepwell:
        zone, age = keepwell.settings.zone, keepwell.settings.preferences.adult_age
        of_age = None if adult_from is None else parse_instant(adult_from, zone)
        if birth_date is not None:
            try:
                of_age = birthday(date.fromisoformat(birth_date), age, zone)
            except ValueError:
                raise InvalidInput(
                    "the birthday is not a date", hint="write it as 2012-01-31"
                ) from None
        inside = keepwell.inside_id(customer)
        if of_age is None and relation is None:
            with keepwell.database.read() as conn:
                subject = keepwell.registry.subject(conn, inside)
        else:
            subject = describe_subject(
                keepwell, inside, adult_from=of_age, relation=relation, clock=_now
            )
    shown = _day(subject.adult_from, zone) or "not known"
    session.emit(
        subject._asdict(),
        lambda out: facts(out, [("comes of age", shown), ("relation", subject.relation)]),
    )


@consent_command.command("show")
@click.argument("customer")
@click.pass_obj
def show_command(session: Session, customer: str) -> None:
    """Where a customer stands on every purpose, and everything they ever said."""
    with session.open() as keepwell, keepwell.database.read() as conn:
        known, zone = keepwell.inside_id(customer), keepwell.settings.zone
        states = keepwell.registry.states(conn, known, now=_now())
        history = keepwell.registry.history(conn, known)

    def view(out: Console) -> None:
        drawn = table("purpose", "permitted", "state", "until", "notice", "carried by", "why not")
        for each in states:
            mark = "[green]yes[/]" if each.permitted else "no"
            until, notice = _day(each.expires_at, zone), _notice(each)
            drawn.add_row(each.purpose, mark, each.state, until, notice, each.basis, each.reason)
        out.print(drawn)
        for event in history:
            out.print(
                f"  [dim]{event.occurred_at.astimezone(zone):%Y-%m-%d %H:%M}[/]  "
                f"{escape(event.purpose)} {event.state} "
                f"[dim]({escape(event.mechanism)}; event {event.event_id})[/]",
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


def _notice(state: "ConsentState") -> str:
    if state.notice_id is None:
        return ""
    return escape(f"{state.notice_id} {state.notice_version}")


def _day(instant: datetime | None, zone: tzinfo) -> str:
    """Write an instant briefly: midnight is its day, none is nothing."""
    if instant is None:
        return ""
    local = instant.astimezone(zone)
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"
