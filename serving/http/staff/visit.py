"""One request of a session: who looks, what their form holds, and how they are answered.

`StaffRoute` finds the session, checks that a form was made for it, and turns errors into pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from governance.errors import KeepwellError
from serving.access.auth import Principal, ScopeMissing, Unauthenticated
from serving.access.sessions import (
    ForeignForm,
    form_seal,
    is_own_form,
    note_seen,
    session_principal,
)
from serving.http.context import Context, Handler
from serving.http.page_requests import page, read_form
from serving.http.problems import answer_for
from serving.pages.mistakes import hint_of
from serving.pages.staff.frame import Frame, frame_of, render_alone, render_staff

COOKIE = "keepwell_session"
LOGIN = "/staff/login"
_VISIT = "keepwell.visit"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One look of somebody logged in; `form` holds what a POST brought, else nothing."""

    here: Context
    caller: Principal
    token: str
    form: Mapping[str, str]

    @property
    def frame(self) -> Frame:
        """What stands around the page."""
        keepwell = self.here.keepwell
        return frame_of(
            self.caller,
            csrf=form_seal(self.token),
            home_kind=keepwell.kind,
            currency=keepwell.settings.currency,
        )

    def answer(
        self, template: str, *, title: str, section: str = "", status: int = 200, **values: Any
    ) -> Response:
        """Answer with `templates/staff/<template>`, kept by no cache."""
        html = render_staff(template, self.frame, title=title, section=section, **values)
        return page(html, status=status, script=True)


class Staff:
    """A dependency: whoever looks must be logged in with a key that has one of these scopes.

    Of `also` it must have every one: a form also asks for what opens the page it stands on, which
    is shown again where something is wrong.
    """

    def __init__(self, *scopes: str, also: tuple[str, ...] = ()) -> None:
        self.scopes = scopes
        self.also = also

    async def __call__(self, request: Request) -> Visit:
        """Give the visit; raises `Unauthenticated` or `ScopeMissing`."""
        visit: Visit | None = request.scope.get(_VISIT)
        if visit is None:
            raise Unauthenticated("nobody is logged in")
        if self.scopes and not any(visit.caller.may(scope) for scope in self.scopes):
            raise ScopeMissing(self.scopes[0])
        for scope in self.also:
            visit.caller.require(scope)
        return visit


AnyStaff = Annotated[Visit, Depends(Staff())]


class StaffRoute(APIRoute):
    """A route of a page: its errors are pages, and without a session it leads to the login."""

    def get_route_handler(self) -> Handler:
        """Give the handler, with the session found before it is asked."""
        handle = super().get_route_handler()

        async def found(request: Request) -> Response:
            try:
                await _let_in(request)
                return await handle(request)
            except Unauthenticated:
                return to_login(request)
            except (KeepwellError, RequestValidationError) as error:
                return error_page(error, request)

        return found


def goto(address: str) -> Response:
    """Send the browser on after a form, so that loading the page again sends nothing again."""
    return RedirectResponse(address, 303)


def to_login(request: Request) -> Response:
    """Lead to the login, and from there back to where somebody wanted to go."""
    wanted = request.url.path if request.method == "GET" else ""
    if wanted and request.url.query:
        wanted = f"{wanted}?{request.url.query}"
    return goto(f"{LOGIN}?next={quote(wanted, safe='/')}" if wanted else LOGIN)


def own_address(wanted: str) -> str:
    """Give a staff page to go to; the first one for anything else, as another site."""
    parts = urlsplit(wanted)
    steps = parts.path.split("/")
    is_ours = (parts.scheme, parts.netloc, steps[:2]) == ("", "", ["", "staff"])
    return wanted if is_ours and ".." not in steps and "\\" not in wanted else "/staff"


def error_page(error: Exception, request: Request) -> Response:
    """Say in a page what a problem document would say."""
    found = answer_for(error, request)
    visit: Visit | None = request.scope.get(_VISIT)
    detail = hint = ""
    if found.status_code < 500 and isinstance(error, KeepwellError):
        detail, hint = error.message, hint_of(error)
    status = found.status_code
    if visit is None:
        return page(render_alone("lost.html.j2", detail=detail, hint=hint), status=status)
    return visit.answer(
        "problem.html.j2",
        title="That did not work",
        status=status,
        detail=detail,
        hint=hint,
        number=status,
    )


async def _let_in(request: Request) -> None:
    here: Context = request.app.state.context
    token = request.cookies.get(COOKIE, "")
    caller = await run_in_threadpool(_identify, here, token)
    form: Mapping[str, str] = {}
    request.scope[_VISIT] = Visit(here=here, caller=caller, token=token, form=form)
    if request.method == "POST":
        form = read_form(await request.body())
        if not is_own_form(token, form.get("csrf", "")):
            raise ForeignForm(
                "this form was not made in your session",
                hint="go back, load the page again and send the form from there",
            )
        request.scope[_VISIT] = Visit(here=here, caller=caller, token=token, form=form)


def _identify(here: Context, token: str) -> Principal:
    now = here.clock()
    with here.keepwell.database.read() as conn:
        caller, due = session_principal(conn, token, now=now)
    if due:
        with here.keepwell.database.write() as conn:
            note_seen(conn, token, now=now)
    return caller
