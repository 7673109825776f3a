"""The steps of an item: opened, assigned, acted upon, measured again, closed. Each is in the log.

The log has the item's id, its subject and figures, never its words or its owner.
"""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, update

from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_text
from governance.intervals import as_json
from serving.bootstrap import Keepwell
from serving.feedback.figure import (
    NOT_AN_EFFECT,
    Figure,
    check_subject,
    difference,
    known_until,
    take_figure,
)
from serving.feedback.items import FeedbackItem, load_item
from serving.feedback.naming import naming_nobody
from serving.tables import feedback_items

BY_HAND = "by hand"
WINDOW_DAYS = 90
_LONGEST_OWNER = 200
_SHORTEST_REASON = 10


def open_item(
    keepwell: Keepwell,
    *,
    title: str | None,
    source: str | None,
    measure: str | None = None,
    days: int = WINDOW_DAYS,
    now: datetime,
) -> FeedbackItem:
    """Open an item and take its before figure over the last `days` days of the history.

    `source` is the subject it comes from, None for by hand; `measure` what is measured again, the
    source if not said. An item that comes from a subject needs a figure that may be shown: raises
    `InsufficientData` where too few people stand behind it, `InvalidInput` for words that name
    someone.
    """
    subject = measure or source
    if title is None and source is None:
        raise InvalidInput("an item needs a title", hint="say what could be better, or --from")
    for each in filter(None, (source, measure)):
        check_subject(keepwell, each)
    said = _title(source or "")
    if title is not None or (source or "").startswith("keyword:"):
        with keepwell.database.read() as conn:
            said = naming_nobody(keepwell, conn, title or said, what="title")
    before = None
    if subject is not None:
        if source is not None and source != subject:
            _enough(_last(keepwell, source, days, now))
        before = _last(keepwell, subject, days, now)
        _enough(before)
    item_id = str(uuid4())
    row = {
        "item_id": item_id,
        "title": said,
        "source": source or BY_HAND,
        "status": "open",
        "opened_at": now,
        "measure": subject,
        "before": None if before is None else json.dumps(before.to_json()),
    }
    with keepwell.database.write() as conn:
        conn.execute(insert(feedback_items), row)
        figure = None if before is None else as_json(before.value)
        body = {"source": row["source"], "measure": subject, "before": figure}
        return _noted(keepwell, conn, "opened", item_id, body, now)


def assign(
    keepwell: Keepwell, item_id: str, *, owner: str, due_at: datetime, now: datetime
) -> FeedbackItem:
    """Give an item an owner and a day by which something was done."""
    name = owner.strip()
    if not name or len(name) > _LONGEST_OWNER:
        raise InvalidInput("an owner is a name of 1 to 200 characters", hint="say who mends it")
    if due_at <= now:
        raise InvalidInput("the day it is due has passed", hint="name a day to come: --due")
    with keepwell.database.write() as conn:
        found = _stands(conn, item_id, "open", "assigned", to="assigned")
        changed = {"status": "assigned", "owner": name, "due_at": due_at}
        _change(conn, found, changed)
        return _noted(keepwell, conn, "assigned", found.item_id, {"due_at": to_text(due_at)}, now)


def act(keepwell: Keepwell, item_id: str, *, action: str, now: datetime) -> FeedbackItem:
    """Say what was done; from now on an equal window runs until it is measured again."""
    with keepwell.database.write() as conn:
        found = _stands(conn, item_id, "assigned", to="acted upon")
        said = naming_nobody(keepwell, conn, action, what="action")
        _change(conn, found, {"status": "acted", "action": said, "acted_at": now})
        return _noted(keepwell, conn, "acted", found.item_id, {}, now)


