"""Own data in and the feature table out, on the command line."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from features.importing.result import ImportResult


@click.command("import")
@click.argument("mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file to read, if not the one the mapping names.",
)
@click.option("--dry-run", is_flag=True, help="Show what would come in; write nothing.")
@click.pass_obj
def import_command(session: Session, mapping: Path, source: Path | None, dry_run: bool) -> None:
    """Bring own data in through a MAPPING file. Importing twice changes nothing."""
    from serving.sources import import_file

    with session.open() as keepwell, session.step("importing") as progress:
        found = import_file(
            keepwell,
            mapping,
            source,
            now=datetime.now(UTC),
            dry_run=dry_run,
            progress=progress,
        )
    session.emit(vars(found), lambda out: draw_import(out, found))


def draw_import(out: Console, found: "ImportResult") -> None:
    """Show what an import did, or would do."""
    verb = "would write" if found.dry_run else "written"
    lines: list[tuple[str, object]] = [
        ("rows read", f"{found.rows_read:,}"),
        (f"events {verb}", f"{found.events_written:,}"),
        *((f"  {kind}", f"{count:,}") for kind, count in sorted(found.kinds.items())),
        ("customers", f"{found.customers:,}"),
        ("known already", f"{found.duplicates:,}"),
        ("conflicts", f"{found.conflicts:,}"),
        ("not selected", f"{found.not_selected:,}"),
        ("exact repeats among the lines", f"{found.repeated_lines:,}"),
        ("rejected", f"{found.rejected:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in sorted(found.reasons.items())),
    ]
    if found.labels:
        lines.append(("labels given", f"{found.labels:,}"))
    if found.first_at and found.last_at:
        lines.append(("from", f"{found.first_at:%Y-%m-%d} to {found.last_at:%Y-%m-%d}"))
    if found.rejects_file:
        lines.append(("rejects", found.rejects_file))
    facts(out, lines)
    if found.dry_run:
        out.print("  nothing was written (--dry-run)", style="dim")


@click.group("features")
def features_command() -> None:
    """List the features of this home, check your own, build the table alone."""


@features_command.command("build")
@click.option("--as-of", "as_ofs", multiple=True, help="An instant to look from; may be repeated.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The Parquet file to write.",
)
@click.option(
    "--subject",
    type=click.Choice(["customer", "account"]),
    default="customer",
    show_default=True,
    help="account: one row per account, of its members' events.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="spark: on the [spark] master of keepwell.toml; needs Java.",
)
@click.pass_obj
def build_command(
    session: Session, as_ofs: tuple[str, ...], out: Path, subject: str, engine: str
) -> None:
    """One row per customer per as_of, of those who permit model_training."""
    from governance.instants import parse_instant
    from serving.feature_table import build_feature_table

    started = time.perf_counter()
    with session.open() as keepwell, session.step("building features") as progress:
        zone = keepwell.settings.zone
        found = build_feature_table(
            keepwell,
            [parse_instant(each, zone) for each in as_ofs],
            out=out,
            clock=lambda: datetime.now(UTC),
            subject=subject,
            engine=engine,
            progress=progress,
        )
    seconds = round(time.perf_counter() - started, 3)
    session.emit(
        {**found._asdict(), "engine": engine, "seconds": seconds},
        lambda screen: facts(
            screen,
            [
                ("rows", f"{found.rows:,}"),
                ("features", found.features),
                ("customers who permit it", f"{found.customers:,}"),
                ("permission as of consent event", f"{found.permission_sequence:,}"),
                ("left out, changed their mind since", f"{found.withdrew:,}"),
                ("out", out),
                ("seconds", seconds),
            ],
        ),
    )


@features_command.command("list")
@click.pass_obj
def list_command(session: Session) -> None:
    """Every feature of this home: its name, what it means, its window, the purposes it needs."""
    from features.definitions import meaning
    from serving.feature_list import list_features

    with session.open() as keepwell, session.step("looking at the histories"):
        found = list_features(keepwell, now=datetime.now(UTC))
        own = {each.definition.name for each in keepwell.features.own}
    rows = [
        {
            "name": each.name,
            "meaning": meaning(each),
            "window_days": each.window_days,
            "purposes": each.purposes,
            "aggregate": each.aggregate,
            "kinds": each.kinds,
            "of": each.of,
            "empty": each.empty,
            "own": each.name in own,
        }
        for each in found
    ]

    def draw(out: Console) -> None:
        shown = table("feature", "what it means", "days", "purposes", numbers=(2,))
        for each in found:
            shown.add_row(
                Text(each.name, style="bold" if each.name in own else ""),
                Text(meaning(each)),
                str(each.window_days or ""),
                Text(", ".join(each.purposes)),
            )
        out.print(shown)
        out.print(f"\n  {len(found)} features, {len(own)} of your own", highlight=False)

    session.emit({"features": rows}, draw)


@features_command.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.pass_obj
def check_command(session: Session, file: Path | None) -> None:
    """Everything to mend in your own features, with the line. FILE: the home's keepwell.toml."""
    from governance.errors import ConfigurationError
    from serving.feature_list import examine_features
    from serving.home import Home

    file = file or Home(session.home).settings_file
    found = examine_features(session.home, file, now=datetime.now(UTC))
    if found.mistakes:
        if found.remark:
            session.note(found.remark)
        raise ConfigurationError(
            [str(each) for each in found.mistakes],
            source=file.name,
            hint="docs/features.md says what each key means",
        )
    session.emit(
        {"features": found.features, "problems": (), "remark": found.remark},
        lambda out: facts(
            out,
            [
                ("own features", found.features),
                ("to mend", "nothing"),
                *([("but", found.remark)] if found.remark else []),
            ],
        ),
    )
