"""Which version of an event counts when: corrections and retractions as they become known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import event_name
from features.rows import Rows

Name = tuple[object, str]  # group and name of an event

NEVER = 2**63 - 1
"""The instant until which a version counts that nothing has replaced."""


def supersede(
    names: Sequence[str],
    groups: Sequence[object],
    known_at: Sequence[int],
    corrects: Sequence[str | None],
    retracts: Sequence[str | None],
) -> list[int]:
    """Give the instant (µs) from which each version no longer counts; `NEVER` for current ones.

    Versions that correct each other form a chain within one group (customer and kind): the
    original first, then corrections and retractions in the order they became known. Each counts
    until the next is known; a chain that a later version ties to another joins it only from then
    on, so that what is learned later never changes what counted before. A retraction itself never
    counts.
    """
    until = [NEVER] * len(names)
    joined: dict[Name, Name] = {}  # a name to another name of its chain
    newest: dict[Name, int] = {}  # a chain's last name to the version of it that counts

    def last_name(name: Name) -> Name:
        while name in joined:
            name = joined[name]
        return name

    def rank(k: int) -> tuple[bool, int, int]:
        return bool(corrects[k] or retracts[k]), known_at[k], k

    for k in sorted(range(len(names)), key=lambda k: (known_at[k], k)):
        own = last_name((groups[k], names[k]))
        rivals = [k] + ([newest[own]] if own in newest else [])
        pointed = corrects[k] or retracts[k]
        other = own if pointed is None else last_name((groups[k], pointed))
        if other != own:
            joined[own] = other
            rivals += [newest[other]] if other in newest else []
        newest[other] = max(rivals, key=rank)
        for rival in rivals:
            if rival != newest[other]:
                until[rival] = min(until[rival], known_at[k])
        if retracts[k] is not None:
            until[k] = min(until[k], known_at[k])
    return until


def settled(rows: Rows) -> NDArray[np.int64]:
    """Give the instant (n,) in µs from which each version no longer counts; `NEVER` for current.

    Each customer's events are settled among themselves. Where anything corrects or retracts,
    digests are needed.
    """
    columns = rows.columns
    until = np.full(len(columns), NEVER)
    if not {"corrects", "retracts"} & set(columns.strings):
        return until
    customer = np.repeat(np.arange(len(rows.customers), dtype=np.int32), np.diff(rows.offsets))
    touched = np.zeros(len(rows.customers), np.bool_)
    for name in ("corrects", "retracts"):
        column = columns.strings.get(name)
        if column is None:
            continue
        if isinstance(column, list):
            pointing = np.array([text is not None for text in column], np.bool_)
        else:
            pointing = column.is_valid().to_numpy(zero_copy_only=False)
        touched[customer[pointing]] = True
    chosen = np.flatnonzero(touched[customer])
    digests = columns.digests[chosen].astype(">u8")
    occurrences = columns.occurrence[chosen].tolist()
    names = [
        event_name(event_id, digests[k].tobytes(), occurrences[k])
        for k, event_id in enumerate(_pick(columns.strings.get("event_id"), chosen))
    ]
    groups = zip(customer[chosen].tolist(), columns.kind[chosen].tolist(), strict=True)
    until[chosen] = supersede(
        names,
        list(groups),
        columns.known_at[chosen].tolist(),
        _pick(columns.strings.get("corrects"), chosen),
        _pick(columns.strings.get("retracts"), chosen),
    )
    return until


def _pick(column: Any, places: NDArray[np.int64]) -> list[str | None]:
    if column is None:
        return [None] * len(places)
    if isinstance(column, list):
        return [column[place] for place in places]
    picked: list[str | None] = column.take(places).to_pylist()
    return picked