def remeasure(keepwell: Keepwell, item_id: str, *, now: datetime) -> FeedbackItem:
    """Take the same figure over an equal window after the act, and say what changed.

    Raises `InsufficientData` while that window is not over, or the history does not reach its end.
    """
    with keepwell.database.read() as conn:
        found = _stands(conn, item_id, "acted", to="measured again")
    end = found.remeasure_from()
    if found.before is None or found.measure is None or found.acted_at is None or end is None:
        raise InvalidInput(
            "this item was opened without a figure",
            hint="close it with a reason, or open one with --measure",
        )
    known = known_until(keepwell, found.measure, now=now)
    if now < end or known < end - timedelta(days=1):
        raise InsufficientData(
            f"the window after the act ends on {end:%Y-%m-%d}, "
            f"the history reaches to {known:%Y-%m-%d}",
            hint="measure again after that day, with newer data",
        )
    after = take_figure(keepwell, found.measure, start=found.acted_at, end=end, now=now)
    change = difference(found.before, after)
    told: dict[str, Any] = {"difference": as_json(change), "verdict": "cannot say: no figure"}
    if change is not None:
        way = "rose" if change.value > 0 else "fell"
        told["verdict"] = way if change.excludes_zero else "cannot be told from no change"
    told["note"] = NOT_AN_EFFECT
    with keepwell.database.write() as conn:
        found = _stands(conn, item_id, "acted", to="measured again")
        _change(conn, found, {"after": json.dumps({**after.to_json(), "change": told})})
        body = {"after": as_json(after.value), "difference": as_json(change)}
        return _noted(keepwell, conn, "remeasured", found.item_id, body, now)


def close(
    keepwell: Keepwell, item_id: str, *, reason: str | None, by: str, now: datetime
) -> FeedbackItem:
    """Close an item that was measured again, or that has a stated `reason` why not."""
    with keepwell.database.write() as conn:
        found = _stands(conn, item_id, "open", "assigned", "acted", to="closed")
        measured = found.after is not None and found.after.value is not None
        if not measured and not (reason or "").strip():
            raise InvalidInput(
                "this item was not measured again, and no reason is given",
                hint=f"keepwell feedback remeasure {found.item_id[:8]}, or --reason TEXT",
            )
        if not measured and len((reason or "").strip()) < _SHORTEST_REASON:
            raise InvalidInput(
                f"the reason has {len((reason or '').strip())} characters, and an item that was "
                f"not measured again needs at least {_SHORTEST_REASON}",
                hint="say in a few words why nothing is measured",
            )
        said = naming_nobody(keepwell, conn, reason, what="reason") if reason else None
        _change(
            conn,
            found,
            {"status": "closed", "closed_at": now, "closed_by": by, "close_reason": said},
        )
        body = {"remeasured": measured, "with_reason": said is not None}
        return _noted(keepwell, conn, "closed", found.item_id, body, now)


def _title(source: str) -> str:
    kind, _, name = source.partition(":")
    words = name.replace("_", " ").replace(":", ", ")
    return {
        "measure": f"Look into {words}",
        "theme": f"What people write about {words}",
        "keyword": f"What people mean by {words}",
        "stage": f"The stage {words}",
        "complaints": f"Complaints about {words}",
    }.get(kind, "")


def _last(keepwell: Keepwell, subject: str, days: int, now: datetime) -> Figure:
    """Take the figure of a subject over the last `days` days that are known."""
    end = known_until(keepwell, subject, now=now)
    return take_figure(keepwell, subject, start=end - timedelta(days=days), end=end, now=now)


def _enough(found: Figure) -> None:
    if found.value is None:
        kind, why = found.subject.partition(":")[0], f": {found.note}" if found.note else ""
        raise InsufficientData(
            f"this {kind} has no figure over enough people in the window{why}",
            hint="choose a longer one with --days, or open the item by hand with a title",
        )


def _stands(conn: Connection, item_id: str, *statuses: str, to: str) -> FeedbackItem:
    found = load_item(conn, item_id)
    if found.status not in statuses:
        raise InvalidInput(
            f"the item is {found.status}; only one that is {' or '.join(statuses)} can be {to}",
            hint=f"see: keepwell feedback show {found.item_id[:8]}",
        )
    return found


def _change(conn: Connection, found: FeedbackItem, changed: dict[str, Any]) -> None:
    """Change an item as it was found; raises `InvalidInput` where someone else was quicker."""
    mine = feedback_items.c
    same = (mine.item_id == found.item_id) & (mine.status == found.status)
    if conn.execute(update(feedback_items).where(same).values(changed)).rowcount != 1:
        raise InvalidInput("the item changed meanwhile", hint="look at it again")


def _noted(
    keepwell: Keepwell,
    conn: Connection,
    step: str,
    item_id: str,
    body: dict[str, Any],
    now: datetime,
) -> FeedbackItem:
    keepwell.ledger.append(conn, f"feedback_{step}", {"item": item_id, **body}, now=now)
    return load_item(conn, item_id)
