"""Messages as the people who run Keepwell see them: what waits, what failed, and sending it again.

A list names no customer and shows no text. What is sent again keeps its id, and permission is asked
once more, now and when it leaves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select, update

from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from serving.interventions.delivery.announcements import outdated
from serving.interventions.delivery.desk import Desk
from serving.interventions.delivery.messages import REQUESTED
from serving.interventions.delivery.queued import queued_of
from serving.interventions.policy.policy import recheck
from serving.interventions.tables import interventions, outbox
from serving.locks import lock_customers
from serving.positions import Position, find_position

MessageStatus = Literal[
    "pending", "leased", "on_wire", "held", "delivered", "cancelled", "dead", "unknown"
]


class MessageView(NamedTuple):
    """One message: `reason` says why it ended, `last_status` what was answered last.

    `unknown` is an e-mail whose answer nobody saw: it may have arrived, so it is not sent again.
    """

    message_id: str
    intervention_id: str | None
    type: str
    transport: str
    status: str
    reason: str
    attempts: int
    replays: int
    last_status: int | None
    created_at: datetime
    due_at: datetime
    on_wire_at: datetime | None
    stop_asked_at: datetime | None
    finished_at: datetime | None

    @property
    def position(self) -> Position:
        """Where it stands in the list of all."""
        return Position(self.created_at, self.message_id)

    def to_json(self) -> dict[str, Any]:
        """Give a plain mapping with instants as text."""
        return {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
        }


class Replayed(NamedTuple):
    """What came of sending a dead message again; `reason` is empty where it waits to be sent."""

    message_id: str
    queued: bool
    reason: str


def list_messages(
    conn: Connection,
    *,
    limit: int = 50,
    after: str | None = None,
    status: MessageStatus | None = None,
) -> list[MessageView]:
    """Give messages, the newest first; `after` is the last id or position of the page before."""
    c = outbox.c
    query = select(outbox)
    if after is not None:
        at, last = find_position(after, lambda name: _view(_find(conn, name)).position)
        query = query.where(or_(c.created_at < at, and_(c.created_at == at, c.message_id < last)))
    if status is not None:
        query = query.where(c.status == status)
    rows = conn.execute(query.order_by(c.created_at.desc(), c.message_id.desc()).limit(limit))
    return [_view(row) for row in rows]


def replay(desk: Desk, message_id: str, *, by: str, now: datetime) -> Replayed:
    """Let a dead message wait to be sent again, under the same id, with all its attempts anew.

    Not where permission is gone by now, or what it tells is no longer true: `reason` says so.
    Raises `NotFound`, and `InvalidInput` for one that is not dead.
    """
    with desk.database.write() as conn:
        row = _find(conn, message_id)
        if row.customer_id is not None:
            lock_customers(conn, [row.customer_id])
            row = _find(conn, message_id)
        if row.status != "dead":
            why = "it may have arrived" if row.status == "unknown" else "only a dead one is"
            raise InvalidInput(
                f"the message is {row.status} and is not sent again: {why}",
                hint="list the messages that are dead",
            )
        refusal = _refusal(desk, conn, row, now)
        if refusal is None:
            _wait_again(conn, row, now)
        body = {"message": message_id, "by": by, "refused": refusal or ""}
        desk.ledger.append(conn, "message_replayed", body, now=now)
        return Replayed(message_id, refusal is None, refusal or "")


def replay_all(desk: Desk, *, by: str, now: datetime) -> Sequence[Replayed]:
    """Do the same for every dead message, each in a transaction of its own, the oldest first."""
    with desk.database.read() as conn:
        dead = select(outbox.c.message_id).where(outbox.c.status == "dead")
        ids = conn.execute(dead.order_by(outbox.c.created_at, outbox.c.message_id)).scalars().all()
    done = []
    for message_id in ids:
        try:
            done.append(replay(desk, message_id, by=by, now=now))
        except (InvalidInput, NotFound):  # somebody else was quicker, or the person was erased
            continue
    return done


def _refusal(desk: Desk, conn: Connection, row: Row[Any], now: datetime) -> str | None:
    queued = queued_of(conn, row)
    if queued is None:
        return outdated(conn, desk.registry, row, now=now)
    verdict = recheck(conn, desk.registry, queued, home_kind=desk.policy.home_kind, now=now)
    return verdict if isinstance(verdict, str) else None


def _wait_again(conn: Connection, row: Row[Any], now: datetime) -> None:
    values = {
        "status": "pending",
        "reason": "",
        "attempts": 0,
        "due_at": now,
        "finished_at": None,
        "replays": row.replays + 1,
    }
    conn.execute(update(outbox).where(outbox.c.message_id == row.message_id).values(values))
    if row.type == REQUESTED:
        conn.execute(
            update(interventions)
            .where(interventions.c.intervention_id == row.intervention_id)
            .where(interventions.c.status == "failed")
            .values(status="queued", reason="", ended_at=None)
        )


def _find(conn: Connection, message_id: str) -> Row[Any]:
    found = conn.execute(select(outbox).where(outbox.c.message_id == message_id)).one_or_none()
    if found is None:
        raise NotFound("there is no such message", hint="list the messages to see their ids")
    return found


def _view(row: Row[Any]) -> MessageView:
    return MessageView(**{name: row._mapping[name] for name in MessageView._fields})
