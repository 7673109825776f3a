"""What happened with one customer, the newest first, a page at a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from features.events import is_reserved
from features.history import Histories
from serving.customer_file.known import Known, history_of

EVENTS = 50
"""How many events one page shows."""


class Happened(NamedTuple):
    """One event: `own_act` was written by Keepwell itself, `replaced` says it was corrected since.

    `under` names the other id of the same person it was recorded under, where it was.
    """

    kind: str
    occurred_at: datetime
    value: float | None
    currency: str | None
    text: str | None
    properties: Mapping[str, Any]
    under: str | None
    own_act: bool
    replaced: bool


class Timeline(NamedTuple):
    """One page of events; `kinds` counts all there are, `older` leads to the next page."""

    events: tuple[Happened, ...]
    kinds: Mapping[str, int]
    total: int
    older: int | None


def timeline(
    conn: Connection, known: Known, *, kind: str | None = None, skip: int = 0, limit: int = EVENTS
) -> Timeline:
    """Give `limit` events after the newest `skip`, of one kind where it is named."""
    histories = history_of(conn, known)
    if not len(histories):
        return Timeline((), {}, 0, None)
    kinds = _kinds(histories)
    wanted = np.flatnonzero(
        np.ones(len(histories.kind), np.bool_) if kind is None else histories.kind_mask(kind)
    )
    newest = wanted[::-1]
    page = newest[skip : skip + limit]
    chosen = np.zeros(len(histories.kind), np.bool_)
    chosen[page] = True
    shown = [_happened(each) for each in reversed(histories.take(chosen).events(0))]
    older = skip + limit if len(newest) > skip + limit else None
    return Timeline(tuple(shown), kinds, len(newest), older)


def _kinds(histories: Histories) -> dict[str, int]:
    counts = np.bincount(histories.kind, minlength=len(histories.kinds)).tolist()
    found = zip(histories.kinds, counts, strict=True)
    return dict(sorted(((name, n) for name, n in found if n), key=lambda each: -each[1]))


def _happened(event: Mapping[str, Any]) -> Happened:
    return Happened(
        kind=event["kind"],
        occurred_at=datetime.fromisoformat(event["occurred_at"]),
        value=event["value"],
        currency=event.get("currency"),
        text=event.get("text"),
        properties=event["properties"],
        under=event.get("customer_id"),
        own_act=is_reserved(event["kind"]),
        replaced=event["superseded_at"] is not None,
    )
