"""Customers on the command line: ids that are one person, and people who belong to accounts."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from serving.cli.console import Session, facts, table


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("customers")
def customers_command() -> None:
    """Merge ids of one person or split them, keep accounts: merge, split, join, leave, links."""


@customers_command.command("merge")
@click.argument("keep")
@click.argument("other")
@click.pass_obj
def merge_command(session: Session, keep: str, other: str) -> None:
    """KEEP and OTHER are one person: from now on the events of OTHER count for KEEP."""
    from serving.links import merge_customers

    with session.open() as keepwell:
        link = merge_customers(keepwell, keep, other, clock=_now)
    session.emit(
        {"outcome": "merged", **link._asdict()},
        lambda out: out.print(
            f"[green]✓[/] {escape(other)} counts for {escape(keep)} from now on\n"
            f"  undo: keepwell customers split {escape(keep)} {escape(other)}",
            highlight=False,
        ),
    )


@customers_command.command("split")
@click.argument("keep")
@click.argument("other")
@click.pass_obj
def split_command(session: Session, keep: str, other: str) -> None:
    """KEEP and OTHER are two people after all: from now on OTHER counts for itself again."""
    from serving.links import split_customers

    with session.open() as keepwell:
        link = split_customers(keepwell, keep, other, clock=_now)
    session.emit(
        {"outcome": "split", **link._asdict()},
        lambda out: out.print(
            f"[green]✓[/] {escape(other)} is a customer of its own again", highlight=False
        ),
    )


@customers_command.command("join")
@click.argument("account")
@click.argument("person")
@click.option("--since", help="When they joined: a date, or an instant with its zone; else now.")
@click.pass_obj
def join_command(session: Session, account: str, person: str, since: str | None) -> None:
    """PERSON belongs to ACCOUNT: what happens to them meanwhile counts for the account, too."""
    from governance.instants import parse_instant
    from serving.links import join

    with session.open() as keepwell:
        joined = parse_instant(since, keepwell.settings.zone) if since else None
        member = join(keepwell, account, person, joined_at=joined, clock=_now)
    session.emit(
        {"outcome": "joined", **member._asdict()},
        lambda out: out.print(
            f"[green]✓[/] {escape(person)} belongs to {escape(account)} "
            f"since {member.joined_at:%Y-%m-%d %H:%M} UTC",
            highlight=False,
        ),
    )


@customers_command.command("leave")
@click.argument("account")
@click.argument("person")
@click.option("--since", help="When they left: a date, or an instant with its zone; else now.")
@click.pass_obj
def leave_command(session: Session, account: str, person: str, since: str | None) -> None:
    """PERSON belongs to ACCOUNT no longer; what happened before stays with the account."""
    from governance.instants import parse_instant
    from serving.links import leave

    with session.open() as keepwell:
        left = parse_instant(since, keepwell.settings.zone) if since else None
        member = leave(keepwell, account, person, left_at=left, clock=_now)
    session.emit(
        {"outcome": "left", **member._asdict()},
        lambda out: out.print(
            f"[green]✓[/] {escape(person)} left {escape(account)} "
            f"at {member.left_at:%Y-%m-%d %H:%M} UTC",
            highlight=False,
        ),
    )


@customers_command.command("links")
@click.argument("customer", required=False)
@click.pass_obj
def links_command(session: Session, customer: str | None) -> None:
    """What links a customer or an account to others, now and before; without one, all there is."""
    from serving.links import links_of

    with session.open() as keepwell:
        found = links_of(keepwell, customer)

    def view(out: Console) -> None:
        if not found.merged and not found.members:
            out.print("no links")
        if found.merged:
            drawn = table("kept", "merged into it", "known from", "until")
            for link in found.merged:
                drawn.add_row(
                    Text(link.keep), Text(link.other), _day(link.linked_at), _day(link.unlinked_at)
                )
            out.print(drawn)
        if found.members:
            drawn = table("account", "person", "joined", "left", "known from")
            for each in found.members:
                drawn.add_row(
                    Text(each.account),
                    Text(each.customer),
                    _day(each.joined_at),
                    _day(each.left_at),
                    _day(each.known_at),
                )
            out.print(drawn)

    session.emit({"merged": found.merged, "members": found.members}, view)


@customers_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_command(session: Session, file: Path) -> int:
    """Bring in a file of merges (keep, other) or members (account, person, joined_at).

    CSV, Parquet or JSON lines. Optional columns: known_at, for members left_at. Again changes
    nothing.
    """
    from serving.links import import_links

    with session.open() as keepwell, session.step(f"reading {file.name}"):
        found = import_links(keepwell, file, clock=_now)

    def view(out: Console) -> None:
        facts(
            out,
            [
                (found.kind, f"{found.recorded:,}"),
                ("known already", f"{found.known:,}"),
                ("refused", f"{found.refused:,}"),
            ],
        )
        for reason, count in found.reasons.items():
            out.print(f"  [yellow]![/] {count:,} × {escape(reason)}", highlight=False)

    session.emit(found._asdict(), view)
    return 0 if found.recorded or found.known or not found.refused else 1


@customers_command.group("address")
def address_command() -> None:
    """Where e-mails that Keepwell sends itself reach a customer: set, remove, import."""


@address_command.command("set")
@click.argument("customer")
@click.argument("address")
@click.option("--channel", default="email", show_default=True)
@click.pass_obj
def address_set_command(session: Session, customer: str, address: str, channel: str) -> None:
    """Hold CUSTOMER's address. It permits nothing by itself."""
    from serving.addresses import set_address

    with session.open() as keepwell:
        set_address(keepwell, customer, channel, address, clock=_now)
    session.emit(
        {"outcome": "held", "channel": channel},
        lambda out: out.print(f"[green]✓[/] an address for {channel} is held", highlight=False),
    )


@address_command.command("remove")
@click.argument("customer")
@click.option("--channel", default="email", show_default=True)
@click.pass_obj
def address_remove_command(session: Session, customer: str, channel: str) -> None:
    """Let go of CUSTOMER's address; what still waits for it is not sent."""
    from serving.addresses import remove_address

    with session.open() as keepwell:
        remove_address(keepwell, customer, channel, clock=_now)
    session.emit(
        {"outcome": "removed", "channel": channel},
        lambda out: out.print("[green]✓[/] no address is held any more", highlight=False),
    )


@address_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--customer", "id_column", default="customer_id", show_default=True)
@click.option("--address", "address_column", default="email", show_default=True)
@click.pass_obj
def address_import_command(
    session: Session, file: Path, id_column: str, address_column: str
) -> int:
    """Hold the addresses of a file: CSV, Parquet or JSON lines, one customer a line.

    A line that cannot be held is counted with its reason and does not hold up the others.
    """
    from serving.addresses import import_addresses

    with session.open() as keepwell, session.step(f"reading {file.name}"):
        found = import_addresses(
            keepwell, file, id_column=id_column, address_column=address_column, clock=_now
        )

    def view(out: Console) -> None:
        facts(out, [("held", f"{found.held:,}"), ("refused", f"{found.refused:,}")])
        for reason, count in found.reasons.items():
            out.print(f"  [yellow]![/] {count:,} × {escape(reason)}", highlight=False)

    session.emit(found._asdict(), view)
    return 0 if found.held or not found.refused else 1


def _day(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M}"
