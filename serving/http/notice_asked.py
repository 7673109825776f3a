"""One request to the notice: its form, the link in it, and the answers that several acts give."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fastapi import Request, Response

from serving.http.context import Context
from serving.http.page_requests import page, wanted_locales
from serving.notice_links import NoticeLink, open_notice_link
from serving.pages.notice import render_code, render_dead_notice


class Asked(NamedTuple):
    """One request: its form, the link in it, and the languages its reader wants."""

    here: Context
    link: NoticeLink
    form: Mapping[str, str]
    locales: tuple[str, ...]
    base_url: str

    @property
    def token(self) -> str:
        """The link's token, as it came."""
        return self.form.get("token", "")

    @property
    def lang(self) -> str:
        """The language the link names, empty for the browser's."""
        return self.form.get("lang", "")


Act = Callable[[Asked], Response]


def answer(here: Context, request: Request, form: Mapping[str, str], act: Act) -> Response:
    """Let `act` answer whoever holds a link; any that leads nowhere is answered alike."""
    locales = wanted_locales(request, form.get("lang", ""))
    link = open_notice_link(here.keepwell.keys, form.get("token", ""), now=here.clock())
    if link is None:
        return dead(here, locales)
    return act(Asked(here, link, form, locales, str(request.base_url)))


def ask_code(asked: Asked, said: str, *, code: str | None = None) -> Response:
    """Ask for a code; after a wrong one as a refusal, which counts against its address."""
    html = render_code(
        asked.here.keepwell,
        asked.locales,
        token=asked.token,
        lang=asked.lang,
        said=said,
        code=code,
    )
    return page(html, status=403 if said else 200)


def dead(here: Context, locales: tuple[str, ...]) -> Response:
    """Say that a link has ended, leads to nobody or is none."""
    return page(render_dead_notice(here.keepwell, locales), status=404)
