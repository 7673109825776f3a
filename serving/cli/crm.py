"""A CRM's fields, upload files and weekly list on the command line."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from serving.cli.console import Session, facts

if TYPE_CHECKING:
    from serving.crm.fields import System

_system = click.option(
    "--for",
    "system",
    required=True,
    type=click.Choice(["salesforce", "hubspot"]),
    help="The CRM it is meant for.",
)
_channels = click.option(
    "--channel",
    "channels",
    multiple=True,
    default=("email",),
    show_default=True,
    help="A channel whose permission the CRM shows; may be repeated.",
)
_scores = click.option(
    "--scores",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that `keepwell score --out` wrote.",
)


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("crm")
def crm_command() -> None:
    """Fields, upload files and the weekly list for a CRM."""


@crm_command.command("fields")
@_system
@_channels
@click.option("--target", "targets", multiple=True, help="Only this target; may be repeated.")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to write to.",
)
@click.pass_obj
def fields_command(
    session: Session,
    system: "System",
    channels: tuple[str, ...],
    targets: tuple[str, ...],
    out: Path,
) -> None:
    """Definitions of the fields that hold this home's scores, to be imported once."""
    from serving.crm.fields import fields_of
    from serving.crm.hubspot import write_hubspot
    from serving.crm.salesforce import write_salesforce

    with session.open() as keepwell:
        names = targets or tuple(sorted(keepwell.targets))
        fields = fields_of([keepwell.target(name) for name in names], channels)
    files = (write_salesforce if system == "salesforce" else write_hubspot)(fields, out)
    told = {"out": out, "fields": [field.name(system) for field in fields], "files": len(files)}

    def view(screen: Console) -> None:
        facts(screen, [(field.name(system), field.label) for field in fields])
        screen.print(f"[green]✓[/] {len(files)} files in {out}", highlight=False, soft_wrap=True)

    session.emit(told, view)


@crm_command.command("export")
@_system
@_scores
@_channels
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The CSV file to write; the one that clears is written beside it.",
)
@click.pass_obj
def export_command(
    session: Session, system: "System", scores: Path, channels: tuple[str, ...], out: Path
) -> None:
    """Upload-ready scores of those who permit it now, and a file that clears everyone else's."""
    from governance.errors import InvalidInput
    from serving.crm.export import export_scores

    if out.suffix != ".csv":
        raise InvalidInput(f"{out.name} does not end in .csv")
    with session.open() as keepwell, session.step("asking who permits it"):
        found = export_scores(keepwell, scores, out, system=system, channels=channels, clock=_now)
        kind = keepwell.kind

    def view(screen: Console) -> None:
        facts(screen, [("rows", f"{found.exported:,}"), ("to clear", f"{found.cleared:,}")])
        for why, count in sorted(found.left_out.items()):
            screen.print(f"    [dim]{why.replace('_', ' ')}: {count:,}[/]", highlight=False)
        facts(screen, [("out", found.out), ("clear", found.clear)])

    session.emit({**found._asdict(), "home": kind}, view)
