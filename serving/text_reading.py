"""Reading what people wrote: of those who permit it now alone, drawn by chance, noted in the log.

The log learns how many texts were shown, of how many who permit it: no text and no one's id.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from features.history import customer_ids, read_all
from features.text.narratives import PURPOSE, Excerpt, sample_texts
from governance.errors import PermissionRefused
from governance.proof import Permit
from serving.bootstrap import Keepwell


def draw_texts(
    keepwell: Keepwell,
    speaks: Callable[[str], bool],
    *,
    where: str,
    size: int,
    seed: int,
    now: datetime,
    kinds: Sequence[str] = (),
    people: Callable[[Connection], Sequence[str]] = customer_ids,
) -> tuple[Excerpt, ...]:
    """Draw texts for which `speaks` is true, at most one per person; the log learns `where`.

    Raises `PermissionRefused` where none of `people` permits it.
    """
    with keepwell.database.read() as conn:
        permit = permit_reading(keepwell, conn, people(conn), now=now)
        histories = read_all(conn, keepwell.store, permit, digests=False)
    rng = np.random.default_rng(seed)
    found = sample_texts(histories, permit, rng, as_of=now, size=size, kinds=kinds, where=speaks)
    note_reading(keepwell, where, permit, len(found), now=now)
    return found


def permit_reading(
    keepwell: Keepwell, conn: Connection, people: Sequence[str], *, now: datetime
) -> Permit:
    """Give the permit to read texts of those who allow it; raises `PermissionRefused`."""
    permit, refused = keepwell.registry.permit_many(conn, PURPOSE, people, now=now)
    if not permit.customers:
        raise PermissionRefused(
            f"nobody permits {PURPOSE}; {len(refused):,} customers are known",
            purpose=PURPOSE,
            reason="no_permission",
            hint=f"record what customers permit: keepwell consent grant CUSTOMER {PURPOSE}",
        )
    return permit


def note_reading(
    keepwell: Keepwell, where: str, permit: Permit, texts: int, *, now: datetime
) -> None:
    """Log that texts were shown."""
    body = {"where": where, "purpose": PURPOSE, "permitted": len(permit.customers), "texts": texts}
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "texts_read", body, now=now)
