"""Messages on the command line: what waits or failed, sending it again, and trying the way."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from serving.cli.console import Session, table

if TYPE_CHECKING:
    from serving.interventions.delivery.message_desk import MessageView

_STATUSES = ("pending", "leased", "on_wire", "held", "delivered", "cancelled", "dead", "unknown")


@click.group("messages")
def messages_command() -> None:
    """Messages to customers and your systems: list them, replay dead ones, try your mail server."""


@messages_command.command("list")
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those that stand so.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.pass_obj
def list_command(session: Session, dead: bool, status: str | None, limit: int) -> None:
    """List messages, the newest first, without whom they are about or what they say."""
    from serving.interventions.delivery.message_desk import MessageStatus, list_messages
    from serving.interventions.delivery.switched_off import switched_off

    wanted = cast(MessageStatus | None, "dead" if dead else status)
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_messages(conn, limit=limit + 1, status=wanted)
        url = keepwell.settings.webhook.url
        off_since = None if url is None else switched_off(conn, url)

    more = len(found) > limit
    found = found[:limit]

    def view(out: Console) -> None:
        if off_since is not None:
            out.print(
                f"[yellow]![/] the webhook is off since {off_since:%Y-%m-%d %H:%M} UTC: its "
                "receiver said it is gone\n  → keepwell webhook enable",
                highlight=False,
            )
        if not found:
            out.print("no messages")
            return
        drawn = table("message", "created", "type", "by", "status", "why", "tries")
        drawn.columns[0].min_width = 36  # an id is needed whole, to send a message again
        for each in found:
            drawn.add_row(
                Text(each.message_id),
                f"{each.created_at:%Y-%m-%d %H:%M}",
                Text(each.type.removeprefix("intervention.")),
                Text(each.transport),
                Text(each.status),
                Text(_why(each)),
                _tries(each),
            )
        out.print(drawn)
        if more:
            out.print(f"[dim]the newest {limit:,}; there are more: --limit N[/]", highlight=False)

    told = {
        "messages": [each.to_json() for each in found],
        "more": more,
        "webhook_off_since": off_since,
    }
    session.emit(told, view)


def _why(each: "MessageView") -> str:
    """Say why it ended, or when it is due."""
    if each.finished_at is None and not each.reason:
        return f"due {each.due_at:%Y-%m-%d %H:%M}"
    return each.reason


def _tries(each: "MessageView") -> str:
    """Say how often it was tried, and what was answered last."""
    return f"{each.attempts}" + ("" if each.last_status is None else f" ({each.last_status})")


@messages_command.command("replay")
@click.argument("message_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every dead message.")
@click.pass_obj
def replay_command(session: Session, message_id: str | None, everything: bool) -> int:
    """Let a dead message be sent again, under the same id, if permission still holds."""
    from serving.interventions.delivery.desk import desk_of
    from serving.interventions.delivery.message_desk import replay, replay_all

    if (message_id is None) == (not everything):
        raise click.UsageError("Name one message, or say --all.")
    now = datetime.now(UTC)
    with session.open() as keepwell:
        desk = desk_of(keepwell)
        if message_id is None:
            done = list(replay_all(desk, by="command line", now=now))
        else:
            done = [replay(desk, message_id, by="command line", now=now)]
    queued = [each for each in done if each.queued]

    def view(out: Console) -> None:
        out.print(f"{len(queued):,} of {len(done):,} wait to be sent again", highlight=False)
        for each in done:
            if not each.queued:
                out.print(f"  [yellow]![/] {each.message_id}: {escape(each.reason)}")

    session.emit({"queued": len(queued), "messages": [each._asdict() for each in done]}, view)
    return 0 if queued or not done else 1


@messages_command.command("test")
@click.argument("address")
@click.pass_obj
def test_command(session: Session, address: str) -> int:
    """Send one e-mail to ADDRESS, your own, by the mail server of [email]; exit code 1 if refused.

    It says nothing but that it arrived, and is not kept.
    """
    from governance.errors import ConfigurationError
    from serving.courier import mail_server_of
    from serving.interventions.delivery.email_trial import send_trial_mail

    with session.open() as keepwell:
        server = mail_server_of(keepwell)
        if server is None:
            raise ConfigurationError(
                ["host of [email] is not set"],
                source=keepwell.home.settings_file.name,
                hint="say which mail server takes e-mails: docs/email.md",
            )
        found = send_trial_mail(server, address, home_kind=keepwell.kind, now=datetime.now(UTC))
    delivered = found.outcome == "delivered"

    def view(out: Console) -> None:
        if delivered:
            out.print("[green]✓[/] the mail server took it; see whether it arrives")
            return
        answered = "" if found.status is None else f" (it answered {found.status})"
        out.print(f"[red]✗[/] {escape(found.cause)}{answered}", highlight=False, soft_wrap=True)

    told = {"delivered": delivered, "status": found.status, "cause": found.cause}
    session.emit(told, view)
    return 0 if delivered else 1
