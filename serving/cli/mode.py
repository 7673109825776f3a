"""How far Keepwell goes by itself, on the command line: look, unlock by evidence, lock."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.interventions.policy.modes import Unlock
    from serving.settings import Mode

_KEY = click.option(
    "--key", envvar="KEEPWELL_SIGNING_KEY", help="A reviewer's key with the scope audit:sign."
)


@click.group("mode")
def mode_command() -> None:
    """How far Keepwell goes by itself: observe, advise, act; each unlocked by evidence."""


@mode_command.command("show")
@click.pass_obj
def show_command(session: Session) -> None:
    """The mode in force, what unlocked it, and what is missing for the next step."""
    from serving.mode_desk import home_mode

    with session.open(to_look=True) as keepwell:
        found = home_mode(keepwell, now=datetime.now(UTC))
        kind = keepwell.kind
    standing, missing = found.standing, found.evidence.missing()

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("in force", standing.effective),
                ("stated in the settings", standing.stated),
                ("unlocked", f"{standing.unlocked}{' (a demo reaches nobody)' * (kind == 'demo')}"),
            ],
        )
        if standing.why:
            out.print(f"  {standing.why}", style="yellow", highlight=False, markup=False)
        if found.unlocks:
            drawn = table("unlocked", "by", "at", "taken back")
            for each in found.unlocks:
                back = "" if each.revoked_at is None else f"{each.revoked_at:%Y-%m-%d %H:%M}"
                drawn.add_row(
                    each.mode, escape(each.unlocked_by), f"{each.unlocked_at:%Y-%m-%d %H:%M}", back
                )
            out.print(drawn)
        if kind == "production" and standing.unlocked != "act":
            out.print("  missing for act", style="dim")
            for sentence in missing:
                out.print(f"    · {sentence}", highlight=False, markup=False)

    session.emit(
        {
            "mode": standing.effective,
            "stated": standing.stated,
            "unlocked": standing.unlocked,
            "why": standing.why,
            "kind": kind,
            "unlocks": [_told(each) for each in found.unlocks],
            "evidence": found.evidence.to_json(),
            "missing": missing,
        },
        view,
    )


@mode_command.group("unlock")
def unlock_command() -> None:
    """Unlock the next mode; the owner of the key stands for the evidence."""


@unlock_command.command("advise")
@click.option(
    "--assessment",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The impact assessment; its hash goes into the log, its words stay with you.",
)
@_KEY
@click.pass_obj
def unlock_advise_command(session: Session, assessment: Path, key: str | None) -> None:
    """Let Keepwell propose contacts to people, on an impact assessment."""
    from serving.mode_desk import unlock_advise

    with session.open() as keepwell:
        made = unlock_advise(keepwell, assessment, key=key, now=datetime.now(UTC))
    _say(session, made)


@unlock_command.command("act")
@_KEY
@click.pass_obj
def unlock_act_command(session: Session, key: str | None) -> None:
    """Let Keepwell contact people by itself; refused with everything that is missing."""
    from serving.mode_desk import unlock_act

    with session.open() as keepwell, session.step("looking at the evidence"):
        made = unlock_act(keepwell, key=key, now=datetime.now(UTC))
    _say(session, made)


@mode_command.command("lock")
@click.argument("mode", type=click.Choice(["advise", "act"]))
@click.option("--reason", default="", help="Why; it goes into the log and names nobody.")
@click.pass_obj
def lock_command(session: Session, mode: "Mode", reason: str) -> None:
    """Take a mode back at once; what is queued stays queued, and can be rejected."""
    from serving.mode_desk import home_mode, lock_mode

    now = datetime.now(UTC)
    with session.open() as keepwell:
        lock_mode(keepwell, mode, reason=reason, now=now)
        standing = home_mode(keepwell, now=now).standing

    def view(out: Console) -> None:
        out.print(f"[red]✗ {mode} is locked[/]; in force is {standing.effective}", highlight=False)

    session.emit({"locked": mode, "mode": standing.effective, "why": standing.why}, view)


def _say(session: Session, made: "Unlock") -> None:
    def view(out: Console) -> None:
        who = escape(made.unlocked_by)
        out.print(f"[green]✓ {made.mode} is unlocked[/] by {who}", highlight=False)
        out.print("  keepwell mode show: what is in force now", style="dim", highlight=False)

    session.emit(_told(made), view)


def _told(each: "Unlock") -> dict[str, Any]:
    return {
        "mode": each.mode,
        "unlocked_at": each.unlocked_at,
        "unlocked_by": each.unlocked_by,
        "revoked_at": each.revoked_at,
        "figures": each.evidence.get("figures", {}),
    }
