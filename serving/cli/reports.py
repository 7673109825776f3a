"""`keepwell outcomes report`: the weekly and the quarterly report, as a page and as JSON."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from serving.cli.console import Session, facts


@click.command("report")
@click.option("--weekly", "kind", flag_value="week", default=True, help="The last whole ISO week.")
@click.option("--quarterly", "kind", flag_value="quarter", help="The last whole calendar quarter.")
@click.option("--end", help="The last one that was over by then; by now, if not said.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put the two files; var/reports, if not said.",
)
@click.option(
    "--samples",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="Show so many texts per theme, redacted, of those who permit research_text.",
)
@click.pass_obj
def report_command(
    session: Session, kind: str, end: str | None, out: Path | None, samples: int
) -> None:
    """What a week or a quarter brought: for those who decide, who serve, who look closely."""
    from governance.instants import parse_instant
    from serving.reporting.document import report_document
    from serving.reporting.report import make_report
    from serving.reporting.shelf import write_report

    with session.open() as keepwell, session.step("making the report") as say:
        found = make_report(
            keepwell,
            "quarter" if kind == "quarter" else "week",
            end=parse_instant(end, keepwell.settings.zone) if end else None,
            samples=samples,
            now=datetime.now(UTC),
            progress=say,
        )
        written = write_report(keepwell, found, out)

    def view(console: Console) -> None:
        facts(
            console,
            [
                ("report", f"{found.period.label} ({found.kind})"),
                ("page", written.html),
                ("twin", written.twin),
                ("feedback overdue", found.feedback["overdue"]),
            ],
        )
        if found.samples:
            console.print(
                "It holds words that customers wrote: keep it no longer than you need it.",
                style="yellow",
            )

    session.emit({**report_document(found), "html": written.html, "json": written.twin}, view)
