"""Groups of people, for the fairness audit alone: protected attributes, kept apart."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from features.tables import protected_attributes
from governance.proof import Permit


def protected_names(conn: Connection) -> frozenset[str]:
    """Name the protected attributes there are; tells of nobody."""
    return frozenset(conn.execute(select(protected_attributes.c.name).distinct()).scalars())


def protected(conn: Connection, permit: Permit) -> Mapping[str, Mapping[str, str]]:
    """Bring in protected attributes: attribute to customer to value, of those permitted only.

    For the fairness audit alone: raises `PermissionRefused` unless `permit` is for
    `fairness_audit`. Who has no value for an attribute is absent.
    """
    permit.require("fairness_audit")
    customers = permit.customers
    attributes = protected_attributes.c
    query = select(attributes.name, attributes.customer_id, attributes.value)
    found: dict[str, dict[str, str]] = {}
    for name, customer_id, value in conn.execute(query.order_by(attributes.name)):
        if customer_id in customers:
            found.setdefault(name, {})[customer_id] = value
    return found
