"""In whose evening is it quiet? The zone a customer lives in, as their profile states it.

A zone is read from the newest profile that names a valid one in the property `timezone` (an IANA
name such as Europe/Lisbon); everybody else lives in the home's zone. Reading it needs the permit
for `operations`: where that is refused, the home's zone counts.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.history import Histories, read_customer, read_customers
from features.links import contributors
from features.stated_groups import stated_groups
from governance.consent.registry import ConsentRegistry
from governance.instants import to_micros
from governance.proof import Permit
from serving.interventions.policy.policy import ContactPolicy, first_moment

PROPERTY = "timezone"
_PURPOSE = "operations"


def zone_of(
    conn: Connection,
    registry: ConsentRegistry,
    customer_id: str,
    *,
    default: ZoneInfo,
    now: datetime,
) -> ZoneInfo:
    """Give the zone one customer lives in; `default` where no valid one is known or readable."""
    permit = registry.permit(conn, customer_id, _PURPOSE, now=now)
    if not isinstance(permit, Permit):
        return default
    found = zones_in(read_customer(conn, permit, customer_id), now=now)
    return found.get(customer_id, default)


def zones_of(
    conn: Connection, registry: ConsentRegistry, customers: Collection[str], *, now: datetime
) -> dict[str, ZoneInfo]:
    """Give the zones of several customers; those without a valid one of their own are left out."""
    found: dict[str, ZoneInfo] = {}
    for histories in read_people(conn, registry, customers, now=now):
        found |= zones_in(histories, now=now)
    return found


def read_people(
    conn: Connection, registry: ConsentRegistry, customers: Collection[str], *, now: datetime
) -> tuple[Histories, ...]:
    """Bring in the histories of some customers from the database, of those whose permit allows."""
    permit, _ = registry.permit_many(conn, _PURPOSE, customers, now=now)
    readable = permit.customers
    merged = contributors(conn, readable).keys() & readable
    together = read_customers(conn, permit, readable - merged)
    return (together, *(read_customer(conn, permit, each) for each in sorted(merged)))


def zones_in(histories: Histories, *, now: datetime) -> dict[str, ZoneInfo]:
    """Give the zone each customer's newest profile states, of those that state a valid one."""
    stated = stated_groups(histories, PROPERTY, to_micros(now))
    known: Mapping[str, ZoneInfo | None] = {name: _zone(name) for name in set(stated.values())}
    return {
        customer: zone for customer, name in stated.items() if (zone := known[name]) is not None
    }


def quiet_until(
    conn: Connection,
    registry: ConsentRegistry,
    policy: ContactPolicy,
    customer_id: str,
    *,
    now: datetime,
) -> datetime | None:
    """Give the end of the quiet hours this customer is in at `now`, or None outside of them.

    Service duties do not ask: they are owed at any hour.
    """
    zone = zone_of(conn, registry, customer_id, default=policy.zone, now=now)
    moment = first_moment(now, policy, zone)
    return None if moment <= now else moment


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
