"""HTTP: the notice that every contact links to; anyone with its link may stop things there.

What is about the person is answered only to a POST with a code that was sent to them, or with what
the right code gave, for a short while. That travels in forms and never in an address, so it stands
in no log, no history of a browser and no `Referer`. Links that are not sealed, have ended or lead
to nobody are answered alike.
"""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.http.context import Context, Here
from serving.http.notice_asked import Act, Asked, answer, ask_code, dead
from serving.http.own_acts import own_act, show_own
from serving.http.page_requests import page, read_form
from serving.notice.contact import find_contact
from serving.notice.requests import stop_by_notice
from serving.notice.step_up import open_with_code, send_code
from serving.notice_links import opened_token
from serving.pages.notice import code_words, render_notice
from serving.record.step_up_codes import DIGITS

router = APIRouter(include_in_schema=False)


@router.get("/notice")
def get_notice(here: Here, request: Request, token: str = "", lang: str = "") -> Response:
    """Show why people were contacted by this playbook; reading it changes and records nothing."""
    return answer(here, request, {"token": token, "lang": lang}, _show)


@router.post("/notice")
async def post_notice(request: Request) -> Response:
    """Stop one channel, all estimates, or everything."""
    here: Context = request.app.state.context
    form = read_form(await request.body())
    return await run_in_threadpool(answer, here, request, form, _stop)


@router.post("/notice-open")
async def post_notice_open(request: Request) -> Response:
    """Send a code, take one, and do what whoever gave it may do."""
    here: Context = request.app.state.context
    form = read_form(await request.body())
    name = form.get("act", "")
    act = _CODES.get(name) or own_act(name)
    return await run_in_threadpool(answer, here, request, form, act)


def _show(asked: Asked, said: str = "", stopped: str = "") -> Response:
    keepwell = asked.here.keepwell
    with keepwell.database.read() as conn:
        found = find_contact(keepwell, conn, asked.link)
    if found is None:
        return dead(asked.here, asked.locales)
    html = render_notice(
        keepwell,
        asked.locales,
        found.contact,
        token=asked.token,
        lang=asked.lang,
        said=said,
        stopped=stopped,
    )
    return page(html)


def _stop(asked: Asked) -> Response:
    what = asked.form.get("what", "")
    done = stop_by_notice(asked.here.keepwell, asked.link, what, clock=asked.here.clock)
    return _show(asked, "stopped", what) if done else dead(asked.here, asked.locales)


def _send(asked: Asked) -> Response:
    sent = send_code(
        asked.here.keepwell, asked.link, code_words(asked.locales), clock=asked.here.clock
    )
    if sent.outcome == "dead":
        return dead(asked.here, asked.locales)
    return ask_code(asked, "" if sent.outcome == "sent" else sent.outcome, code=sent.code)


def _open(asked: Asked) -> Response:
    keepwell, now = asked.here.keepwell, asked.here.clock()
    tried = open_with_code(keepwell, asked.link, asked.form.get("code", ""), clock=asked.here.clock)
    if tried == "dead":
        return dead(asked.here, asked.locales)
    if tried != "right":
        return ask_code(asked, tried, code=_still_shown(asked) if tried == "wrong" else None)
    return show_own(asked, opened_token(keepwell.keys, asked.link, now=now))


def _still_shown(asked: Asked) -> str | None:
    """Give the code a demo's page showed: only its digest is kept, so the page brings it along."""
    shown = asked.form.get("demo_code", "")
    is_code = len(shown) == DIGITS and shown.isascii() and shown.isdigit()
    return shown if asked.here.keepwell.kind == "demo" and is_code else None


_CODES: Mapping[str, Act] = {"code": _send, "open": _open}
