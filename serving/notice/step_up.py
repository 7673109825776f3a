"""Sending a code to a contacted person, and opening what is theirs for whoever gives it back.

The code goes to the address the company holds for that person and nowhere else: by its mail server
where Keepwell holds an address, else through the webhook. Whoever asks for it learns only that it
was sent, or that it cannot be.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection, and_, delete, update

from features.events import keepwell_event
from features.live import append
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.interventions.delivery.held_addresses import address_of
from serving.interventions.delivery.messages import STEP_UP
from serving.interventions.delivery.outbox import Transport, enqueue
from serving.interventions.tables import interventions, outbox
from serving.locks import lock_customers
from serving.notice.contact import find_contact
from serving.notice_links import NoticeLink
from serving.record.step_up_codes import LASTS, NewCode, Tried, new_code, try_code

Clock = Callable[[], datetime]
OPENED = "intervention_notice_opened"


class CodeWords(NamedTuple):
    """The message a code is sent with: `body` has one `{code}`; `locale` is its language."""

    subject: str
    body: str
    locale: str


class Asked(NamedTuple):
    """What came of asking for a code; `code` is given by a demo alone, which sends nothing."""

    outcome: Literal["sent", "too_many", "unreachable", "dead"]
    code: str | None = None


def send_code(keepwell: Keepwell, link: NoticeLink, words: CodeWords, *, clock: Clock) -> Asked:
    """Make a code and queue it for the person behind a link, in place of any before."""
    with keepwell.database.write() as conn:
        customer_id = keepwell.persons.customer_of(conn, link.person_id)
        if customer_id is None:
            return Asked("dead")
        lock_customers(conn, [customer_id])
        now = clock()
        if find_contact(keepwell, conn, link) is None:
            return Asked("dead")
        way = _way(keepwell, conn, customer_id)
        if way is None and keepwell.kind == "production":
            return Asked("unreachable")
        made = new_code(conn, keepwell.keys.links, link.person_id, now=now)
        if made is None:
            return Asked("too_many")
        _drop_earlier(conn, customer_id, now)
        if way is not None and keepwell.kind == "production":
            queue_code(conn, customer_id, made, words, way, now)
        keepwell.ledger.append(conn, "step_up_sent", {"person": link.person_id}, now=now)
        return Asked("sent", made.code if keepwell.kind == "demo" else None)


def open_with_code(
    keepwell: Keepwell, link: NoticeLink, code: str, *, clock: Clock
) -> Tried | Literal["dead"]:
    """Try a code; the first right one for a contact is an event of Keepwell's own.

    That somebody read why they were contacted is never a feature: nobody's risk rises by it.
    """
    with keepwell.database.write() as conn:
        customer_id = keepwell.persons.customer_of(conn, link.person_id)
        if customer_id is None:
            return "dead"
        lock_customers(conn, [customer_id])
        now = clock()
        if find_contact(keepwell, conn, link) is None:
            return "dead"
        tried = try_code(conn, keepwell.keys.links, link.person_id, code, now=now)
        if tried == "right":
            _drop_earlier(conn, customer_id, now)
            _note_opened(keepwell, conn, link, customer_id, now)
        return tried


def _way(keepwell: Keepwell, conn: Connection, customer_id: str) -> Transport | None:
    settings = keepwell.settings
    if settings.email.host is not None and address_of(conn, customer_id, "email") is not None:
        return "email"
    told = settings.webhook.url is not None and settings.webhook.sends(STEP_UP)
    return "webhook" if told else None


def queue_code(
    conn: Connection,
    customer_id: str,
    made: NewCode,
    words: CodeWords,
    way: Transport,
    now: datetime,
) -> None:
    """Put the message that carries a code into the outbox, before what is due already.

    Somebody waits for it, and a morning's contacts may take longer to send than a code lasts.
    """
    spaced = f"{made.code[:4]} {made.code[4:]}"
    data = {
        "customer_id": customer_id,
        "code": made.code,
        "message": {"subject": words.subject, "body": words.body.format(code=spaced)},
        "language": words.locale,
        "valid_until": to_text(made.expires_at),
    }
    enqueue(
        conn,
        STEP_UP,
        data,
        customer_id=customer_id,
        intervention_id=None,
        due_at=now - LASTS,
        now=now,
        transport=way,
    )


def _drop_earlier(conn: Connection, customer_id: str, now: datetime) -> None:
    """Stop codes that wait, and delete the messages that carried those before."""
    mine = and_(outbox.c.customer_id == customer_id, outbox.c.type == STEP_UP)
    waiting = outbox.c.status.in_(("pending", "leased"))
    stopped = {"status": "cancelled", "reason": "code_replaced", "finished_at": now}
    conn.execute(update(outbox).where(mine, waiting).values(**stopped, leased_until=None))
    conn.execute(delete(outbox).where(mine, outbox.c.finished_at.is_not(None)))


def _note_opened(
    keepwell: Keepwell, conn: Connection, link: NoticeLink, customer_id: str, now: datetime
) -> None:
    first = conn.execute(
        update(interventions)
        .where(
            interventions.c.intervention_id == link.intervention_id,
            interventions.c.notice_opened_at.is_(None),
        )
        .values(notice_opened_at=now)
    )
    if first.rowcount != 1:
        return
    opened = keepwell_event(
        OPENED,
        customer_id,
        event_id=f"{link.intervention_id}/notice",
        occurred_at=now,
        known_at=now,
        properties={"intervention": link.intervention_id},
    )
    append(conn, [opened])
    body = {"intervention": link.intervention_id}
    keepwell.ledger.append(conn, "notice_opened", body, now=now)
