"""What somebody does who gave the right code: read, correct, contest, complain, take, be erased.

Each act checks what the code gave, which travels in the form; without it a new code is asked for.
"""

import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from fastapi import Response
from starlette.responses import RedirectResponse

from governance.errors import InvalidInput
from serving.http.notice_asked import Act, Asked, ask_code, dead
from serving.http.page_requests import page
from serving.notice.contact import Found, find_contact
from serving.notice.own_data import own_data
from serving.notice.requests import (
    choices_link,
    complain,
    contest,
    erase_by_notice,
    stop_by_notice,
)
from serving.notice_links import read_opened
from serving.pages.own_page import Opened, render_erase, render_erased, render_own
from serving.rights.complaints import CATEGORIES


def show_own(asked: Asked, opened: str, said: str = "", stopped: str = "") -> Response:
    """Show what is held about the person; `said` is what they just did, `stopped` what ended."""
    keepwell = asked.here.keepwell
    with keepwell.database.read() as conn:
        found = find_contact(keepwell, conn, asked.link)
        if found is None:
            return dead(asked.here, asked.locales)
        own = own_data(keepwell, conn, found, now=asked.here.clock())
    carried = Opened(asked.token, opened, asked.lang)
    html = render_own(
        keepwell, asked.locales, found.contact, own, opened=carried, said=said, stopped=stopped
    )
    return page(html)


def _stop(asked: Asked, opened: str) -> Response:
    what = asked.form.get("what", "")
    done = stop_by_notice(asked.here.keepwell, asked.link, what, clock=asked.here.clock)
    return show_own(asked, opened, "stopped", what) if done else dead(asked.here, asked.locales)


def _correct(asked: Asked, opened: str) -> Response:
    return _complained(asked, opened, "data", "corrected")


def _complain(asked: Asked, opened: str) -> Response:
    topic = asked.form.get("topic", "")
    if topic not in CATEGORIES:
        return show_own(asked, opened, "no_topic")
    return _complained(asked, opened, topic, "complained")


def _complained(asked: Asked, opened: str, category: str, said: str) -> Response:
    text = asked.form.get("text", "").strip()
    if not text:
        return show_own(asked, opened, "empty")
    done = complain(asked.here.keepwell, asked.link, category, text, clock=asked.here.clock)
    return _after(asked, opened, said, done=done)


def _contest(asked: Asked, opened: str) -> Response:
    text = asked.form.get("text", "")
    done = contest(asked.here.keepwell, asked.link, text, clock=asked.here.clock)
    return _after(asked, opened, "contested", done=done)


def _choose(asked: Asked, opened: str) -> Response:
    """Lead to the page where each purpose is decided, by a link made for the next minutes."""
    made = choices_link(
        asked.here.keepwell, asked.link, base_url=asked.base_url, clock=asked.here.clock
    )
    if made is None:
        return dead(asked.here, asked.locales)
    lang = f"&lang={asked.lang}" if asked.lang.isalpha() else ""
    back = urlencode({"notice": asked.token})
    there = f"preferences?{urlsplit(made.url).query}{lang}&{back}"
    return RedirectResponse(there, 303, {"Cache-Control": "no-store"})


def _page_of_all(asked: Asked, opened: str) -> Response:
    from serving.rights.export_page import render_export

    return _export(asked, "my-data.html", "text/html", render_export)


def _file_of_all(asked: Asked, opened: str) -> Response:
    def write(found: Mapping[str, object]) -> str:
        return json.dumps(found, ensure_ascii=False, indent=2)

    return _export(asked, "my-data.json", "application/json", write)


def _export(
    asked: Asked, name: str, kind: str, write: Callable[[Mapping[str, object]], str]
) -> Response:
    from serving.rights.acts import export

    found = _found(asked)
    if found is None:
        return dead(asked.here, asked.locales)
    everything = export(asked.here.keepwell, found.customer_id, now=asked.here.clock())
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(write(everything), media_type=f"{kind}; charset=utf-8", headers=headers)


def _ask_erase(asked: Asked, opened: str, said: str = "") -> Response:
    if _found(asked) is None:
        return dead(asked.here, asked.locales)
    carried = Opened(asked.token, opened, asked.lang)
    return page(render_erase(asked.here.keepwell, asked.locales, opened=carried, said=said))


def _erase(asked: Asked, opened: str) -> Response:
    """Erase whoever ticked that they want it; the receipt is the last page there is for them."""
    if asked.form.get("confirm") != "yes":
        return _ask_erase(asked, opened, "unconfirmed")
    erased = erase_by_notice(asked.here.keepwell, asked.link, clock=asked.here.clock)
    if erased is None:
        return dead(asked.here, asked.locales)
    return page(render_erased(asked.here.keepwell, asked.locales, erased))


def _after(asked: Asked, opened: str, said: str, *, done: bool) -> Response:
    return show_own(asked, opened, said) if done else dead(asked.here, asked.locales)


def _found(asked: Asked) -> Found | None:
    with asked.here.keepwell.database.read() as conn:
        return find_contact(asked.here.keepwell, conn, asked.link)


_OWN: Mapping[str, Callable[[Asked, str], Response]] = {
    "read": show_own,
    "stop": _stop,
    "choose": _choose,
    "correct": _correct,
    "contest": _contest,
    "complain": _complain,
    "page": _page_of_all,
    "file": _file_of_all,
    "erase": _ask_erase,
    "erase_all": _erase,
}


def own_act(name: str) -> Act:
    """Give what a form asks for, done only for whoever gave the right code a short while ago.

    Raises `InvalidInput` for what is none of these acts.
    """
    act = _OWN.get(name)
    if act is None:
        raise InvalidInput("the form does not say what to do")

    def checked(asked: Asked) -> Response:
        token = asked.form.get("opened", "")
        keys, now = asked.here.keepwell.keys, asked.here.clock()
        if read_opened(keys, asked.link, token, now=now) is None:
            return ask_code(asked, "none")
        return act(asked, token)

    return checked
