"""Whose rows a model learned from: person → dataset → model, and who has changed their mind since.

People stand here under their random ids, 16 bytes each. An erasure cuts an id off from its person,
so that what stays here speaks of nobody.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from governance.pseudonym import PERSON_PREFIX
from governance.tables import training_people as table

_SIZE = 16


class Trained(NamedTuple):
    """One model that learned from someone, and the digest of the rows it was given."""

    model_digest: str
    dataset_digest: str
    recorded_at: datetime


def note_people(
    conn: Connection,
    *,
    model_digest: str,
    dataset_digest: str,
    persons: Collection[str],
    now: datetime,
) -> None:
    """Write down whose rows a model was trained on; again changes nothing."""
    if people_of(conn, model_digest) is not None:
        return
    packed = b"".join(sorted(_packed(each) for each in set(persons)))
    row = {
        "model_digest": model_digest,
        "dataset_digest": dataset_digest,
        "recorded_at": now,
        "people": len(packed) // _SIZE,
        "persons": packed,
    }
    conn.execute(insert(table), row)


def people_of(conn: Connection, model_digest: str) -> tuple[str, ...] | None:
    """Give the random ids of everyone a model learned from; None where that was not recorded."""
    packed = conn.execute(
        select(table.c.persons).where(table.c.model_digest == model_digest)
    ).scalar_one_or_none()
    if packed is None:
        return None
    starts = range(0, len(packed), _SIZE)
    return tuple(PERSON_PREFIX + packed[at : at + _SIZE].hex() for at in starts)


def learned_from(conn: Connection, person_id: str) -> list[Trained]:
    """Give the models that learned from one person, oldest first."""
    wanted = _packed(person_id)
    query = select(table).order_by(table.c.recorded_at, table.c.model_digest)
    return [
        Trained(row.model_digest, row.dataset_digest, row.recorded_at)
        for row in conn.execute(query)
        if _holds(row.persons, wanted)
    ]


def _packed(person_id: str) -> bytes:
    return bytes.fromhex(person_id.removeprefix(PERSON_PREFIX))


def _holds(packed: bytes, wanted: bytes) -> bool:
    """Look for one id among sorted ones, by halving."""
    low, high = 0, len(packed) // _SIZE
    while low < high:
        middle = (low + high) // 2
        if packed[middle * _SIZE : (middle + 1) * _SIZE] < wanted:
            low = middle + 1
        else:
            high = middle
    return packed[low * _SIZE : (low + 1) * _SIZE] == wanted
