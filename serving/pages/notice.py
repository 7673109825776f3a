"""The pages of a notice: what anybody with its link may read, and what a code opens."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from governance.consent.handling import NOT_STATED, Party
from serving.bootstrap import Keepwell
from serving.notice.contact import Contact
from serving.notice.own_data import Estimate, OwnData
from serving.notice.plain_reasons import Plain
from serving.notice.step_up import CodeWords
from serving.pages.notice_words import NoticeWords, notice_words
from serving.preference_links import EVERYTHING

OBJECTION = "objection"
_LOW, _HIGH = 0.2, 0.5


class Choice(NamedTuple):
    """One button that stops something at once."""

    what: str
    label: str


class EstimateLines(NamedTuple):
    """An estimate in words: how many in a hundred, of what, in which language that is said."""

    band: str
    says: str
    says_locale: str
    reasons: tuple[tuple[str, str], ...]


def render_notice(
    keepwell: Keepwell,
    locales: Sequence[str],
    contact: Contact,
    *,
    token: str,
    lang: str,
    said: str = "",
) -> str:
    """Write the page for whoever holds a link; `said` is what was just done."""
    words = notice_words(locales)
    return _render(
        keepwell,
        words,
        "notice.html.j2",
        contact=contact,
        lines=_lines(words, contact),
        choices=_choices(words, contact),
        token=token,
        lang=lang,
        said=words.said.get(said, ""),
        failed=False,
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
    return _render(
        keepwell,
        words,
        "notice_code.html.j2",
        token=token,
        lang=lang,
        said=words.said.get(said, ""),
        failed=bool(said),
        may_enter=said not in ("unreachable", "too_many", "used_up", "none"),
        code=code or "",
        demo_code=shown,
    )


def render_own(
    keepwell: Keepwell,
    locales: Sequence[str],
    own: OwnData,
    *,
    token: str,
    opened: str,
    lang: str,
    said: str = "",
) -> str:
    """Write the page for the person themselves; `opened` lets them go on without another code."""
    words = notice_words(locales)
    return _render(
        keepwell,
        words,
        "notice_own.html.j2",
        own=own,
        sent_on=None if own.sent_at is None else _day(keepwell, words, own.sent_at),
        estimate=None if own.estimate is None else _estimate(words, own.estimate),
        records=[
            (words.kind(each.kind), _span(keepwell, words, each.events, each.first, each.last))
            for each in own.records
        ],
        contacts=[
            (
                _day(keepwell, words, each.created_at),
                words.actions.get(each.action, each.action),
                words.channel(each.channel),
                words.status.get(each.status, each.status),
            )
            for each in own.contacts
        ],
        token=token,
        opened=opened,
        lang=lang,
        said=words.said.get(said, ""),
        failed=said == "empty",
    )


def render_dead_notice(keepwell: Keepwell, locales: Sequence[str]) -> str:
    """Write the page of a link that has ended, leads to nobody or is none: the same for all."""
    words = notice_words(locales)
    return _render(
        keepwell, words, "notice.html.j2", contact=None, lines=[], choices=[], token="", lang="",
        said="", failed=False, dead=True,
    )  # fmt: skip


def code_words(locales: Sequence[str]) -> CodeWords:
    """Give the message a code is sent with."""
    words = notice_words(locales)
    return CodeWords(words.code["subject"], words.code["body"], words.locale)


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


def _choices(words: NoticeWords, contact: Contact) -> list[Choice]:
    channel = words.channel(contact.channel)
    stops = [Choice(f"outreach.{contact.channel}", words.page["stop_channel"].format(channel))]
    return [
        *(stops if contact.may_stop else []),
        Choice(OBJECTION, words.page["stop_estimates"]),
        Choice(EVERYTHING, words.page["stop_everything"]),
    ]


def _estimate(words: NoticeWords, estimate: Estimate) -> EstimateLines:
    chance = estimate.probability
    band = "low" if chance < _LOW else "middle" if chance < _HIGH else "high"
    known = words.targets.get(estimate.sentence)
    days = {"days": estimate.horizon_days, "silence": estimate.silence_days}
    return EstimateLines(
        band=words.page["estimate_band"].format(
            band=words.bands[band],
            n=_in_hundred(chance),
            low=_in_hundred(estimate.low),
            high=_in_hundred(estimate.high),
        ),
        says=estimate.says if known is None else known.format(**days),
        says_locale="en" if known is None else words.locale,
        reasons=tuple(
            dict.fromkeys(
                (_reason(words, each.plain), words.page["raised" if each.raised else "lowered"])
                for each in estimate.reasons
            )
        ),
    )


def _reason(words: NoticeWords, told: Plain) -> str:
    """Say what a reason is about, in the page's own language."""
    what = ", ".join(words.kind(each) for each in told.kinds)
    one = told.theme.endswith("_ago") and told.figure == "1"
    theme = f"{told.theme}_one" if one else told.theme
    return words.reasons[theme].format(what=what, figure=told.figure, days=told.days)


def _in_hundred(share: float) -> int:
    return round(100 * share)


def _span(
    keepwell: Keepwell, words: NoticeWords, count: int, first: datetime, last: datetime
) -> str:
    days = {"first": _day(keepwell, words, first), "last": _day(keepwell, words, last)}
    line = "records_once" if days["first"] == days["last"] else "records_line"
    return words.page[line].format(count=f"{count:,}", **days)


def _day(keepwell: Keepwell, words: NoticeWords, instant: datetime) -> str:
    return words.common.date(instant.astimezone(keepwell.settings.zone))


def _render(keepwell: Keepwell, words: NoticeWords, name: str, **values: object) -> str:
    controller = keepwell.settings.controller.handling().controllers[0]
    authority = keepwell.settings.controller.handling().authority
    return _template(name).render(
        words=words.page,
        locale=words.locale,
        company="" if controller.name == NOT_STATED else controller.name,
        of=words.common.page["of"],
        reach=_stated(controller),
        authority=[] if authority is None else _stated(authority),
        demo=words.common.page["demo"] if keepwell.kind == "demo" else "",
        **values,
    )


def _stated(party: Party) -> list[str]:
    return [each for each in (party.name, party.address, party.contact) if each != NOT_STATED]


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
