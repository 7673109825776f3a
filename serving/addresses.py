"""What is done about a customer's address: held for a channel Keepwell sends by, or let go of."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from governance.consent.registry import Refusal
from governance.errors import InvalidInput, KeepwellError, NotFound
from serving.bootstrap import Keepwell
from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.held_addresses import drop_address, hold_address
from serving.links import person_permit
from serving.locks import lock_customers
from serving.rights.customers import unknown_customer

CHANNELS = ("email",)
"""Channels Keepwell sends by itself; for others the company's own systems hold the addresses."""


class AddressesImported(NamedTuple):
    """How many addresses of a file are held, how many not, and why not."""

    held: int
    refused: int
    reasons: Mapping[str, int]


def set_address(
    keepwell: Keepwell,
    customer_id: str,
    channel: str,
    address: str,
    *,
    clock: Callable[[], datetime],
) -> None:
    """Hold one customer's address for one channel, in place of what was held before.

    Raises `InvalidInput` for what is no address, a channel that Keepwell does not send by or an
    evaluation home, and `NotFound` for someone who may not be served (erased, or refusing it).
    """
    _require_channel(channel)
    if keepwell.kind == "evaluation":
        raise InvalidInput(
            "an evaluation home contacts nobody and holds no addresses",
            hint="hold them in a production home",
        )
    parsed, inside = parse_address(address), keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        now = clock()
        if isinstance(person_permit(keepwell, conn, inside, "operations", now=now), Refusal):
            raise unknown_customer()
        body = {"person": keepwell.persons.person_id(conn, inside), "channel": channel}
        hold_address(conn, inside, channel, parsed, now=now)
        keepwell.ledger.append(conn, "address_held", body, now=now)


def remove_address(
    keepwell: Keepwell, customer_id: str, channel: str, *, clock: Callable[[], datetime]
) -> None:
    """Let go of one customer's address; raises `NotFound` where none is held."""
    _require_channel(channel)
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        if not drop_address(conn, inside, channel):
            raise NotFound(
                f"no address for {channel} is held of this customer",
                hint="hold one: keepwell customers address set CUSTOMER ADDRESS",
            )
        body = {"person": keepwell.persons.person_id(conn, inside), "channel": channel}
        keepwell.ledger.append(conn, "address_removed", body, now=clock())


def import_addresses(
    keepwell: Keepwell,
    path: Path,
    *,
    id_column: str,
    address_column: str,
    clock: Callable[[], datetime],
) -> AddressesImported:
    """Hold the e-mail addresses of a file, one customer a line; a line without both is counted.

    Raises `InvalidInput` for a file without the two columns.
    """
    from features.importing.source import open_source  # slow to load, and only commands read files

    reasons, held = Counter[str](), 0
    names = (id_column, address_column)
    with open_source(path, scratch=path.parent, store=path.parent, textual=names) as source:
        missing = [name for name in names if name not in source.types]
        if missing:
            raise InvalidInput(
                f"{path.name} has no column {', '.join(missing)}",
                hint="name them: --customer COLUMN --address COLUMN",
            )
        from duckdb import ColumnExpression

        chosen = [ColumnExpression(name).cast("VARCHAR") for name in names]
        rows = source.connection.sql("SELECT * FROM source").select(*chosen).fetchall()
    for customer_id, address in rows:
        if not customer_id or not address:
            reasons["a line without a customer or an address"] += 1
            continue
        try:
            set_address(keepwell, customer_id.strip(), "email", address, clock=clock)
        except KeepwellError as problem:
            reasons[problem.message] += 1
        else:
            held += 1
    return AddressesImported(held, reasons.total(), dict(reasons))


def _require_channel(channel: str) -> None:
    if channel not in CHANNELS:
        raise InvalidInput(
            "addresses are held for channels Keepwell sends by itself alone: " + ", ".join(CHANNELS)
        )
