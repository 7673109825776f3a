"""The pages where people decide: what is allowed, how to stop it, and a link that only stops."""

from collections.abc import Sequence
from typing import NamedTuple

from governance.consent.record import PERMITTING, STOPPING
from serving.bootstrap import Keepwell
from serving.pages.preference_words import Wording, wording
from serving.pages.public import Address, render_public
from serving.permission.preference_offers import Offer, Shown
from serving.preference_links import EVERYTHING

_REASONS = frozenset(
    {"notice_changed", "objected", "not_explicit", "minor", "age_unknown", "employee"}
)


class Line(NamedTuple):
    """One purpose as it stands on the page; buttons that are None are not shown."""

    purpose: str
    title: str
    status: str
    allowed: bool
    paragraphs: tuple[str, ...]
    words_locale: str
    shown: Shown | None
    may_allow: bool
    stop_label: str | None
    confirm: str | None


def render_page(
    keepwell: Keepwell,
    locales: Sequence[str],
    offers: Sequence[Offer],
    *,
    token: str,
    lang: str,
    said: str,
    notice: str = "",
) -> str:
    """Write the page with what one person may decide; `said` is what they just did.

    `notice` is the token of the notice they came from, to which a link leads back.
    """
    words = wording(locales)
    return render_public(
        keepwell,
        locales,
        "preferences.html.j2",
        address=Address("preferences", token, notice),
        words=words.page,
        lines=[_line(keepwell, words, each) for each in offers],
        token=token,
        lang=lang,
        notice=notice,
        back=Address("notice", notice).within(lang) if notice else "",
        everything=EVERYTHING,
        said=words.said.get(said, ""),
        failed=said in ("changed", "unconfirmed", "impossible"),
        may_stop_all=any(each.goes_on for each in offers),
    )


def render_stop(
    keepwell: Keepwell,
    locales: Sequence[str],
    *,
    what: str,
    token: str = "",
    lang: str = "",
    done: bool = False,
) -> str:
    """Write the page of a stop link: one button, or that it is done. It names nobody."""
    words = wording(locales)
    named = words.page["stop_everything"] if what == EVERYTHING else words.purpose(what)
    return render_public(
        keepwell,
        locales,
        "stop.html.j2",
        address=None if done else Address("stop", token),
        words=words.page,
        what=named,
        token=token,
        lang=lang,
        done=done,
        dead=False,
    )


def render_dead(keepwell: Keepwell, locales: Sequence[str]) -> str:
    """Write the page of a link that has ended, leads to nobody or is none: the same for all."""
    return render_public(
        keepwell,
        locales,
        "stop.html.j2",
        words=wording(locales).page,
        what="",
        token="",
        lang="",
        done=False,
        dead=True,
    )


def confirmation(purpose: str, locales: Sequence[str]) -> str:
    """Give the sentence a person ticks to agree explicitly, as the page says it."""
    return wording(locales).confirmation(purpose)


def _line(keepwell: Keepwell, words: Wording, offer: Offer) -> Line:
    state, text = offer.state, offer.words
    return Line(
        purpose=state.purpose,
        title=words.purpose(state.purpose),
        status=_status(keepwell, words, offer),
        allowed=state.permitted,
        paragraphs=() if text is None else tuple(_paragraphs(text.content)),
        words_locale=words.locale if text is None else text.locale,
        shown=None if text is None else Shown(text.notice_id, text.version, text.locale),
        may_allow=offer.may_allow,
        stop_label=None if not offer.may_stop else "stop" if offer.goes_on else "refuse",
        confirm=words.confirmation(state.purpose) if offer.must_confirm else None,
    )


def _status(keepwell: Keepwell, words: Wording, offer: Offer) -> str:
    state = offer.state
    dates = {
        name: "" if at is None else words.date(at.astimezone(keepwell.settings.zone))
        for name, at in (("date", state.since), ("until", state.expires_at))
    }
    return words.states[_standing(offer)].format(**dates)


def _standing(offer: Offer) -> str:
    state = offer.state
    if state.permitted:
        if state.state not in PERMITTING:
            return "interest"
        return "allowed" if state.expires_at is None else "allowed_until"
    if state.reason in _REASONS:
        return state.reason
    if state.state in STOPPING:
        return "stopped"
    return "expired" if state.reason == "expired" and state.expires_at else "undecided"


def _paragraphs(content: str) -> list[str]:
    blocks = (block.strip() for block in content.replace("\r\n", "\n").split("\n\n"))
    return [block for block in blocks if block]
