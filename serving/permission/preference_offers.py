"""What one person is offered to decide: each purpose with its words, and where it stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from governance.consent.notices import Notice, NoticeVersion, current_notices
from governance.consent.record import PERMITTING, STOPPING
from governance.consent.registry import ConsentState
from serving.bootstrap import Keepwell
from serving.preference_links import PreferenceLink

_NO_YES_HELPS = frozenset({"minor", "age_unknown", "employee"})


class Offer(NamedTuple):
    """One purpose as a person meets it: where it stands, the words, and what they may do.

    `notice` is None where no words are in force: what was allowed can then only be stopped.
    """

    state: ConsentState
    notice: NoticeVersion | None
    words: Notice | None
    may_allow: bool
    may_stop: bool
    must_confirm: bool

    @property
    def goes_on(self) -> bool:
        """Whether there is something to stop, and not only a question to say no to."""
        return self.state.permitted or self.state.state in PERMITTING


class Shown(NamedTuple):
    """The words a yes refers to, as the page stated them."""

    notice_id: str
    version: int
    locale: str


def offers(
    keepwell: Keepwell, link: PreferenceLink, *, locales: Sequence[str], now: datetime
) -> tuple[Offer, ...] | None:
    """Give what the person behind a link may decide; None when the link has ended or leads nowhere.

    Offered is what has a notice in force, and whatever is allowed now.
    """
    if now >= link.expires_at:
        return None
    with keepwell.database.read() as conn:
        customer_id = keepwell.persons.customer_of(conn, link.person_id)
        if customer_id is None:
            return None
        notices = current_notices(conn)
        states = {
            each.purpose: each for each in keepwell.registry.states(conn, customer_id, now=now)
        }
        for purpose in notices.keys() - states.keys() - {"aggregate"}:
            states[purpose] = keepwell.registry.state(conn, customer_id, purpose, now=now)
    found = (
        offer_of(states[purpose], notices.get(purpose), locales)
        for purpose in sorted(states)
        if states[purpose].basis != "contract"
    )
    return tuple(each for each in found if each.notice is not None or each.state.permitted)


def offer_of(state: ConsentState, notice: NoticeVersion | None, locales: Sequence[str]) -> Offer:
    """Say what may be done about one purpose, with its words in the first language there is."""
    return Offer(
        state=state,
        notice=notice,
        words=None if notice is None else notice.words(*locales),
        may_allow=notice is not None and not state.permitted and state.reason not in _NO_YES_HELPS,
        may_stop=state.permitted or state.state not in STOPPING,
        must_confirm=state.basis == "explicit_consent" or state.reason == "objected",
    )
