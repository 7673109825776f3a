"""The ledger on the command line."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from serving.cli.console import Session, print_json


@click.group("ledger")
def ledger_command() -> None:
    """Verify the log; export its signed head."""


@ledger_command.command("verify")
@click.option(
    "--head",
    "head_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A head exported earlier: finds out whether the log was cut short since.",
)
@click.pass_obj
def verify_command(session: Session, head_file: Path | None) -> int:
    """Check every entry, link, signature, decision and word of consent.

    Exit code 1 if anything was changed.
    """
    from governance.errors import InvalidInput
    from serving.record.verification import check_log, read_head

    head = None
    if head_file is not None:
        try:
            head = read_head(head_file.read_text(encoding="utf-8"))
        except (ValueError, InvalidInput):
            raise InvalidInput(
                f"{head_file} is not a ledger head",
                hint="export one with: keepwell --json ledger head > head.json",
            ) from None
    with session.open(to_look=True) as keepwell:
        found = check_log(keepwell, head=head)

    def view(out: Console) -> None:
        intact = found.outcome == "intact"
        mark = "[bold green]✓ intact[/]" if intact else f"[bold red]✗ {found.outcome}[/]"
        checked = f", {found.decisions:,} decisions" if found.decisions is not None else ""
        if found.consents is not None:
            checked += f", {found.consents:,} words of consent"
        out.print(f"{mark}  {found.entries:,} entries{checked}", highlight=False)
        if found.first_bad is not None:
            out.print(f"  the first entry that is not as it was written: {found.first_bad}")
        for decision in found.changed_decisions:
            out.print(f"  not the decision that was logged: {decision}", highlight=False)
        for each in found.changed_consents:
            out.print(f"  not the consent that was logged: {each}", highlight=False)
        for each in found.changed_signatures:
            out.print(f"  not as it was logged: {each}", highlight=False)

    session.emit(found.to_json(), view)
    return 0 if found.outcome == "intact" else 1


@ledger_command.command("head")
@click.pass_obj
def head_command(session: Session) -> None:
    """Export the signed head, to be kept somewhere else."""
    from governance.log.ledger import head

    with session.open(to_look=True) as keepwell, keepwell.database.read() as conn:
        signed = head(conn, keepwell.keys.ledger)
    payload = signed.to_json()
    print_json(payload)  # always: what is exported is to be kept in a file


@ledger_command.command("accept-lost-journal")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def accept_command(session: Session, yes: bool) -> None:
    """Go on without the journal, where no copy of it is left.

    If the database was restored from a backup too, then what people asked for since that backup
    (erasures, withdrawals, objections) is lost: ask them again. The log keeps that this was said.
    """
    from serving.record.restore import accept_loss

    if not yes:
        click.confirm("Is there really no copy of the journal?", abort=True, err=True)
    now = datetime.now(UTC)
    with session.open(to_look=True) as keepwell:
        known = accept_loss(keepwell, now=now)
    session.emit(
        {"accepted_at": now, "bytes_known": known},
        lambda out: out.print(f"[green]✓[/] accepted; {known:,} bytes were known", highlight=False),
    )
