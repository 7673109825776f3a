"""The addresses held of customers, for messages that Keepwell sends itself: read, exported, erased.

An address rests on `operations`: it is kept to carry out what the customer agreed to elsewhere, and
permits nothing by itself. It stands in no log, error, list or entry of the ledger.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from governance.instants import to_text
from serving.interventions.delivery.email_addresses import EmailAddress, parse_address
from serving.tables import contact_addresses

_c = contact_addresses.c


def address_of(conn: Connection, customer_id: str, channel: str) -> EmailAddress | None:
    """Give the address held for a channel; None where there is none."""
    mine = (_c.customer_id == customer_id, _c.channel == channel)
    found = conn.execute(select(_c.address).where(*mine)).scalar()
    return None if found is None else parse_address(found)


def hold_address(
    conn: Connection, customer_id: str, channel: str, address: EmailAddress, *, now: datetime
) -> None:
    """Hold an address in place of what was held before for this channel."""
    values = {"address": address.text, "recorded_at": now}
    mine = (_c.customer_id == customer_id, _c.channel == channel)
    if not conn.execute(update(contact_addresses).where(*mine).values(values)).rowcount:
        row = {"customer_id": customer_id, "channel": channel, **values}
        conn.execute(insert(contact_addresses), row)


def drop_address(conn: Connection, customer_id: str, channel: str) -> bool:
    """Let go of the address for one channel; tells whether there was one."""
    mine = (_c.customer_id == customer_id, _c.channel == channel)
    return bool(conn.execute(delete(contact_addresses).where(*mine)).rowcount)


def export_addresses(conn: Connection, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Give every address held of a customer, as plain JSON."""
    rows = conn.execute(
        select(contact_addresses).where(_c.customer_id == customer_id).order_by(_c.channel)
    )
    return {
        "contact_addresses": [
            {
                "channel": row.channel,
                "address": row.address,
                "recorded_at": to_text(row.recorded_at),
            }
            for row in rows
        ]
    }


def erase_addresses(conn: Connection, customer_id: str) -> int:
    """Let go of every address of a customer, as an erasure asks; gives how many there were."""
    mine = _c.customer_id == customer_id
    return conn.execute(delete(contact_addresses).where(mine)).rowcount
