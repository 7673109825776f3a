"""What a key did to people, as far as the log and the registry know: for when it was misused.

Reads other than exports are not logged by key; what could be reached follows from its scopes.
"""

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from governance.errors import NotFound
from governance.tables import consent_events, ledger_entries
from serving.access.auth import list_keys

_ACTS = ("export", "erasure", "review_decided", "complaint_closed")


class Affected(NamedTuple):
    """What one key did since an instant; people are counted once per column."""

    key_id: str
    owner: str
    scopes: tuple[str, ...]
    last_used_at: datetime | None
    exported: int
    erased: int
    reviews_decided: int
    complaints_closed: int
    permissions_changed: int


def affected_by(conn: Connection, key_id: str, *, since: datetime) -> Affected:
    """Count people whose data a key exported, and what else it did; raises `NotFound`."""
    known = [each for each in list_keys(conn) if each.key_id == key_id]
    if not known:
        raise NotFound("no key has this id", hint="see: keepwell keys list")
    rows = conn.execute(
        select(ledger_entries.c.kind, ledger_entries.c.body)
        .where(ledger_entries.c.recorded_at >= since, ledger_entries.c.kind.in_(_ACTS))
        .order_by(ledger_entries.c.seq)
    )
    acts: dict[str, set[str]] = {kind: set() for kind in _ACTS}
    for kind, text in rows:
        body = json.loads(text)
        if body.get("key") == key_id:
            acts[kind].add(str(body.get("person") or body.get("complaint") or len(acts[kind])))
    events = consent_events.c
    changed = conn.execute(
        select(func.count(events.customer_id.distinct())).where(
            events.actor == f"key {key_id}", events.recorded_at >= since
        )
    ).scalar_one()
    return Affected(
        key_id=key_id,
        owner=known[0].owner,
        scopes=known[0].scopes,
        last_used_at=known[0].last_used_at,
        exported=len(acts["export"]),
        erased=len(acts["erasure"]),
        reviews_decided=len(acts["review_decided"]),
        complaints_closed=len(acts["complaint_closed"]),
        permissions_changed=int(changed),
    )
