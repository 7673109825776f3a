"""One customer at a time: nothing becomes known between reading a customer and deciding."""

import hashlib
from collections.abc import Collection

from sqlalchemy import BigInteger, Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT unnest(:keys) AS key ORDER BY 1) AS keys"
).bindparams(bindparam("keys", type_=ARRAY(BigInteger)))


def lock_customers(conn: Connection, customer_ids: Collection[str]) -> None:
    """Hold these customers until the transaction ends; read the clock afterwards.

    Whoever writes or judges a customer holds the lock, so that an event stamped as known before a
    decision is always seen by it. On SQLite a write transaction already has the whole database.
    """
    if conn.dialect.name == "sqlite":
        return
    conn.execute(_LOCK, {"keys": sorted(_key(each) for each in set(customer_ids))})


def lock_runs(conn: Connection) -> None:
    """Hold back every other run of playbooks until the transaction ends; take it before customers.

    What a run counts (contacts, money, arms) then stays as it was counted.
    """
    if conn.dialect.name != "sqlite":
        conn.execute(_LOCK, {"keys": [_key("\0runs")]})


def _key(customer_id: str) -> int:
    digest = hashlib.blake2b(customer_id.encode(), digest_size=8, person=b"kw-customer").digest()
    return int.from_bytes(digest, "big", signed=True)
