"""HTTP: the notice that every contact links to; anyone with its link may stop things there.

What is about the person is answered only to a POST with a code that was sent to them, or with what
the right code gave, for a short while. That travels in forms and never in an address, so it stands
in no log, no history of a browser and no `Referer`. Links that are not sealed, have ended or lead
to nobody are answered alike.
"""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from governance.errors import InvalidInput
from serving.http.context import Context, Here
from serving.http.page_requests import page, read_form, wanted_locales
from serving.notice.contact import find_contact
from serving.notice.own_data import own_data
from serving.notice.requests import contest, correct, stop_by_notice
from serving.notice.step_up import open_with_code, send_code
from serving.notice_links import NoticeLink, open_notice_link, opened_token, read_opened
from serving.pages.notice import (
    code_words,
    render_code,
    render_dead_notice,
    render_notice,
    render_own,
)
from serving.record.step_up_codes import DIGITS

router = APIRouter(include_in_schema=False)


class _Asked(NamedTuple):
    """One request: its form, the link in it, and the languages its reader wants."""

    here: Context
    link: NoticeLink
    form: Mapping[str, str]
    locales: tuple[str, ...]

    @property
    def token(self) -> str:
        return self.form.get("token", "")

    @property
    def lang(self) -> str:
        return self.form.get("lang", "")


@router.get("/notice")
def get_notice(here: Here, request: Request, token: str = "", lang: str = "") -> Response:
    """Show why people were contacted by this playbook; reading it changes and records nothing."""
    return _asked(here, request, {"token": token, "lang": lang}, _show)


@router.post("/notice")
async def post_notice(request: Request) -> Response:
    """Stop one channel, all estimates, or everything."""
    here: Context = request.app.state.context
    form = read_form(await request.body())
    return await run_in_threadpool(_asked, here, request, form, _stop)


@router.post("/notice-open")
async def post_notice_open(request: Request) -> Response:
    """Send a code, take one, and do what whoever gave it may do."""
    here: Context = request.app.state.context
    form = read_form(await request.body())
    act = _ACTS.get(form.get("act", ""))
    if act is None:
        raise InvalidInput("the form does not say what to do")
    return await run_in_threadpool(_asked, here, request, form, act)


def _asked(
    here: Context, request: Request, form: Mapping[str, str], act: Callable[[_Asked], Response]
) -> Response:
    locales = wanted_locales(request, form.get("lang", ""))
    link = open_notice_link(here.keepwell.keys, form.get("token", ""), now=here.clock())
    if link is None:
        return _dead(here, locales)
    return act(_Asked(here, link, form, locales))


def _show(asked: _Asked, said: str = "") -> Response:
    keepwell = asked.here.keepwell
    with keepwell.database.read() as conn:
        found = find_contact(keepwell, conn, asked.link)
    if found is None:
        return _dead(asked.here, asked.locales)
    html = render_notice(
        keepwell, asked.locales, found.contact, token=asked.token, lang=asked.lang, said=said
    )
    return page(html)


def _stop(asked: _Asked) -> Response:
    done = stop_by_notice(
        asked.here.keepwell, asked.link, asked.form.get("what", ""), clock=asked.here.clock
    )
    return _show(asked, "stopped") if done else _dead(asked.here, asked.locales)


def _send(asked: _Asked) -> Response:
    sent = send_code(
        asked.here.keepwell, asked.link, code_words(asked.locales), clock=asked.here.clock
    )
    if sent.outcome == "dead":
        return _dead(asked.here, asked.locales)
    return _ask_code(asked, "" if sent.outcome == "sent" else sent.outcome, code=sent.code)


def _open(asked: _Asked) -> Response:
    keepwell, now = asked.here.keepwell, asked.here.clock()
    tried = open_with_code(keepwell, asked.link, asked.form.get("code", ""), clock=asked.here.clock)
    if tried == "dead":
        return _dead(asked.here, asked.locales)
    if tried != "right":
        return _ask_code(asked, tried, code=_still_shown(asked) if tried == "wrong" else None)
    return _show_own(asked, opened_token(keepwell.keys, asked.link, now=now))


def _correct(asked: _Asked) -> Response:
    opened = _opened(asked)
    if opened is None:
        return _ask_code(asked, "none")
    text = asked.form.get("text", "").strip()
    if not text:
        return _show_own(asked, opened, "empty")
    done = correct(asked.here.keepwell, asked.link, text, clock=asked.here.clock)
    return _show_own(asked, opened, "corrected") if done else _dead(asked.here, asked.locales)


def _contest(asked: _Asked) -> Response:
    opened = _opened(asked)
    if opened is None:
        return _ask_code(asked, "none")
    text = asked.form.get("text", "")
    done = contest(asked.here.keepwell, asked.link, text, clock=asked.here.clock)
    return _show_own(asked, opened, "contested") if done else _dead(asked.here, asked.locales)


def _page_of_all(asked: _Asked) -> Response:
    return _export(asked, as_page=True)


def _file_of_all(asked: _Asked) -> Response:
    return _export(asked, as_page=False)


def _export(asked: _Asked, *, as_page: bool) -> Response:
    from serving.rights.acts import export
    from serving.rights.export_page import render_export

    if _opened(asked) is None:
        return _ask_code(asked, "none")
    keepwell = asked.here.keepwell
    with keepwell.database.read() as conn:
        found = find_contact(keepwell, conn, asked.link)
    if found is None:
        return _dead(asked.here, asked.locales)
    everything = export(keepwell, found.customer_id, now=asked.here.clock())
    name, kind = ("my-data.html", "text/html") if as_page else ("my-data.json", "application/json")
    text = (
        render_export(everything)
        if as_page
        else json.dumps(everything, ensure_ascii=False, indent=2)
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=headers)


def _show_own(asked: _Asked, opened: str, said: str = "") -> Response:
    keepwell = asked.here.keepwell
    with keepwell.database.read() as conn:
        found = find_contact(keepwell, conn, asked.link)
        if found is None:
            return _dead(asked.here, asked.locales)
        own = own_data(keepwell, conn, found, now=asked.here.clock())
    html = render_own(
        keepwell,
        asked.locales,
        own,
        token=asked.token,
        opened=opened,
        lang=asked.lang,
        said=said,
    )
    return page(html)


def _ask_code(asked: _Asked, said: str, *, code: str | None = None) -> Response:
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


def _still_shown(asked: _Asked) -> str | None:
    """Give the code a demo's page showed: only its digest is kept, so the page brings it along."""
    shown = asked.form.get("demo_code", "")
    is_code = len(shown) == DIGITS and shown.isascii() and shown.isdigit()
    return shown if asked.here.keepwell.kind == "demo" and is_code else None


def _opened(asked: _Asked) -> str | None:
    token = asked.form.get("opened", "")
    found = read_opened(asked.here.keepwell.keys, asked.link, token, now=asked.here.clock())
    return None if found is None else token


def _dead(here: Context, locales: tuple[str, ...]) -> Response:
    return page(render_dead_notice(here.keepwell, locales), status=404)


_ACTS: Mapping[str, Callable[[_Asked], Response]] = {
    "code": _send,
    "open": _open,
    "correct": _correct,
    "contest": _contest,
    "page": _page_of_all,
    "file": _file_of_all,
}
