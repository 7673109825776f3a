"""Items of the feedback hub as they are kept: what could be better, and what came of it."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select

from governance.errors import NotFound
from governance.instants import to_text
from serving.feedback.figure import Figure, figure_of
from serving.positions import Position, find_position
from serving.tables import feedback_items

STATUSES = ("open", "assigned", "acted", "closed")


class FeedbackItem(NamedTuple):
    """One thing to mend: from where it came, who mends it until when, what changed.

    `before` and `after` are the figure of `measure` over equal windows; `change` is after − before
    with what may be said of it, as plain JSON.
    """

    item_id: str
    title: str
    source: str
    status: str
    opened_at: datetime
    owner: str | None
    due_at: datetime | None
    measure: str | None
    before: Figure | None
    action: str | None
    acted_at: datetime | None
    after: Figure | None
    change: dict[str, Any] | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None

    @property
    def position(self) -> Position:
        """Where it stands in the list of all."""
        return Position(self.opened_at, self.item_id)

    def overdue(self, now: datetime) -> bool:
        """Whether its day has passed and nothing was done."""
        return is_overdue(self.status, self.due_at, now)

    def remeasure_from(self) -> datetime | None:
        """Give when it can be measured again: once as much time has passed as before."""
        if self.acted_at is None or self.before is None:
            return None
        return self.acted_at + (self.before.end - self.before.start)

    def to_json(self, *, now: datetime) -> dict[str, Any]:
        """Give plain JSON with instants as text."""
        shaped: dict[str, Any] = {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
        }
        again = self.remeasure_from()
        shaped |= {
            "before": None if self.before is None else self.before.to_json(),
            "after": None if self.after is None else self.after.to_json(),
            "overdue": self.overdue(now),
            "remeasure_from": None if again is None else to_text(again),
        }
        return shaped


def load_item(conn: Connection, item_id: str) -> FeedbackItem:
    """Give one item by its id, or by the beginning of it where that is enough.

    Raises `NotFound`, also where several begin so.
    """
    own = feedback_items.c.item_id
    like = own.startswith(item_id, autoescape=True) if item_id else own == item_id
    rows = conn.execute(select(feedback_items).where(like).limit(2)).all()
    if len(rows) != 1:
        said = "several feedback items begin so" if rows else "there is no such feedback item"
        raise NotFound(said, hint="see: keepwell feedback list")
    return _item(rows[0])


def list_items(
    conn: Connection,
    *,
    limit: int = 50,
    after: str | None = None,
    status: str | None = None,
) -> list[FeedbackItem]:
    """Give items, the newest first; `after` is the last position or id of the page before."""
    query = select(feedback_items)
    mine = feedback_items.c
    if after is not None:
        at, last = find_position(after, lambda name: load_item(conn, name).position)
        earlier = and_(mine.opened_at == at, mine.item_id < last)
        query = query.where(or_(mine.opened_at < at, earlier))
    if status is not None:
        query = query.where(mine.status == status)
    query = query.order_by(mine.opened_at.desc(), mine.item_id.desc()).limit(limit)
    return [_item(row) for row in conn.execute(query)]


def board(conn: Connection, *, now: datetime, most: int = 100) -> dict[str, list[FeedbackItem]]:
    """Give the items of each status: overdue first, then by their day, then the newest.

    Of each status the newest `most`; of closed ones, in the order in which they were closed.
    """
    found = {status: list_items(conn, limit=most, status=status) for status in STATUSES}
    late = datetime.max.replace(tzinfo=now.tzinfo)
    for status in ("open", "assigned"):
        found[status].sort(key=lambda each: (not each.overdue(now), each.due_at or late))
    found["acted"].sort(key=lambda each: each.remeasure_from() or late)
    found["closed"].sort(key=lambda each: each.closed_at or late, reverse=True)
    return found


def counts(conn: Connection, *, now: datetime) -> dict[str, int]:
    """Count the items by status, and those overdue."""
    found = dict.fromkeys((*STATUSES, "overdue"), 0)
    for status, due_at in conn.execute(select(feedback_items.c.status, feedback_items.c.due_at)):
        found[status] += 1
        found["overdue"] += is_overdue(status, due_at, now)
    return found


def is_overdue(status: str, due_at: datetime | None, now: datetime) -> bool:
    """Whether the day of an item has passed and nothing was done."""
    return due_at is not None and due_at < now and status in ("open", "assigned")


def _item(row: Row[Any]) -> FeedbackItem:
    stored = dict(row._mapping)
    after = None if stored["after"] is None else json.loads(stored["after"])
    stored["before"] = None if stored["before"] is None else figure_of(json.loads(stored["before"]))
    stored["after"] = None if after is None else figure_of(after)
    stored["change"] = None if after is None else after["change"]
    return FeedbackItem(**{name: stored[name] for name in FeedbackItem._fields})
