"""The link a customer of the demo got in a message, for whoever wants to see what they see."""

from datetime import datetime

from sqlalchemy import select

from governance.errors import NotFound
from serving.bootstrap import Keepwell
from serving.interventions.tables import interventions
from serving.notice_links import NOTICE_LASTS, notice_link


def own_notice(keepwell: Keepwell, *, now: datetime) -> str:
    """Give the address of the notice about the newest message that was sent.

    Raises `NotFound` where nothing was sent yet.
    """
    c = interventions.c
    sent = select(c.intervention_id, c.customer_id).where(c.status == "sent")
    with keepwell.database.read() as conn:
        row = conn.execute(sent.order_by(c.sent_at.desc()).limit(1)).first()
        person = None if row is None else keepwell.persons.find(conn, row.customer_id)
    if row is None or person is None:
        raise NotFound("nobody was written to yet", hint="approve a message on the tour first")
    return notice_link(
        keepwell.keys, row.intervention_id, person, expires_at=now + NOTICE_LASTS, base_url=""
    )
