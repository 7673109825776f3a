"""Letting go of what was kept long enough, on the command line."""

from datetime import UTC, datetime

import click
from rich.console import Console

from serving.cli.console import Session, table


@click.group("retention")
def retention_command() -> None:
    """How long things are kept; let go of what is past its time."""


@retention_command.command("apply")
@click.option("--dry-run", is_flag=True, help="Count what would go, and change nothing.")
@click.pass_obj
def apply_command(session: Session, dry_run: bool) -> None:
    """Delete what `[retention]` in keepwell.toml keeps no longer. Again finds nothing."""
    from serving.rights.retention import apply_retention

    with session.open() as keepwell, session.step("looking at what is kept"):
        found = apply_retention(keepwell, now=datetime.now(UTC), dry_run=dry_run)

    def view(out: Console) -> None:
        would = "would go" if dry_run else "gone"
        drawn = table("what", "of before", would, numbers=(2,))
        for each in found:
            before = "kept" if each.before is None else f"{each.before:%Y-%m-%d}"
            drawn.add_row(each.kind, before, f"{each.n:,}" if each.n else "—")
        out.print(drawn)
        if dry_run and any(each.n for each in found):
            out.print("  Nothing was changed. Do it: keepwell retention apply", style="dim")

    session.emit(
        {
            "dry_run": dry_run,
            "gone": [each._asdict() for each in found],
            "total": sum(each.n for each in found),
        },
        view,
    )


@retention_command.command("show")
@click.pass_obj
def show_command(session: Session) -> None:
    """For how long each kind of thing is kept in this home."""
    from serving.rights.retention import retention_in_words

    with session.open() as keepwell:
        settings = keepwell.settings.retention
        found = retention_in_words(settings)

    def view(out: Console) -> None:
        drawn = table("what", "is kept")
        for each in found:
            drawn.add_row(each.what, each.how_long)
        out.print(drawn)
        applied = "daily, by the service" if settings.automatic else "by: keepwell retention apply"
        out.print(
            f"  Enforced {applied}. Settings: [retention] in keepwell.toml",
            style="dim",
            highlight=False,
            markup=False,
        )

    session.emit(
        {"automatic": settings.automatic, "kept": [each._asdict() for each in found]}, view
    )
