"""Taking a backup of a home, and making a home from one, on the command line."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from serving.cli.console import Session, facts

_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("backup")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--without-keys", is_flag=True, help="Leave the home's keys out; keep them apart.")
@click.option("--with-mlruns", is_flag=True, help="Take MLflow's runs and artifacts along.")
@click.pass_obj
def backup_command(session: Session, out: Path, without_keys: bool, with_mlruns: bool) -> None:
    """Write a backup of this home, as of one instant, while it is in use.

    OUT is a new file, or a folder, in which the file is named after the instant. The journal of
    what people asked for is not in it and is kept apart. The file holds personal data and, unless
    left out, the home's keys: only its owner may read it.
    """
    from serving.backup.take import take_backup

    now = _now()
    path = out / f"keepwell-{now:%Y%m%dT%H%M%SZ}.tar" if out.is_dir() else out
    with session.open(to_look=True) as keepwell, session.step("a backup") as progress:
        taken = take_backup(
            keepwell, path, now=now, keys=not without_keys, mlruns=with_mlruns, progress=progress
        )
        journal = keepwell.journal.path

    def view(out: Console) -> None:
        out.print(f"[green]✓[/] {taken.path}", highlight=False)
        facts(
            out,
            [
                ("as of", f"{taken.taken_at:%Y-%m-%d %H:%M:%S} UTC"),
                ("size", f"{taken.bytes / 1e6:,.1f} MB in {taken.members:,} members"),
                ("rows", f"{taken.rows:,}"),
                ("sha256", taken.digest),
                ("keys", "in it: whoever has this file can sign as this home"
                 if taken.has_keys else "not in it"),
                ("journal", f"not in it, by design: copy {journal} elsewhere, all the time"),
            ],
        )  # fmt: skip
        out.print("  It holds personal data: keep it encrypted, and not for long.", style="dim")

    session.emit({**taken._asdict(), "journal": journal}, view)


@click.command("restore")
@click.argument("file", type=_EXISTING_FILE)
@click.option(
    "--journal",
    type=click.Path(exists=True, path_type=Path),
    help="The journal that was kept apart, or its folder.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of keys that were kept apart; they go before those in the file.",
)
@click.option(
    "--database-url", help="An empty database to restore into; `sqlite`: the one in the home."
)
@click.option("--check", "only_check", is_flag=True, help="Only say whether the file is whole.")
@click.pass_obj
def restore_command(
    session: Session,
    file: Path,
    journal: Path | None,
    keys: Path | None,
    database_url: str | None,
    only_check: bool,
) -> int:
    """Make the new folder named by --home into the home that FILE holds.

    Every byte is checked first. What people asked for since is then done again from the journal;
    without it nothing is served (exit code 1).
    """
    from serving.backup.restore import check_backup, restore_backup

    if only_check:
        with session.step("reading the archive"):
            found = check_backup(file)
        told = {
            "outcome": "whole", "taken_at": found.taken_at, "kind": found.kind,
            "version": found.version, "revision": found.revision, "digest": found.digest,
            "members": len(found.members), "rows": sum(found.rows.values()),
            "has_keys": found.has_keys,
        }  # fmt: skip
        session.emit(told, lambda out: out.print(f"[green]✓[/] whole, of {found.taken_at}"))
        return 0
    with session.step("a restore") as progress:
        done = restore_backup(
            file, session.home,
            now=_now(), journal=journal, keys=keys, database_url=database_url, progress=progress,
        )  # fmt: skip

    def view(out: Console) -> None:
        out.print(f"[green]✓[/] {done.home}, as of {done.taken_at}", highlight=False)
        facts(out, [("rows", f"{done.rows:,}"), ("files", f"{done.files:,}")])
        if done.journal == "settled":
            asked = f"settled; {done.erased:,} people erased again"
            facts(out, [("asked since", asked)])
            return
        place = done.home / "var/journal/journal.jsonl"
        out.print(
            f"[yellow]![/] the journal is not here, so nothing is served. Copy it to {place}; "
            "where no copy is left: keepwell ledger accept-lost-journal",
            highlight=False,
        )

    session.emit(done._asdict(), view)
    return 0 if done.journal == "settled" else 1
