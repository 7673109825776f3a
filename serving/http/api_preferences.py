"""HTTP: pages where people decide, links to them, and stopping in one click (RFC 8058).

The pages need no key: whoever holds a link is known by it. A link that is not sealed, has ended or
leads to nobody is answered alike, before anything is asked of the database where it is not sealed.
"""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from governance.errors import InvalidInput
from governance.instants import to_text
from serving import preference_links as links
from serving.access.auth import Principal
from serving.http.api_customers import CustomerPath
from serving.http.consent_answers import PreferenceLink, StopLink
from serving.http.consent_schemas import PreferenceLinkRequest, StopLinkRequest
from serving.http.context import Caller, Context, Here, ScopeFirst, fresh
from serving.http.page_requests import page, read_form, wanted_locales
from serving.locks import lock_customers
from serving.notice_links import open_notice_link
from serving.pages.preferences import confirmation, render_dead, render_page, render_stop
from serving.permission.preference_offers import Shown, offers
from serving.permission.preferences import Outcome, allow, is_stoppable, stop

router = APIRouter(route_class=ScopeFirst)
Writer = Annotated[Principal, Depends(Caller("consent:write"))]


@router.post(
    "/v1/customers/{customer_id}/preference-link",
    operation_id="create_preference_link",
    response_model=PreferenceLink,
    status_code=201,
    tags=["consents"],
)
def post_preference_link(
    customer_id: CustomerPath,
    here: Here,
    caller: Writer,
    request: Request,
    body: PreferenceLinkRequest | None = None,
) -> Response:
    """Make the link by which a customer, whom your site has logged in, decides; it soon ends."""
    inside = here.keepwell.inside_id(customer_id)
    with here.keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        minted = links.mint_preference_link(
            here.keepwell,
            conn,
            inside,
            base_url=str(request.base_url),
            now=here.clock(),
            locale=None if body is None else body.locale,
        )
    return fresh({"url": minted.url, "expires_at": to_text(minted.expires_at)}, status=201)


@router.post(
    "/v1/customers/{customer_id}/stop-link",
    operation_id="create_stop_link",
    response_model=StopLink,
    status_code=201,
    tags=["consents"],
)
def post_stop_link(
    customer_id: CustomerPath,
    here: Here,
    caller: Writer,
    request: Request,
    body: StopLinkRequest | None = None,
) -> Response:
    """Make a link for a message, by which its reader stops one channel, or everything."""
    what = links.EVERYTHING if body is None else body.what
    inside = here.keepwell.inside_id(customer_id)
    with here.keepwell.database.write() as conn:
        lock_customers(conn, [inside])
        url = links.mint_stop_link(
            here.keepwell, conn, inside, what=what, base_url=str(request.base_url)
        )
    return fresh({"url": url, "headers": links.unsubscribe_headers(url)}, status=201)


@router.get("/preferences", include_in_schema=False)
def get_preferences(
    here: Here,
    request: Request,
    token: str = "",
    lang: str = "",
    said: str = "",
    notice: str = "",
) -> Response:
    """Show the person behind a link what they may decide; from their `notice`, with a way back."""
    return _page(here, wanted_locales(request, lang), token, lang, said, notice)


@router.post("/preferences", include_in_schema=False)
async def post_preferences(request: Request) -> Response:
    """Do what the person decided, and show how it stands now."""
    here: Context = request.app.state.context
    sent = read_form(await request.body())
    locales = wanted_locales(request, sent.get("lang", ""))
    return await run_in_threadpool(_decided, here, locales, sent)


@router.get("/stop", include_in_schema=False)
def get_stop(here: Here, request: Request, token: str = "", lang: str = "") -> Response:
    """Show a button; following a link changes nothing, because scanners follow links, too."""
    locales = wanted_locales(request, lang)
    link = links.open_stop_link(here.keepwell, token)
    if link is None:
        return _dead(here, locales)
    return _html(here, render_stop(here.keepwell, locales, token=token, lang=lang, what=link.what))


@router.post("/stop", include_in_schema=False)
def post_stop(here: Here, request: Request, token: str = "", lang: str = "") -> Response:
    """Stop. Whatever the body says: a mail program sends its own (RFC 8058), the page none."""
    locales = wanted_locales(request, lang)
    link = links.open_stop_link(here.keepwell, token)
    if link is None:
        return _dead(here, locales)
    stop(here.keepwell, link, link.what, clock=here.clock)
    return _html(here, render_stop(here.keepwell, locales, done=True, what=link.what))


def _page(
    here: Context, locales: tuple[str, ...], token: str, lang: str, said: str, notice: str
) -> Response:
    link = links.open_preference_link(here.keepwell, token)
    found = None if link is None else offers(here.keepwell, link, locales=locales, now=here.clock())
    if found is None:
        return _dead(here, locales)
    sealed = open_notice_link(here.keepwell.keys, notice, now=here.clock()) is not None
    html = render_page(
        here.keepwell,
        locales,
        found,
        token=token,
        lang=lang,
        said=said,
        notice=notice if sealed else "",
    )
    return _html(here, html)


def _decided(here: Context, locales: tuple[str, ...], sent: dict[str, str]) -> Response:
    token, purpose, act = sent.get("token", ""), sent.get("purpose", ""), sent.get("act", "")
    link = links.open_preference_link(here.keepwell, token)
    if link is None:
        return _dead(here, locales)
    outcome: Outcome
    if act == "stop":
        if not is_stoppable(purpose):
            raise InvalidInput("this cannot be stopped here")
        outcome = stop(here.keepwell, link, purpose, clock=here.clock)
    elif act == "allow":
        shown = _shown(sent)
        confirmed = confirmation(purpose, locales) if "confirm" in sent else ""
        outcome = allow(
            here.keepwell, link, purpose, shown=shown, confirmed=confirmed, clock=here.clock
        )
    else:
        raise InvalidInput("the form does not say what to do")
    if outcome == "dead":
        return _dead(here, locales)
    if here.clock() >= link.expires_at:
        return _html(here, render_stop(here.keepwell, locales, done=True, what=purpose))
    again = {"token": token, "said": outcome}
    kept = {"lang": sent.get("lang", ""), "notice": sent.get("came_from", "")}
    query = urlencode(again | {name: value for name, value in kept.items() if value})
    return RedirectResponse(f"preferences?{query}", 303, {"Cache-Control": "no-store"})


def _shown(sent: dict[str, str]) -> Shown | None:
    version = sent.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        return None
    return Shown(sent.get("notice", ""), int(version), sent.get("locale", ""))


def _dead(here: Context, locales: tuple[str, ...]) -> Response:
    return _html(here, render_dead(here.keepwell, locales), status=404)


def _html(here: Context, html: str, *, status: Literal[200, 404] = 200) -> Response:
    origins = here.keepwell.settings.preferences.embed_origins
    return page(html, status=status, embed_origins=origins, script=True)
