"""What was sent about erased people, and dropped: enough to answer the same again as a stranger's.

Kept are keyed digests alone, under the token that keeps the person erased; they go with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from governance.canonical import canonical
from governance.pseudonym import Suppression, keyed_token
from governance.tables import suppressions
from serving.tables import dropped_events

_MINE = dropped_events.c
_SLICE = 500


def drop_events(
    conn: Connection, suppression: Suppression, secret: bytes, rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say `written`, `duplicate` or `conflict` of each row of an event that is not kept, in order.

    Just what it would be if these people's events had been taken in since they were erased. The
    caller holds the customers' locks.
    """
    named = [_digests(secret, row) for row in rows]
    known = _known(conn, [name for name, _ in named])
    outcomes, new = [], []
    for row, (name, content) in zip(rows, named, strict=True):
        before = known.get(name)
        if before is None:
            known[name] = content
            token = suppression.token(row["customer_id"])
            new.append({"name": name, "content": content, "token": token})
            outcomes.append("written")
        else:
            outcomes.append("duplicate" if before == content else "conflict")
    if new:
        conn.execute(insert(dropped_events), new)
    return outcomes


def forget_dropped(conn: Connection) -> int:
    """Delete what is kept of events whose person's token lapsed or was lifted; gives how many."""
    held = select(suppressions.c.token)
    return conn.execute(delete(dropped_events).where(_MINE.token.not_in(held))).rowcount


def _digests(secret: bytes, row: Mapping[str, Any]) -> tuple[str, str]:
    identity = [row["subject"], row["customer_id"], row["kind"], row["event_name"]]
    name = keyed_token(secret, "dropped event", canonical(identity))
    return name, keyed_token(secret, "dropped content", name + row["digest"].hex())


def _known(conn: Connection, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(names), _SLICE):
        some = names[start : start + _SLICE]
        for row in conn.execute(select(dropped_events).where(_MINE.name.in_(some))):
            found[row.name] = row.content
    return found
