"""The list of customers as staff look through it, a page at a time."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from features.links import is_known
from governance.log.decision import newest_of
from serving.bootstrap import Keepwell
from serving.record.tellable import tellable

ROWS = 50
"""How many customers one page shows."""


class Listed(NamedTuple):
    """One customer in the list: whether scoring is permitted now, and the newest estimate."""

    customer_id: str
    scoring: bool
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    as_of: datetime | None = None


def listed(
    keepwell: Keepwell, conn: Connection, ids: list[str], target: str, *, now: datetime
) -> tuple[Listed, ...]:
    """Say of each of these customers (inside ids) how they stand with one target's scores."""
    purpose = keepwell.target(target).purpose
    permit, _ = keepwell.registry.permit_many(conn, purpose, ids, now=now)
    persons = keepwell.persons.find_many(conn, ids) if ids else {}
    newest = newest_of(conn, persons.values(), kind="score", target=target) if persons else {}
    told = {each.person_id: each for each in tellable(keepwell, conn, [*newest.values()], now=now)}
    rows = []
    for customer_id in ids:
        found = told.get(persons.get(customer_id, ""))
        result = (found.result if found is not None else None) or {}
        rows.append(
            Listed(
                customer_id,
                permit.covers(customer_id),
                result.get("probability"),
                result.get("low"),
                result.get("high"),
                None if found is None or "probability" not in result else found.as_of,
            )
        )
    return tuple(rows)


def exact(keepwell: Keepwell, conn: Connection, asked: str) -> str | None:
    """Give the id inside this home of the customer whose very id was asked for, if known."""
    inside = keepwell.inside_id(asked)
    return inside if is_known(conn, inside) else None
