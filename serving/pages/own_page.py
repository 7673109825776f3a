"""The pages that a code opens: what is held about a person, what they can do, and erasing it all.

`opened` is what the right code gave; it travels in the forms of these pages and nowhere else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from serving.bootstrap import Keepwell
from serving.notice.contact import Contact
from serving.notice.own_data import Estimate, OwnData
from serving.notice.plain_reasons import Plain
from serving.notice.requests import Erased
from serving.pages.notice import choices_of
from serving.pages.notice_words import NoticeWords, notice_words
from serving.pages.public import Address, render_public
from serving.scoring.chance import band_of, in_hundred


class Opened(NamedTuple):
    """What every form of these pages carries: the link, what the code gave, the language."""

    token: str
    opened: str
    lang: str

    @property
    def back(self) -> str:
        """The notice that the link opens."""
        return Address("notice", self.token).within(self.lang)


class EstimateLines(NamedTuple):
    """An estimate in words: how many in a hundred, of what, in which language that is said."""

    band: str
    says: str
    says_locale: str
    reasons: tuple[tuple[str, str], ...]


def render_own(
    keepwell: Keepwell,
    locales: Sequence[str],
    contact: Contact,
    own: OwnData,
    *,
    opened: Opened,
    said: str = "",
    stopped: str = "",
) -> str:
    """Write the page for the person themselves; `said` is what they just did.

    What was `stopped` just now is not offered again.
    """
    words = notice_words(locales)
    return _page(
        keepwell,
        locales,
        "notice_own.html.j2",
        opened,
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
                words.actions.get(each.action, each.action.replace("_", " ")),
                words.channel(each.channel),
                words.status.get(each.status, each.status),
            )
            for each in own.contacts
        ],
        choices=choices_of(words, contact, stopped=stopped),
        topics=words.topics,
        said=words.said.get(said, ""),
        failed=said in ("empty", "no_topic"),
    )


def render_erase(
    keepwell: Keepwell, locales: Sequence[str], *, opened: Opened, said: str = ""
) -> str:
    """Write the page that says what an erasure takes and what stays, and asks once more."""
    words = notice_words(locales)
    until = keepwell.settings.retention.suppression_days
    return _page(
        keepwell,
        locales,
        "notice_erase.html.j2",
        opened,
        stays=[
            words.page["stays_token"].format(days=f"{until:,}"),
            words.page["stays_log"],
            words.page["stays_figures"],
            words.page["stays_outside"],
        ],
        said=words.said.get(said, ""),
        failed=bool(said),
    )


def render_erased(keepwell: Keepwell, locales: Sequence[str], erased: Erased) -> str:
    """Write the receipt of an erasure: the last page there is for this person."""
    words = notice_words(locales)
    return render_public(
        keepwell,
        locales,
        "notice_erased.html.j2",
        words=words.page,
        erased_on=_day(keepwell, words, erased.erased_at),
        kept_out_until=_day(keepwell, words, erased.kept_out_until),
        counts=[
            (words.page[f"erased_{name}"], f"{n:,}")
            for name, n in (
                ("events", erased.events),
                ("consents", erased.consents),
                ("scores", erased.scores),
                ("interventions", erased.interventions),
                ("ids", erased.merged_ids),
            )
            if n or name != "ids"
        ],
        person_id=erased.person_id,
    )


def _page(
    keepwell: Keepwell,
    locales: Sequence[str],
    template: str,
    opened: Opened,
    **values: Any,
) -> str:
    page = notice_words(locales).page
    return render_public(keepwell, locales, template, words=page, opened=opened, **values)


def _estimate(words: NoticeWords, estimate: Estimate) -> EstimateLines:
    known = words.targets.get(estimate.sentence)
    about = {
        "days": estimate.horizon_days,
        "silence": estimate.silence_days,
        "what": words.kind(estimate.kind),
    }
    return EstimateLines(
        band=words.page["estimate_band"].format(
            band=words.bands[band_of(estimate.probability)],
            n=_in_hundred(words, estimate.probability, "roughly"),
            low=_in_hundred(words, estimate.low),
            high=_in_hundred(words, estimate.high),
        ),
        says=estimate.says if known is None else known.format(**about),
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


def _in_hundred(words: NoticeWords, share: float, otherwise: str = "") -> str:
    """Say how many in a hundred; fewer than 1 and more than 99 where none or all is untrue."""
    sign, count = in_hundred(share)
    said = {"<": "fewer_than", ">": "more_than"}.get(sign, otherwise)
    return words.page[said].format(count) if said else str(count)


def _span(
    keepwell: Keepwell, words: NoticeWords, count: int, first: datetime, last: datetime
) -> str:
    days = {"first": _day(keepwell, words, first), "last": _day(keepwell, words, last)}
    line = "records_once" if days["first"] == days["last"] else "records_line"
    return words.page[line].format(count=f"{count:,}", **days)


def _day(keepwell: Keepwell, words: NoticeWords, instant: datetime) -> str:
    return words.common.date(instant.astimezone(keepwell.settings.zone))
