"""What a person does from their notice: stop things, say what is wrong, have somebody look again.

Stopping needs the link alone. The others come after a code, and end where a person answers them:
in the queue of contested decisions and among the complaints.
"""

from collections.abc import Callable
from datetime import datetime

from governance.consent.purposes import OBJECTION
from governance.errors import InvalidInput
from serving.bootstrap import Keepwell
from serving.notice.contact import Found, find_contact
from serving.notice_links import NoticeLink
from serving.permission.preferences import is_stoppable, stop
from serving.preference_links import StopLink
from serving.record.review_requests import open_of
from serving.rights.acts import object_to_processing
from serving.rights.complaints import add_complaint
from serving.rights.review_queue import request_review

Clock = Callable[[], datetime]
LONGEST_TEXT = 2_000
_NO_WORDS = "contested from the notice, without words"


def stop_by_notice(keepwell: Keepwell, link: NoticeLink, what: str, *, clock: Clock) -> bool:
    """Stop a channel, everything, or all estimates by an objection; False once nobody is there.

    Raises `InvalidInput` for what a link may not stop.
    """
    if what == OBJECTION:
        found = _find(keepwell, link)
        if found is None:
            return False
        if not _has_objected(keepwell, found.customer_id):
            object_to_processing(keepwell, found.customer_id, now=clock())
        return True
    if not is_stoppable(what):
        raise InvalidInput("this cannot be stopped here")
    return stop(keepwell, StopLink(link.person_id, what), what, clock=clock) != "dead"


def correct(keepwell: Keepwell, link: NoticeLink, text: str, *, clock: Clock) -> bool:
    """Record what a person says is wrong with their data, for somebody to put right."""
    found = _find(keepwell, link)
    if found is None:
        return False
    add_complaint(
        keepwell, found.customer_id, category="data", text=text[:LONGEST_TEXT], clock=clock
    )
    return True


def contest(keepwell: Keepwell, link: NoticeLink, text: str, *, clock: Clock) -> bool:
    """Have a person look again at the contact, and at the score behind it where there is one.

    Asking again while nobody has decided changes nothing.
    """
    found = _find(keepwell, link)
    if found is None:
        return False
    decision_id = found.row.score_decision_id or found.row.decision_id
    with keepwell.database.read() as conn:
        waiting = {each.decision_id for each in open_of(conn, link.person_id)}
    if decision_id not in waiting:
        request_review(
            keepwell,
            found.customer_id,
            reason=text.strip()[:LONGEST_TEXT] or _NO_WORDS,
            decision_id=decision_id,
            clock=clock,
        )
    return True


def _find(keepwell: Keepwell, link: NoticeLink) -> Found | None:
    with keepwell.database.read() as conn:
        return find_contact(keepwell, conn, link)


def _has_objected(keepwell: Keepwell, customer_id: str) -> bool:
    """Whether an objection stands that no later yes has lifted for any purpose."""
    with keepwell.database.read() as conn:
        said = keepwell.registry.history(conn, customer_id)
    objected = [each.occurred_at for each in said if each.purpose == OBJECTION]
    agreed = [each.occurred_at for each in said if each.permits]
    return bool(objected) and (not agreed or max(agreed) < max(objected))
