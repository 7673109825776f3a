"""HTTP: logging in with a key, out again, and the first page."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.access.auth import Principal, Unauthenticated, authenticate
from serving.access.sessions import LONGEST, close_session, open_session
from serving.http.context import Context
from serving.http.page_requests import page, read_form
from serving.http.same_origin import refuse_other_sites
from serving.http.staff.visit import COOKIE, LOGIN, AnyStaff, StaffRoute, goto, own_address
from serving.pages.staff.frame import render_alone

router = APIRouter(include_in_schema=False)
inside = APIRouter(include_in_schema=False, route_class=StaffRoute)


@router.get(LOGIN)
def get_login(request: Request, next: str = "", said: str = "") -> Response:
    """Ask for a key."""
    return _ask(request.app.state.context, wanted=next, said=said)


@router.post(LOGIN)
async def post_login(request: Request) -> Response:
    """Open a session for whoever sends a good key from our own page.

    Another site could otherwise put somebody into a session of its own.
    """
    refuse_other_sites(request)
    here: Context = request.app.state.context
    form = read_form(await request.body())
    return await run_in_threadpool(_log_in, here, request, form.get("key", ""), form)


def _log_in(here: Context, request: Request, key: str, form: dict[str, str]) -> Response:
    wanted = form.get("next", "")
    try:
        with here.keepwell.database.read() as conn:
            caller, _ = authenticate(conn, key.strip(), now=here.clock())
    except Unauthenticated:
        return _ask(here, wanted=wanted, said="wrong", status=401)
    return begin(here, request, caller, wanted)


def begin(here: Context, request: Request, caller: Principal, wanted: str) -> Response:
    """Open a session and send the browser to a staff page with its cookie."""
    return open_for(here, request, caller, goto(own_address(wanted)))


def open_for(here: Context, request: Request, caller: Principal, answer: Response) -> Response:
    """Open a session and give its cookie along with an answer."""
    with here.keepwell.database.write() as conn:
        token = open_session(conn, here.keepwell.ledger, caller, now=here.clock())
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@inside.post("/staff/logout")
def post_logout(visit: AnyStaff) -> Response:
    """End the session here, and with it its cookie."""
    with visit.here.keepwell.database.write() as conn:
        close_session(conn, visit.token)
    answer = goto(f"{LOGIN}?said=out")
    answer.delete_cookie(COOKIE, path="/")
    return answer


@inside.get("/staff")
def get_first(visit: AnyStaff) -> Response:
    """Show what opens to whoever is logged in."""
    return visit.answer("first.html.j2", title="Keepwell")


def _ask(here: Context, *, wanted: str, said: str, status: int = 200) -> Response:
    words = {
        "wrong": "That key opens nothing here: it is unknown, mistyped, expired or revoked.",
        "out": "You are logged out.",
    }
    html = render_alone(
        "login.html.j2",
        said=words.get(said, ""),
        failed=said == "wrong",
        wanted=own_address(wanted),
        kind=here.keepwell.kind,
    )
    return page(html, status=status)
