"""Did it help? On the command line."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from serving.cli.console import Session
from serving.cli.journey import journey_command
from serving.cli.measures import measures_command


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("outcomes")
def outcomes_command() -> None:
    """Did it help? Measures and lift."""


outcomes_command.add_command(measures_command)
outcomes_command.add_command(journey_command)


@outcomes_command.command("lift")
@click.argument("playbook")
@click.option("--horizon-days", type=click.IntRange(min=1), default=90, show_default=True)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, unless it is one of the starters.",
)
@click.pass_obj
def lift_command(session: Session, playbook: str, horizon_days: int, file: Path | None) -> int:
    """Treated minus held out, as assigned, for people whose horizon is over."""
    from serving.figures import lift_of

    with session.open() as keepwell, session.step("comparing"):
        found = lift_of(keepwell, playbook, horizon_days=horizon_days, file=file, now=_now())
    d = found.retained
    known = d.difference is not None and d.low is not None and d.high is not None

    def view(out: Console) -> None:
        out.print(f"{found.playbook}: ordered again within {found.horizon_days} days")
        if known:
            out.print(
                f"  treated − held out: [bold]{100 * (d.difference or 0):+.1f}[/] points "
                f"({100 * (d.low or 0):+.1f} … {100 * (d.high or 0):+.1f})",
                highlight=False,
            )
        out.print(f"  {d.verdict}; {found.waiting:,} people still within their horizon")
        if found.note:
            out.print(f"  [dim]{found.note}[/]")

    session.emit(found._asdict(), view)
    return 0 if known else 1
