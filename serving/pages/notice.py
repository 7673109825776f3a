"""The page of a notice that anybody with its link may read, and the one that asks for a code."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from serving.bootstrap import Keepwell
from serving.notice.contact import Contact
from serving.notice.step_up import CodeWords
from serving.pages.notice_words import NoticeWords, notice_words
from serving.pages.public import Address, render_public
from serving.preference_links import EVERYTHING

OBJECTION = "objection"


class Choice(NamedTuple):
    """One button that stops something at once."""

    what: str
    label: str


def render_notice(
    keepwell: Keepwell,
    locales: Sequence[str],
    contact: Contact,
    *,
    token: str,
    lang: str,
    said: str = "",
    stopped: str = "",
) -> str:
    """Write the page for whoever holds a link; `said` is what was just done.

    What was `stopped` just now is not offered again.
    """
    words = notice_words(locales)
    return render_public(
        keepwell,
        locales,
        "notice.html.j2",
        address=Address("notice", token),
        words=words.page,
        contact=contact,
        lines=_lines(words, contact),
        choices=choices_of(words, contact, stopped=stopped),
        token=token,
        lang=lang,
        said=words.said.get(said, ""),
        dead=False,
    )


def render_code(
    keepwell: Keepwell,
    locales: Sequence[str],
    *,
    token: str,
    lang: str,
    said: str = "",
    code: str | None = None,
) -> str:
    """Write the page that asks for a code; `code` is shown in a demo, which sends nothing."""
    words = notice_words(locales)
    shown = "" if code is None else words.page["code_demo"].format(f"{code[:4]} {code[4:]}")
    return render_public(
        keepwell,
        locales,
        "notice_code.html.j2",
        words=words.page,
        token=token,
        lang=lang,
        back=Address("notice", token).within(lang),
        said=words.said.get(said, ""),
        failed=bool(said),
        may_enter=said not in ("unreachable", "too_many", "used_up", "none"),
        code=code or "",
        demo_code=shown,
    )


def render_dead_notice(keepwell: Keepwell, locales: Sequence[str]) -> str:
    """Write the page of a link that has ended, leads to nobody or is none: the same for all."""
    return render_public(
        keepwell, locales, "notice.html.j2", words=notice_words(locales).page, dead=True
    )


def code_words(locales: Sequence[str]) -> CodeWords:
    """Give the message a code is sent with."""
    words = notice_words(locales)
    return CodeWords(words.code["subject"], words.code["body"], words.locale)


def choices_of(words: NoticeWords, contact: Contact, *, stopped: str = "") -> list[Choice]:
    """Give what can be stopped at once: this channel, estimates by an objection, everything."""
    if stopped == EVERYTHING:
        return []
    channel = words.channel(contact.channel)
    stops = [Choice(f"outreach.{contact.channel}", words.page["stop_channel"].format(channel))]
    every = [
        *(stops if contact.may_stop else []),
        Choice(OBJECTION, words.page["stop_estimates"]),
        Choice(EVERYTHING, words.page["stop_everything"]),
    ]
    ended = {stopped, *(each.what for each in stops if stopped == OBJECTION)}
    return [each for each in every if each.what not in ended]


def _lines(words: NoticeWords, contact: Contact) -> dict[str, Any]:
    channel = words.channel(contact.channel)
    how: list[str] = ["estimate" if contact.why == "interest" else contact.why]
    how += ["person" if contact.by_person else "no_person"] if contact.why != "duty" else []
    how += ["lot"] if contact.by_lot else []
    return {
        "what": words.actions.get(contact.action, contact.action.replace("_", " ")),
        "channel": words.page["by_channel"].format(channel),
        "why": words.why[contact.why].format(channel),
        "data": [words.data[each] for each in contact.data if each in words.data],
        "how": [words.how[each] for each in how],
    }
