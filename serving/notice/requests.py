"""What a person does from their notice: stop things, say what is wrong, be forgotten.

Stopping needs the link alone. The others come after a code; what somebody has to answer ends in the
queue of contested decisions or among the complaints, and an erasure is done at once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from governance.consent.purposes import OBJECTION
from governance.errors import InvalidInput, NotFound
from governance.instants import parse_instant
from serving.bootstrap import Keepwell
from serving.locks import lock_customers
from serving.notice.contact import Found, find_contact
from serving.notice_links import NoticeLink
from serving.permission.preferences import is_stoppable, stop
from serving.preference_links import Minted, StopLink, mint_preference_link
from serving.record.review_requests import open_of
from serving.rights.acts import erase, object_to_processing
from serving.rights.complaints import add_complaint
from serving.rights.review_queue import request_review

Clock = Callable[[], datetime]
LONGEST_TEXT = 2_000
_NO_WORDS = "contested from the notice, without words"


class Erased(NamedTuple):
    """What an erasure took, and until when a token keeps this person from coming back by accident.

    `person_id` is the random number the log keeps; from now on it leads nowhere.
    """

    person_id: str
    erased_at: datetime
    kept_out_until: datetime
    events: int
    consents: int
    scores: int
    interventions: int
    merged_ids: int


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


def complain(
    keepwell: Keepwell, link: NoticeLink, category: str, text: str, *, clock: Clock
) -> bool:
    """Record what a person complains of, or says is wrong with their data (category `data`)."""
    found = _find(keepwell, link)
    if found is None:
        return False
    add_complaint(
        keepwell, found.customer_id, category=category, text=text[:LONGEST_TEXT], clock=clock
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


def choices_link(
    keepwell: Keepwell, link: NoticeLink, *, base_url: str, clock: Clock
) -> Minted | None:
    """Make the link to the page where each purpose is decided, for whoever gave the right code."""
    found = _find(keepwell, link)
    if found is None:
        return None
    with keepwell.database.write() as conn:
        lock_customers(conn, [found.customer_id])
        if keepwell.persons.find(conn, found.customer_id) != link.person_id:
            return None
        return mint_preference_link(
            keepwell, conn, found.customer_id, base_url=base_url, now=clock()
        )


def erase_by_notice(keepwell: Keepwell, link: NoticeLink, *, clock: Clock) -> Erased | None:
    """Erase the person behind a link, see `rights.acts.erase`; None once nobody is there."""
    found = _find(keepwell, link)
    if found is None:
        return None
    try:
        done = erase(keepwell, found.customer_id, now=clock())
    except NotFound:  # the same button, pressed twice
        return None
    counted = ("events", "consents", "scores", "interventions", "merged_ids")
    zone = keepwell.settings.zone
    return Erased(
        link.person_id,
        parse_instant(done["erased_at"], zone),
        parse_instant(done["kept_out_until"], zone),
        *(int(done[name]) for name in counted),
    )


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
