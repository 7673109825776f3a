"""A CRM's fields, upload files and weekly list on the command line."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.crm.fields import System
    from serving.crm.weekly import WeeklyList

_SHOWN = 20

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
    from serving.crm.channels import check_channels
    from serving.crm.export import export_scores

    if out.suffix != ".csv":
        raise InvalidInput(f"{out.name} does not end in .csv")
    with session.open() as keepwell, session.step("asking who permits it"):
        with keepwell.database.read() as conn:
            check_channels(conn, channels)
        found = export_scores(keepwell, scores, out, system=system, channels=channels, clock=_now)
        kind = keepwell.kind

    def view(screen: Console) -> None:
        facts(screen, [("rows", f"{found.exported:,}"), ("to clear", f"{found.cleared:,}")])
        for why, count in sorted(found.left_out.items()):
            screen.print(f"    [dim]{why.replace('_', ' ')}: {count:,}[/]", highlight=False)
        facts(screen, [("out", found.out), ("clear", found.clear)])

    session.emit({**found._asdict(), "home": kind}, view)


@crm_command.command("weekly")
@click.option(
    "--scores",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that `keepwell score --out` wrote; everyone is scored now if none is named.",
)
@click.option(
    "--target", default="churn", show_default=True, help="What is scored, without a file."
)
@click.option(
    "--top",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How many people are on the list, most at stake first.",
)
@click.option("--margin", type=click.FloatRange(min=0), help="What a kept customer brings a year.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a printable .html page, or a .csv.",
)
@click.pass_obj
def weekly_command(
    session: Session,
    scores: Path | None,
    target: str,
    top: int,
    margin: float | None,
    out: Path | None,
) -> None:
    """Who may be drifting away, by the margin at stake, and where each may be reached."""
    from governance.errors import InvalidInput

    if out is not None and out.suffix not in (".html", ".csv"):
        raise InvalidInput(f"{out.name} ends in neither .html nor .csv")
    with session.open() as keepwell, session.step("gathering") as progress:
        keepwell.target(target)
        from serving.crm.weekly import weekly_list
        from serving.crm.weekly_page import weekly_csv, weekly_html
        from serving.scoring.batch import score_everyone

        own = keepwell.home.var / f"weekly-{target}.parquet"
        try:
            if scores is None:
                score_everyone(
                    keepwell, keepwell.target(target), out=own, clock=_now, progress=progress
                )
            found = weekly_list(keepwell, scores or own, top=top, margin=margin, clock=_now)
        finally:
            own.unlink(missing_ok=True)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch(mode=0o600)
        out.write_text((weekly_html if out.suffix == ".html" else weekly_csv)(found), "utf-8")
    session.emit({**found.to_json(), "out": out}, lambda screen: _draw_weekly(screen, found, out))


def _draw_weekly(out: Console, found: "WeeklyList", file: Path | None) -> None:
    from serving.scoring.chance import percent

    money, currency = found.at_risk, found.currency
    out.print(
        f"[bold]{money.value:,.0f} {currency}[/] at risk among {found.customers:,} customers who "
        f"permit scoring [dim]({money.low:,.0f} to {money.high:,.0f})[/]; "
        f"[bold]{found.contactable:.0%}[/] of it can be contacted",
        highlight=False,
    )
    drawn = table("", "customer", "at risk", "likely", "why", "by", "last contact", numbers=(2, 3))
    for rank, each in enumerate(found.lines[:_SHOWN], 1):
        drawn.add_row(
            f"[dim]{rank}[/]",
            f"[bold]{escape(each.customer_id)}[/]",
            f"{each.at_risk.value:,.0f}",
            f"{percent(each.probability, space=' ')} [dim]({percent(each.low, space=' ')}–"
            f"{percent(each.high, space=' ')})[/]",
            escape(each.reasons[0] if each.reasons else ""),
            ", ".join(escape(channel) for channel in each.channels) or "[dim]—[/]",
            each.last_contact or "[dim]none known[/]",
        )
    out.print(drawn)
    more = len(found.lines) - _SHOWN
    if more > 0:
        out.print(f"[dim]and {more:,} more: --out list.html, or --json[/]", highlight=False)
    left = "fewer than 5 people" if found.left_out is None else f"{found.left_out:,} people"
    out.print(f"[dim]left out: {left}. Margin: {escape(found.assumption)}.[/]", highlight=False)
    if file is not None:
        out.print(f"[green]✓[/] {file}", highlight=False, soft_wrap=True)
