"""Doing what one person decides on their page, or by a link that stops: one act for one purpose.

Nothing is decided beforehand and there is no yes to everything; stopping takes no more than
allowing, and there is a stop to everything.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from governance.consent.notices import current_notices
from governance.consent.purposes import family_of
from governance.consent.record import PERMITTING, ConsentChange
from serving.bootstrap import Keepwell
from serving.locks import lock_customers
from serving.permission.consents import say, stop_everything
from serving.permission.preference_offers import Shown, offer_of
from serving.preference_links import EVERYTHING, PreferenceLink, StopLink

Clock = Callable[[], datetime]
Outcome = Literal["allowed", "stopped", "changed", "unconfirmed", "impossible", "dead"]


def allow(
    keepwell: Keepwell,
    link: PreferenceLink,
    purpose: str,
    *,
    shown: Shown | None,
    confirmed: str,
    clock: Clock,
) -> Outcome:
    """Record a yes to one purpose, given under the words that were shown.

    `confirmed` are the words the person confirmed explicitly, empty when none. Words that have
    changed since the page was shown are not agreed to: the page is shown again.
    """
    with keepwell.database.write() as conn:
        customer_id = _customer(keepwell, conn, link.person_id)
        now = clock()
        if customer_id is None or now >= link.expires_at:
            return "dead"
        notice = current_notices(conn).get(purpose)
        if notice is None or shown is None:
            return "changed"
        words = notice.words(shown.locale)
        if shown != (notice.notice_id, notice.version, words.locale):
            return "changed"
        offer = offer_of(
            keepwell.registry.state(conn, customer_id, purpose, now=now), notice, [shown.locale]
        )
        if not offer.may_allow:  # twice the same click is one yes
            return "allowed" if offer.state.permitted else "impossible"
        if offer.must_confirm and not confirmed:
            return "unconfirmed"
        evidence = _evidence(link)
        change = ConsentChange(
            customer_id=customer_id,
            purpose=purpose,
            state="renewed" if offer.state.state in PERMITTING else "given",
            mechanism="checkbox_ticked_and_button" if confirmed else "button",
            evidence=f"{evidence}; confirmed: {confirmed}" if confirmed else evidence,
            explicit=bool(confirmed),
            notice_id=words.notice_id,
            notice_version=words.version,
            notice_hash=words.content_hash,
            notice_locale=words.locale,
        )
        say(keepwell, conn, change, now=now)
        return "allowed"


def stop(
    keepwell: Keepwell, link: PreferenceLink | StopLink, what: str, *, clock: Clock
) -> Outcome:
    """Stop one purpose, or `everything`; also by a link that has ended, which can still stop.

    What is stopped already stays as it is: a link that is followed again and again records nothing
    and keeps nobody from writing.
    """
    with keepwell.database.read() as conn:
        customer_id = keepwell.persons.customer_of(conn, link.person_id)
        if customer_id is None:
            return "dead"
        if not _may_stop(keepwell, conn, customer_id, what, now=clock()):
            return "stopped"
    with keepwell.database.write() as conn:
        customer_id = _customer(keepwell, conn, link.person_id)
        if customer_id is None:
            return "dead"
        now = clock()
        mechanism, evidence = "stop_link", "a stop link"
        if isinstance(link, PreferenceLink):
            mechanism, evidence = "button", _evidence(link)
        if what == EVERYTHING:
            stop_everything(
                keepwell, conn, customer_id, actor="customer", now=now, mechanism=mechanism
            )
            return "stopped"
        offer = offer_of(keepwell.registry.state(conn, customer_id, what, now=now), None, ())
        if offer.may_stop:
            change = ConsentChange(
                customer_id=customer_id,
                purpose=what,
                state="withdrawn" if offer.goes_on else "refused",
                mechanism=mechanism,
                evidence=evidence,
            )
            say(keepwell, conn, change, now=now)
        return "stopped"


def _may_stop(
    keepwell: Keepwell, conn: Connection, customer_id: str, what: str, *, now: datetime
) -> bool:
    if what == EVERYTHING:
        return bool(keepwell.registry.stoppable(conn, customer_id, now=now))
    return offer_of(keepwell.registry.state(conn, customer_id, what, now=now), None, ()).may_stop


def _evidence(link: PreferenceLink) -> str:
    return f"preference page, link {link.token_id}"


def _customer(keepwell: Keepwell, conn: Connection, person_id: str) -> str | None:
    """Find the person, and once more when nobody else can erase them."""
    customer_id = keepwell.persons.customer_of(conn, person_id)
    if customer_id is None:
        return None
    lock_customers(conn, [customer_id])
    return keepwell.persons.customer_of(conn, person_id)


def is_stoppable(purpose: str) -> bool:
    """Whether `purpose` is one that a person can stop by a page."""
    return purpose == EVERYTHING or family_of(purpose) not in ("operations", "aggregate")
