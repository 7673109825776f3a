"""Whether the table of keys is what the log says: made, rotated and revoked by Keepwell alone."""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from governance.canonical import digest
from governance.instants import to_text
from governance.tables import ledger_entries
from serving.tables import api_keys

_KINDS = ("key_created", "key_rotated", "key_revoked")


def check_keys(conn: Connection) -> tuple[str, ...]:
    """Compare every key with what the log holds of it; names those that differ.

    Finds a key that was put into the table, edited, taken away or called back from its end.
    """
    promised, revoked = {}, set()
    logged = select(ledger_entries.c.kind, ledger_entries.c.body).where(
        ledger_entries.c.kind.in_(_KINDS)
    )
    for kind, text in conn.execute(logged.order_by(ledger_entries.c.seq)):
        body = json.loads(text)
        if kind == "key_revoked":
            revoked.add(body["key_id"])
        else:  # a rotated key is held to its new end
            promised[body["key_id"]] = body["digest"]
    held = {
        row.key_id: row_digest(row)
        for row in conn.execute(select(api_keys))
        if (row.revoked_at is not None) == (row.key_id in revoked)
    }
    names = held.keys() | promised.keys()
    return tuple(f"key {each}" for each in sorted(names) if held.get(each) != promised.get(each))


def row_digest(row: Row[Any]) -> str:
    """Give what the log holds of a key: all of its row but when it was used or revoked."""
    fields = {
        "key_id": row.key_id,
        "secret_hash": row.secret_hash,
        "owner": row.owner,
        "scopes": sorted(row.scopes),
        "created_at": to_text(row.created_at),
        "expires_at": None if row.expires_at is None else to_text(row.expires_at),
    }
    if row.successor_id is not None:  # keys of earlier versions had none
        fields["successor_id"] = row.successor_id
    return digest(fields)
