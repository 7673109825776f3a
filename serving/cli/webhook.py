"""The webhook on the command line: the secret for the receiver, and whether messages arrive."""

from datetime import UTC, datetime

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session


@click.group("webhook")
def webhook_command() -> None:
    """The secret your receiver checks signatures with; a test message; on again after a 410."""


@webhook_command.command("secret")
@click.pass_obj
def secret_command(session: Session) -> None:
    """Print the signing secret as a receiver configures it. Keep it like a password."""
    from serving.interventions.delivery.webhook import Endpoint

    with session.open() as keepwell:
        secret = Endpoint("", keepwell.keys.webhook).shown_secret
    session.emit({"secret": secret}, lambda out: out.print(secret, highlight=False, soft_wrap=True))


@webhook_command.command("test")
@click.pass_obj
def test_command(session: Session) -> int:
    """Send a signed message of the type webhook.test, once; exit code 1 if nobody took it."""
    from serving.courier import endpoint_of
    from serving.interventions.delivery.dispatch import http_client
    from serving.interventions.delivery.trial import send_trial

    now = datetime.now(UTC)
    with session.open() as keepwell:
        endpoint = endpoint_of(keepwell)
        with http_client(seconds=endpoint.timeout_s) as client:
            found = send_trial(client, endpoint, home_kind=keepwell.kind, now=now)
    delivered = found.outcome == "delivered"

    def view(out: Console) -> None:
        if delivered:
            out.print(f"[green]✓[/] the receiver answered {found.status}", highlight=False)
        elif found.status is None:
            cause = f" ({escape(found.cause)})" if found.cause else ""
            out.print(
                f"[red]✗[/] no answer from {escape(found.host)}{cause}: is the receiver running "
                "at the url of \\[webhook]?",
                highlight=False,
                soft_wrap=True,
            )
        else:
            out.print(
                f"[red]✗[/] the receiver answered {found.status}, expected 200 to 299",
                highlight=False,
            )
            out.print("  → 401 or 400 often means another secret: keepwell webhook secret")

    told = {"delivered": delivered, "status": found.status, "message_id": found.message_id}
    if found.status is None:
        told |= {"host": found.host, "cause": found.cause}
    session.emit(told, view)
    return 0 if delivered else 1


@webhook_command.command("enable")
@click.pass_obj
def enable_command(session: Session) -> None:
    """Send to the webhook again, after its receiver had answered 410 and was switched off."""
    from serving.courier import endpoint_of
    from serving.interventions.delivery.switched_off import switch_on

    with session.open() as keepwell:
        url = endpoint_of(keepwell).url
        with keepwell.database.write() as conn:
            was_off = switch_on(conn, url)
            if was_off:
                now = datetime.now(UTC)
                keepwell.ledger.append(conn, "webhook_enabled", {"by": "command line"}, now=now)
    said = "messages go there again" if was_off else "it was not switched off"
    session.emit(
        {"enabled": True, "was_off": was_off},
        lambda out: out.print(f"[green]✓[/] {said}", highlight=False),
    )
